from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, splits_of
from nlp_pipeline.graph.windows import WindowArrays, windows_of
from nlp_pipeline.inputs import windows as plain
from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from tests.tiny_checkpoint import write_tiny_checkpoint


def draw(generator: random.Random, most: int) -> list[list[int]]:
    lengths = [generator.choice([1, 2, 5, 30, 150]) for _ in range(generator.choice([1, 3, 8]))]
    return [[generator.randint(1, most) for _ in range(length)] for length in lengths]


def test_windows_are_those_of_python() -> None:
    generator = random.Random(5)
    spec = tf.TensorSpec([None], tf.int32)
    run = tf.function(
        windows_of, input_signature=[spec, spec, tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32)]
    )
    for _ in range(40):
        most = generator.choice([1, 3, 10])
        room = generator.randrange(most + 1, 60)
        overlap = generator.randrange(0, room - most + 1)
        sentences = draw(generator, most)
        flat = [count for sentence in sentences for count in sentence]
        lengths = [len(sentence) for sentence in sentences]
        found = run(splits_of(tf.constant(flat)), splits_of(tf.constant(lengths)), room, overlap)
        expected = []
        for number, counts in enumerate(sentences):
            first = sum(lengths[:number])
            for window in plain.windows_of(counts, room, overlap):
                places = (window.start, window.end, window.kept_start, window.kept_end)
                expected.append((number, *(first + place for place in places)))
        assert list(zip(*(one.numpy().tolist() for one in found), strict=True)) == expected


@pytest.mark.parametrize("lengths", [[0], [0, 0], [0, 3], [3, 0], [9, 0, 3, 0, 0, 9]])
def test_a_sentence_without_words_has_one_window_and_changes_no_other(lengths: list[int]) -> None:
    found = windows_of(splits_of(tf.constant([2] * sum(lengths), tf.int32)), splits_of(tf.constant(lengths)), 8, 3)
    of_others = []
    for number, length in enumerate(lengths):
        first = sum(lengths[:number])
        cut = plain.windows_of([2] * length, 8, 3) or [plain.Window(0, 0, 0, 0)]
        of_others += [(number, first + one.start, first + one.end) for one in cut]
    received = zip(*(one.numpy().tolist() for one in (found.sentences, found.starts, found.ends)), strict=True)
    assert list(received) == of_others


@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_arrays_are_those_of_python(tmp_path: Path, pooling: Literal["first", "mean", "last"]) -> None:
    tokenizer = CheckpointTokenizer(write_tiny_checkpoint(tmp_path))
    settings = Encoder(window=20, overlap=6, max_subwords_of_word=8, pooling=pooling)
    generator = random.Random(6)
    sentences = [[[generator.randint(6, 90) for _ in range(count)] for count in row] for row in draw(generator, 8)]
    words = [word for sentence in sentences for word in sentence]
    subwords = Rows(tf.constant([one for word in words for one in word]), splits_of(tf.constant([*map(len, words)])))
    length = max(map(len, sentences))
    expected = plain.window_arrays(sentences, length, settings, tokenizer, for_training=False)
    found = WindowArrays(settings, tokenizer)(subwords, splits_of(tf.constant([*map(len, sentences)])), length)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name].numpy(), array, err_msg=name)
