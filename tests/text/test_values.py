"""Spans, sentences, vocabularies and casings cannot be wrong."""

from __future__ import annotations

import pytest

from nlp_pipeline.text.casing import CASINGS, casing_of
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity, Span, overlaps
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.text.vocabulary import Vocabulary


def test_a_span_is_half_open_and_never_empty() -> None:
    assert len(Span(2, 5)) == 3
    for start, end in ((-1, 2), (2, 2), (3, 2)):
        with pytest.raises(ValueError, match="Received"):
            Span(start, end)
    with pytest.raises(ValueError, match="type"):
        Entity(0, 1, "")


def test_overlaps() -> None:
    apart = [Entity(4, 5, "A"), Entity(0, 2, "A"), Entity(2, 3, "B")]
    assert list(overlaps(apart)) == []
    inner = [Entity(0, 9, "A"), Entity(1, 2, "A"), Entity(5, 6, "B")]
    assert list(overlaps(inner)) == [(inner[0], inner[1]), (inner[0], inner[2])]


def test_a_sentence_is_consistent() -> None:
    sentence = Sentence(("Ana", "left"), ("B-PER", "O"), (Span(0, 3), Span(4, 8)))
    assert sentence.entities == [Entity(0, 1, "PER")]
    assert Sentence(("Ana",)).entities == []
    for words, tags in (((), None), (("a", ""), None), (("a",), ("O", "O"))):
        with pytest.raises(ValueError, match="expected"):
            Sentence(words, tags)


def test_a_vocabulary_keeps_two_ids_for_itself() -> None:
    vocabulary = Vocabulary.from_counts({"b": 2, "a": 2, "c": 9, "d": 1}, minimum=2)
    assert vocabulary.items == ("c", "a", "b")
    assert vocabulary.ids(["c", "b", "?"]) == [2, 4, 1]
    assert (vocabulary.id_of("a"), len(vocabulary)) == (3, 5)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    assert Vocabulary.from_counts({"b": 2, "a": 3}, maximum=1).items == ("a",)
    with pytest.raises(ValueError, match="once"):
        Vocabulary(["a", "a"])


def test_a_tag_set_comes_back_from_json() -> None:
    tag_set = TagSet(["PER", "LOC"])
    assert tag_set.names == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert TagSet.from_json(tag_set.to_json()) == tag_set
    assert tag_set.tags(tag_set.ids(["O", "I-LOC"])) == ["O", "I-LOC"]
    assert tag_set.id_of("B-PER") == 1
    with pytest.raises(KeyError):
        tag_set.ids(["B-ORG"])
    for types in ([], ["A", "A"], [""]):
        with pytest.raises(ValueError, match="different"):
            TagSet(types)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("at", "lower"),
        ("Oslo", "capitalised"),
        ("O'Brien", "mixed"),
        ("A", "capital"),
        ("NATO", "upper"),
        ("U.S.", "upper"),
        ("iPhone", "mixed"),
        ("B52", "letters and digits"),
        ("1,200", "digits"),
        ("--", "other"),
        ("\ufe0f", "other"),
        ("École", "capitalised"),
        ("東京", "lower"),
        ("#Oslo", "capitalised"),
        ("x" * 300_000, "lower"),
    ],
)
def test_casings(word: str, kind: str) -> None:
    assert CASINGS[casing_of(word)] == kind
