"""Schemes: there and back, against seqeval's strict reading, and what they do not allow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.text.schemes import Scheme, TagError, detect_scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.spans import Entity
from nlp_pipeline.text.tagset import TagSet


@st.composite
def sentences_of_entities(draw: st.DrawFn) -> tuple[list[Entity], int]:
    """Draw entities that do not overlap, neighbours included, and the length of their sentence."""
    length = draw(st.integers(1, 12))
    borders = sorted(draw(st.sets(st.integers(0, length), max_size=8)))
    types = st.sampled_from(["PER", "LOC", "a-b"])
    entities = [Entity(s, e, draw(types)) for s, e in itertools.pairwise(borders) if draw(st.booleans())]
    return entities, length


@given(drawn=sentences_of_entities(), scheme=st.sampled_from(Scheme))
def test_there_and_back_is_the_identity(drawn: tuple[list[Entity], int], scheme: Scheme) -> None:
    entities, length = drawn
    tags = tags_from_entities(entities, length, scheme)
    assert len(tags) == length
    assert entities_from_tags(tags, scheme) == entities


@pytest.mark.parametrize("scheme", Scheme)
def test_a_tag_set_allows_exactly_what_the_scheme_reads(scheme: Scheme) -> None:
    tag_set = TagSet(["A", "B"], scheme)
    for length in range(1, 5):
        for ids in itertools.product(range(len(tag_set)), repeat=length):
            allowed = (
                tag_set.allowed_starts[ids[0]]
                and tag_set.allowed_ends[ids[-1]]
                and all(tag_set.allowed_transitions[one][other] for one, other in itertools.pairwise(ids))
            )
            tags = tag_set.tags(ids)
            try:
                entities = entities_from_tags(tags, scheme)
            except TagError:
                assert not allowed, tags
            else:
                assert allowed, tags
                assert tags_from_entities(entities, length, scheme) == tags


@pytest.mark.parametrize("scheme", [Scheme.IOB2, Scheme.IOBES, Scheme.BILOU])
@given(drawn=sentences_of_entities())
def test_seqeval_reads_the_same(scheme: Scheme, drawn: tuple[list[Entity], int]) -> None:
    from seqeval.scheme import BILOU, IOB2, IOBES, Entities

    entities = [entity for entity in drawn[0] if entity.entity_type != "a-b"]
    tags = tags_from_entities(entities, drawn[1], scheme)
    theirs = Entities([tags], {"IOB2": IOB2, "IOBES": IOBES, "BILOU": BILOU}[scheme])
    read = [(entity.start, entity.end, entity.tag) for entity in theirs.entities[0]]
    assert read == [(entity.start, entity.end, entity.entity_type) for entity in entities]


@pytest.mark.parametrize(
    ("tags", "scheme", "index"),
    [
        ("O I-PER", Scheme.IOB2, 1),
        ("B-PER I-LOC", Scheme.IOB2, 1),
        ("B-PER", Scheme.IOB1, 0),
        ("I-PER B-LOC", Scheme.IOB1, 1),
        ("B-PER O", Scheme.IOBES, 1),
        ("O B-PER", Scheme.IOBES, 1),
        ("B-PER S-PER", Scheme.IOBES, 1),
        ("E-PER", Scheme.IOBES, 0),
        ("B-PER E-LOC", Scheme.IOBES, 1),
        ("L-PER", Scheme.BILOU, 0),
        ("O X-PER", Scheme.IOB2, 1),
        ("B-", Scheme.IOB2, 0),
        ("-PER", Scheme.IOB2, 0),
        ("PER", Scheme.IOB2, 0),
        ("", Scheme.IOB2, 0),
        ("U-PER", Scheme.IOBES, 0),
        ("o", Scheme.IOB1, 0),
    ],
)
def test_what_a_scheme_does_not_allow_is_told_with_its_place(tags: str, scheme: Scheme, index: int) -> None:
    with pytest.raises(TagError, match="received") as caught:
        entities_from_tags(tags.split(" "), scheme)
    assert caught.value.index == index


@given(drawn=st.lists(sentences_of_entities(), min_size=1, max_size=5), scheme=st.sampled_from(Scheme))
def test_whatever_is_detected_reads_the_same_entities_or_is_ambiguous(
    drawn: list[tuple[list[Entity], int]], scheme: Scheme
) -> None:
    sentences = [tags_from_entities(entities, length, scheme) for entities, length in drawn]
    detected, fits = detect_scheme(sentences)
    assert fits
    for tags in sentences:
        entities_from_tags(tags, detected)


def test_detection() -> None:
    assert detect_scheme([["O", "B-A", "I-A"]]) == (Scheme.IOB2, True)
    assert detect_scheme([["I-A", "B-A"], ["I-B", "O"]]) == (Scheme.IOB1, True)
    assert detect_scheme([["B-A", "E-A"], ["S-B", "O"]]) == (Scheme.IOBES, True)
    assert detect_scheme([["B-A", "L-A"], ["U-B", "O"]]) == (Scheme.BILOU, True)
    assert detect_scheme([["B-A"], ["B-A", "I-A"], ["O", "I-A"]]) == (Scheme.IOB2, False)


def test_entities_that_overlap_or_run_past_the_sentence_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        tags_from_entities([Entity(0, 2, "A"), Entity(1, 3, "A")], 3, Scheme.IOB2)
    with pytest.raises(ValueError, match="within 2 words"):
        tags_from_entities([Entity(0, 3, "A")], 2, Scheme.IOB2)
