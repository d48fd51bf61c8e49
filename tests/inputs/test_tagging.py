"""Batches of a tagger: the arrays of a case worked out by hand, and that every word comes once, whatever it is."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.inputs import tagging
from nlp_pipeline.inputs.tagging import TaggingInputs, build_vocabularies
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.casing import CASINGS
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.text.vocabulary import Vocabulary
from tests.tiny_checkpoint import tiny_vocabulary, write_tiny_checkpoint

TAGS = TagSet(["LOC", "PER"], Scheme.IOB2)
SUBWORDS = tiny_vocabulary(cased=False)
PAD, START, END = (SUBWORDS.index(token) for token in ("[PAD]", "[CLS]", "[SEP]"))

MakeInputs = Callable[..., TaggingInputs]


def _ids(*subwords: str) -> list[int]:
    return [SUBWORDS.index(subword) for subword in subwords]


def _recipe(**sections: Any) -> TaggingRecipe:
    given_or_left_out = {"encoder": None, "characters": None, "words": None, "casing": None} | sections
    data = {"train": "train.conll", "dev": "dev.conll"}
    return TaggingRecipe.model_validate({"task": "tagging", "name": "test", "data": data, **given_or_left_out})


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def with_encoder(encoder_folder: Path) -> MakeInputs:
    """Return a function that makes inputs with an encoder of so short a window that few words fit."""

    def make(**settings: Any) -> TaggingInputs:
        encoder = {"window": 16, "overlap": 5, "max_subwords_of_word": 8, **settings}
        tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=int(encoder["max_subwords_of_word"]))
        return TaggingInputs(_recipe(encoder=encoder), TAGS, {}, tokenizer)

    return make


def test_the_arrays_of_two_sentences(encoder_folder: Path) -> None:
    recipe = _recipe(
        encoder={"window": 16, "overlap": 4, "max_subwords_of_word": 8},
        characters={"longest": 5},
        words={"lowercase": True},
        casing={},
    )
    vocabularies = {"characters": Vocabulary("ethsuo"), "words": Vocabulary(["the", "new"])}
    inputs = TaggingInputs(recipe, TAGS, vocabularies, CheckpointTokenizer(encoder_folder))
    sentences = [
        Sentence(("the", "Houses", "the"), tags=("O", "B-LOC", "I-LOC")),
        Sentence(("NEW",), tags=("B-PER",)),
    ]
    batch = inputs.batch(inputs.encode(sentences))
    expected: dict[str, Any] = {
        "padding_mask": [[True, True, True], [True, False, False]],
        "word_index": [[1, 2, 1], [3, 0, 0]],
        # Of "Houses" five characters are read: "Hou" and "es". "H", "N", "E" and "W" are unknown.
        "character_ids": [[0, 0, 0, 0, 0], [3, 4, 2, 0, 0], [1, 7, 6, 2, 5], [1, 1, 1, 0, 0]],
        "casing_ids": [0, CASINGS.index("lower"), CASINGS.index("capitalised"), CASINGS.index("upper")],
        "word_ids": [0, 2, 1, 3],
        "subword_ids": [[START, *_ids("the", "house", "##s", "the"), END], [START, *_ids("new"), END, PAD, PAD, PAD]],
        "subword_mask": [[True] * 6, [True] * 3 + [False] * 3],
        "word_of_subword": [[0, 1, 2, 2, 3, 0], [0, 4, 0, 0, 0, 0]],
        "tag_ids": [TAGS.ids(["O", "B-LOC", "I-LOC"]), TAGS.ids(["B-PER", "O", "O"])],
    }
    assert {key: value.tolist() for key, value in batch.items()} == expected
    for key, value in batch.items():
        assert value.dtype == (np.bool_ if key.endswith("mask") else np.int32)


@pytest.mark.parametrize(
    ("pooling", "owners"),
    [("first", [0, 1, 2, 0, 3, 0]), ("mean", [0, 1, 2, 2, 3, 0]), ("last", [0, 1, 0, 2, 3, 0])],
)
def test_pooling_names_the_subwords_that_stand_for_a_word(
    with_encoder: MakeInputs, pooling: str, owners: list[int]
) -> None:
    inputs = with_encoder(pooling=pooling)
    batch = inputs.batch(inputs.encode([Sentence(("the", "houses", "the"))]))
    assert batch["word_of_subword"].tolist() == [owners]
    assert "tag_ids" not in batch


@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_for_training_a_masking_encoder_is_told_whole_words_in_every_window(
    with_encoder: MakeInputs, pooling: str
) -> None:
    inputs = with_encoder(pooling=pooling, finetune=True, masking=0.5)
    encoded = inputs.encode([Sentence(("the", "houses") * 6)])
    assert "whole_words" not in inputs.batch(encoded)
    batch = inputs.batch(encoded, for_training=True)
    assert len(batch["whole_words"]) > 1
    for ids, words, mask in zip(batch["subword_ids"], batch["whole_words"], batch["subword_mask"], strict=True):
        assert not words[~mask].any()
        assert not words[np.isin(ids, (START, END))].any()
        spelt: dict[int, list[int]] = {}
        for subword, word in zip(ids, words, strict=True):
            if word:
                spelt.setdefault(int(word), []).append(int(subword))
        for word, subwords in spelt.items():
            assert subwords == list(encoded[0].subwords[word - 1])
    assert set(batch["whole_words"].ravel()) == set(range(13))
    assert "whole_words" not in with_encoder(finetune=True).batch(encoded, for_training=True)
    assert "whole_words" not in with_encoder(masking=0.5).batch(encoded, for_training=True)


WORDS = ("the", "houses", "river", "paying", "Berlin", "zzz", "\ufe0f", "!?", "people")


@given(
    numbers=st.lists(st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=60), min_size=1, max_size=4),
    pooling=st.sampled_from(["first", "mean", "last"]),
)
def test_every_word_of_long_sentences_stands_once_in_the_windows(
    with_encoder: MakeInputs, numbers: list[list[int]], pooling: str
) -> None:
    inputs = with_encoder(pooling=pooling)
    encoded = inputs.encode([Sentence(tuple(WORDS[number] for number in sentence)) for sentence in numbers])
    batch = inputs.batch(encoded)
    length = batch["padding_mask"].shape[1]
    assert batch["subword_ids"].shape[1] <= 16
    found: dict[int, list[int]] = {}
    for ids, owners, mask in zip(batch["subword_ids"], batch["word_of_subword"], batch["subword_mask"], strict=True):
        real = int(mask.sum())
        assert mask[:real].all()
        assert (ids[0], ids[real - 1]) == (START, END)
        assert not owners[~mask].any()
        assert (ids[~mask] == PAD).all()
        for subword, owner in zip(ids, owners, strict=True):
            if owner:
                found.setdefault(int(owner), []).append(int(subword))
    chosen = {"first": slice(0, 1), "mean": slice(None), "last": slice(-1, None)}[pooling]
    expected = {
        row * length + place + 1: list(subwords)[chosen]
        for row, sentence in enumerate(encoded)
        for place, subwords in enumerate(sentence.subwords)
    }
    assert found == expected


def test_a_word_without_a_subword_is_unknown_and_stays(with_encoder: MakeInputs) -> None:
    inputs = with_encoder()
    (encoded,) = inputs.encode([Sentence(("the", "\ufe0f", "\x07", "new"))])
    assert list(map(list, encoded.subwords)) == [_ids("the"), _ids("[UNK]"), _ids("[UNK]"), _ids("new")]
    assert inputs.batch([encoded])["word_of_subword"].tolist() == [[0, 1, 2, 3, 4, 0]]


def test_a_huge_word_and_a_long_sentence_cost_little(encoder_folder: Path) -> None:
    recipe = _recipe(encoder={"window": 64, "overlap": 16, "max_subwords_of_word": 32}, characters={}, words={})
    vocabularies = {"characters": Vocabulary("abc"), "words": Vocabulary(["the"])}
    tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=32)
    sentences = [
        Sentence(("the", "a" * 300_000, "a." * 150_000, "new")),
        Sentence(tuple(WORDS[number % len(WORDS)] for number in range(2000))),
    ]

    def batch() -> dict[str, Any]:
        inputs = TaggingInputs(recipe, TAGS, vocabularies, tokenizer)
        return inputs.batch(inputs.encode(sentences))

    # The time of this process alone, so that a busy machine does not matter.
    started = time.process_time()
    made = batch()
    assert time.process_time() - started < 1.0
    assert made["padding_mask"].sum() == 2004
    assert made["subword_ids"].shape[1] <= 64
    assert made["character_ids"].shape[1] == 32
    tracemalloc.start()
    try:
        batch()
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("longest", "shown"), [(2, "aj"), (3, "abj"), (4, "abij"), (9, "abcdeghij"), (10, "abcdefghij"), (11, "abcdefghij")]
)
def test_of_a_long_word_both_ends_are_spelt(longest: int, shown: str) -> None:
    vocabulary = Vocabulary("abcdefghij")
    recipe = _recipe(characters={"longest": longest})
    inputs = TaggingInputs(recipe, TAGS, {"characters": vocabulary}, None)
    for _ in range(2):  # the second time from what is remembered
        batch = inputs.batch(inputs.encode([Sentence(("abcdefghij",))]))
        assert batch["character_ids"][1].tolist() == vocabulary.ids(shown)


def test_a_stream_of_new_words_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging, "REMEMBERED_WORDS", 10)
    vocabulary = Vocabulary("0123456789")
    inputs = TaggingInputs(_recipe(characters={}), TAGS, {"characters": vocabulary}, None)
    for start in range(0, 100, 7):
        words = tuple(str(number) for number in range(start, start + 7))
        batch = inputs.batch(inputs.encode([Sentence(words)]))
        for word, spelling in zip(words, batch["character_ids"][1:], strict=True):
            assert spelling[: len(word)].tolist() == vocabulary.ids(word)
        assert len(inputs._characters) <= 10


def test_kept_vectors_stand_in_for_the_subwords(with_encoder: MakeInputs) -> None:
    inputs = with_encoder()
    encoded = inputs.encode([Sentence(("the",)), Sentence(("the", "new", "river"))])
    vectors = [-np.ones((1, 2, 4), np.float16), np.arange(3 * 8, dtype=np.float16).reshape(3, 2, 4)]
    batch = inputs.batch(encoded, vectors)
    assert batch.keys() == {"padding_mask", "word_index", "word_vectors"}
    assert batch["word_vectors"].dtype == np.float16
    # The first words of both, the longer sentence first, and then what is left of that.
    np.testing.assert_array_equal(batch["word_vectors"], np.concatenate([vectors[1][:1], vectors[0], vectors[1][1:]]))


def test_gold_tags_take_the_tag_sets_scheme_and_lose_types_that_it_does_not_know() -> None:
    tag_set = TagSet(["PER"], Scheme.IOBES)
    inputs = TaggingInputs(_recipe(characters={}), tag_set, {"characters": Vocabulary("a")}, None)
    sentence = Sentence(("a", "b", "c", "d", "e"), tags=("B-PER", "I-PER", "B-LOC", "I-LOC", "B-PER"))
    (encoded,) = inputs.encode([sentence])
    assert encoded.tag_ids is not None
    assert tag_set.tags(encoded.tag_ids) == ["B-PER", "E-PER", "O", "O", "S-PER"]
    assert encoded.cost == 5
    without = inputs.encode([Sentence(("a",))])
    assert without[0].tag_ids is None
    assert "tag_ids" not in inputs.batch([encoded, *without])


def test_the_cost_with_an_encoder_is_in_subwords(with_encoder: MakeInputs) -> None:
    (encoded,) = with_encoder().encode([Sentence(("the", "houses"))])
    assert encoded.cost == 5


def test_vocabularies_hold_what_was_seen_often_enough() -> None:
    sentences = [Sentence(("Ab", "ab", "cx")), Sentence(("AB", "c", "ab"))]
    recipe = _recipe(characters={}, words={"minimum": 2, "lowercase": True})
    vocabularies = build_vocabularies(sentences, recipe)
    # b 3, A 2, a 2, c 2; x and B once. The commonest come first, equals in the order of their code points.
    assert vocabularies["characters"].items == ("b", "A", "a", "c")
    assert vocabularies["words"].items == ("ab",)
    assert len(vocabularies["words"]) == 3
    cased = build_vocabularies(sentences, _recipe(words={"minimum": 1, "lowercase": False}))
    assert cased.keys() == {"words"}
    assert cased["words"].items == ("ab", "AB", "Ab", "c", "cx")
    assert build_vocabularies(sentences, _recipe(encoder={})) == {}
