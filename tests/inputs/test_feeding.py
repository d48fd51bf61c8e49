"""Feeding: the batches as they were made, in order, one graph for all their lengths."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.inputs.feeding import feed, few_shapes, signature_of


def _batch(rows: int, length: int) -> dict[str, Any]:
    return {
        "padding_mask": np.ones((rows, length), np.bool_),
        "casing_ids": np.arange(rows, dtype=np.int32),
        "word_vectors": np.full((rows * length, 4, 3), rows, np.float16),
    }


SHAPES = [(2, 3), (1, 7), (4, 1)]


def test_what_differs_from_batch_to_batch_is_open() -> None:
    signature = signature_of(_batch(2, 3))
    assert signature == {
        "padding_mask": tf.TensorSpec([None, None], tf.bool, name="padding_mask"),
        "casing_ids": tf.TensorSpec([None], tf.int32, name="casing_ids"),
        "word_vectors": tf.TensorSpec([None, 4, 3], tf.float16, name="word_vectors"),
    }
    assert signature_of(_batch(5, 1)) == signature


@pytest.mark.parametrize(("first", "ahead", "threads"), [(0, 1, 1), (2, 4, 3)])
def test_batches_come_in_order_and_without_an_end(first: int, ahead: int, threads: int) -> None:
    def make(number: int) -> dict[str, Any]:
        # The later ones are ready first.
        time.sleep(0.01 * (3 - number % 4))
        return _batch(*SHAPES[number % 3])

    strategy = tf.distribute.get_strategy()
    dataset = feed(make, signature_of(_batch(1, 1)), strategy, first=first, ahead=ahead, threads=threads)
    assert dataset.cardinality().numpy() == tf.data.INFINITE_CARDINALITY
    for number, batch in zip(range(first, first + 8), dataset, strict=False):
        for key, value in _batch(*SHAPES[number % 3]).items():
            np.testing.assert_array_equal(batch[key].numpy(), value)
            assert batch[key].dtype == value.dtype


def test_vectors_in_bfloat16_come_through() -> None:
    batch = _batch(2, 3)
    batch["word_vectors"] = batch["word_vectors"].astype(tf.bfloat16.as_numpy_dtype)
    dataset = feed(lambda _number: batch, signature_of(batch), tf.distribute.get_strategy())
    received = next(iter(dataset))["word_vectors"]
    assert received.dtype == tf.bfloat16
    np.testing.assert_array_equal(received.numpy(), batch["word_vectors"])


def test_nobody_waits_for_a_tuner_at_the_end() -> None:
    # Timed it would be a test of the machine: TensorFlow's tuner sleeps for up to a minute, and the iterator with it.
    dataset = feed(lambda _number: _batch(1, 1), signature_of(_batch(1, 1)), tf.distribute.get_strategy())
    assert dataset.options().autotune.enabled is False


def test_few_shapes_hold_the_same_words() -> None:
    batch = {
        "padding_mask": np.ones((3, 9), np.bool_),
        # Words are numbered row by row, from 1.
        "word_of_subword": np.array([[0, 1, 1, 9, 0], [0, 10, 18, 0, 0], [0, 19, 20, 27, 0]], np.int32),
        "word_vectors": np.arange(27 * 12, dtype=np.float16).reshape(27, 4, 3),
        "counted": np.array([True, True, True]),
        "step_words": np.array(27.0, np.float32),
    }
    padded = few_shapes(batch)
    assert {key: value.shape for key, value in padded.items()} == {
        "padding_mask": (8, 16),
        "word_of_subword": (8, 8),
        "word_vectors": (8 * 16, 4, 3),
        "counted": (8,),
        "step_words": (),
    }
    assert all(padded[key].dtype == batch[key].dtype for key in batch)
    assert padded["padding_mask"].sum() == 27
    assert padded["counted"].sum() == 3
    rows, columns = batch["word_of_subword"].shape
    for row in range(rows):
        for column in range(columns):
            before = int(batch["word_of_subword"][row, column])
            after = int(padded["word_of_subword"][row, column])
            assert (before == 0) == (after == 0)
            if before:
                assert divmod(after - 1, 16) == divmod(before - 1, 9)
    assert not padded["word_of_subword"][rows:].any()
    # A step reads the first words of all three, the next one the second ones; of eight sentences five are empty now.
    steps = padded["word_vectors"].reshape(16, 8, 4, 3)
    np.testing.assert_array_equal(steps[:9, :3].reshape(27, 4, 3), batch["word_vectors"])
    assert not steps[9:].any()
    assert not steps[:, 3:].any()
    del padded["word_vectors"]
    again = few_shapes(padded)
    np.testing.assert_array_equal(again["word_of_subword"], padded["word_of_subword"])


def test_a_window_is_not_made_longer_than_an_encoder_reads() -> None:
    batch = {
        "padding_mask": np.ones((3, 90), np.bool_),
        "subword_ids": np.ones((3, 97), np.int32),
        "word_of_subword": np.ones((3, 97), np.int32),
    }
    padded = few_shapes(batch, window=100)
    assert {key: value.shape for key, value in padded.items()} == {
        "padding_mask": (8, 128),
        "subword_ids": (8, 100),
        "word_of_subword": (8, 100),
    }


def test_of_the_two_masks_of_a_pair_words_are_numbered_by_the_sources() -> None:
    batch = {
        "padding_mask": np.ones((2, 30), np.bool_),
        "source_mask": np.ones((2, 10), np.bool_),
        "whole_words": np.array([[1, 10], [11, 20]], np.int32),
    }
    np.testing.assert_array_equal(few_shapes(batch, least=2)["whole_words"], [[1, 10], [17, 26]])


AHEAD = """
import threading
import numpy as np
import tensorflow as tf
from nlp_pipeline.inputs.feeding import feed, signature_of
tf.config.experimental.enable_op_determinism()
made, enough = [], threading.Event()
def make(number):
    made.append(number)
    if len(made) >= 5:
        enough.set()
    return {"x": np.array([number])}
data = iter(feed(make, signature_of(make(0)), tf.distribute.get_strategy()))
made.clear()
assert next(data)["x"].numpy() == [0]
assert enough.wait(60), made
assert [next(data)["x"].numpy()[0] for _ in range(9)] == list(range(1, 10))
"""


def test_batches_are_made_ahead_and_in_order_where_operations_are_deterministic() -> None:
    # As they are in every run; it cannot be undone in a process.
    done = subprocess.run([sys.executable, "-c", AHEAD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
