"""Counts of a corpus, on one small enough to be counted by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from nlp_pipeline.corpora.statistics import SplitStatistics, describe
from nlp_pipeline.text.sentence import Sentence
from tests.corpora.drawn_sentences import corpora

ANA = Sentence(("Ana", "Reis", "left"), ("B-PER", "I-PER", "O"), place="train.conll:1")
OSLO = Sentence(("Oslo", "rains"), ("B-LOC", "O"), place="train.conll:5")
RUI = Sentence(("Rui", "met", "Ana", "Reis"), ("B-PER", "O", "B-PER", "I-PER"), place="dev.conll:1")
PARIS = Sentence(("Oslo", "rains"), ("B-PER", "O"), place="dev.conll:6")


def test_what_is_counted_in_each_split() -> None:
    found = describe({"train": [ANA, OSLO, ANA, ANA], "dev": [RUI, PARIS]})
    assert found.splits == {
        "train": SplitStatistics(
            sentences=4,
            words=11,
            entities=4,
            types={"LOC": 1, "PER": 3},
            longest=3,
            longest_place="train.conll:1",
            duplicates=2,
            unseen=None,
        ),
        # Of Rui, Ana Reis and Oslo as a person, training holds Ana Reis alone.
        "dev": SplitStatistics(
            sentences=2,
            words=6,
            entities=3,
            types={"PER": 3},
            longest=4,
            longest_place="dev.conll:1",
            duplicates=0,
            unseen=2 / 3,
        ),
    }


def test_sentences_that_two_splits_share_are_counted_once_whatever_their_tags() -> None:
    found = describe({"train": [ANA, OSLO, OSLO], "dev": [PARIS, RUI, PARIS], "test": [RUI, ANA]})
    assert found.shared == {("train", "dev"): 1, ("train", "test"): 1, ("dev", "test"): 1}


def test_a_split_without_entities_has_no_unseen_ones() -> None:
    plain = Sentence(("It", "rains"), ("O", "O"))
    found = describe({"train": [ANA], "dev": [plain], "test": [Sentence(("It",))]}).splits
    assert [(found[name].entities, found[name].types, found[name].unseen) for name in ("dev", "test")] == [
        (0, {}, 0.0),
        (0, {}, 0.0),
    ]


@given(train=corpora, dev=corpora)
def test_what_holds_for_every_corpus(train: list[Sentence], dev: list[Sentence]) -> None:
    found = describe({"train": train, "dev": dev})
    for name, sentences in (("train", train), ("dev", dev)):
        split = found.splits[name]
        assert split.entities == sum(split.types.values()) == sum(len(one.entities) for one in sentences)
        assert split.sentences - split.duplicates == len({one.words for one in sentences})
    assert found.shared["train", "dev"] <= min(len({one.words for one in part}) for part in (train, dev))
    assert describe({"train": train, "dev": train}).splits["dev"].unseen == 0.0
    again = json.loads(json.dumps(found.to_json()))
    assert again["splits"]["train"]["sentences"] == len(train)
    assert again["shared"] == {"train/dev": found.shared["train", "dev"]}


def test_a_corpus_needs_a_split_called_train() -> None:
    with pytest.raises(KeyError):
        describe({"dev": [ANA]})
