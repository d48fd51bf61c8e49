"""Counts of a parallel corpus, on one small enough to be counted by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.corpora.parallel_statistics import PairStatistics, SideStatistics, describe_pairs
from nlp_pipeline.text.pair import SentencePair

GO = SentencePair("Go.", "Va-t'en, et vite !", "train.en:1")
HI = SentencePair("Hi there.", "Salut !", "train.en:2")
HI_AGAIN = SentencePair("Hi there.", "Bonjour.", "dev.en:1")
OK = SentencePair("OK", "OK", "dev.en:2")
NOTHING = SentencePair("What?", "\u200b ", "dev.en:3")

texts = st.sampled_from(["a", "a b", "abcd", "", " "])
corpora = st.lists(st.builds(SentencePair, texts, texts), min_size=1, max_size=6)


def test_what_is_counted_in_each_split() -> None:
    found = describe_pairs({"train": [GO, HI, GO], "dev": [HI_AGAIN, OK, HI, NOTHING]})
    assert found.splits["train"] == PairStatistics(
        pairs=3,
        source=SideStatistics(4, 15, 4 / 3, 5.0, 2, 9, "train.en:2"),
        target=SideStatistics(10, 43, 10 / 3, 43 / 3, 4, 18, "train.en:1"),
        outliers=2,
        outlier_places=("train.en:1", "train.en:1"),
        duplicates=1,
        identical=0,
        empty=0,
        known_pairs=None,
        known_sources=None,
    )
    dev = found.splits["dev"]
    assert (dev.pairs, dev.duplicates, dev.identical, dev.empty, dev.outliers) == (4, 0, 1, 1, 0)
    assert (dev.known_pairs, dev.known_sources) == (1, 2)
    assert found.shared == {("train", "dev"): 1}


def test_only_the_first_outliers_are_shown() -> None:
    pairs = [SentencePair("a", "abcd", f"x:{number}") for number in range(9)]
    split = describe_pairs({"train": pairs}).splits["train"]
    assert (split.outliers, split.outlier_places) == (9, ("x:0", "x:1", "x:2", "x:3", "x:4"))


@given(train=corpora, dev=corpora)
def test_what_holds_for_every_corpus(train: list[SentencePair], dev: list[SentencePair]) -> None:
    found = describe_pairs({"train": train, "dev": dev})
    split = found.splits["dev"]
    assert split.known_pairs is not None
    assert split.known_sources is not None
    assert found.shared["train", "dev"] <= split.known_pairs <= split.known_sources <= split.pairs == len(dev)
    assert split.pairs - split.duplicates == len({(pair.source, pair.target) for pair in dev})
    assert describe_pairs({"train": train, "dev": train}).splits["dev"].known_pairs == len(train)
    again = json.loads(json.dumps(found.to_json()))
    assert again["splits"]["train"]["source"]["words"] == sum(len(pair.source.split()) for pair in train)
    assert again["shared"] == {"train/dev": found.shared["train", "dev"]}


def test_a_corpus_needs_a_split_called_train() -> None:
    with pytest.raises(KeyError):
        describe_pairs({"dev": [GO]})
