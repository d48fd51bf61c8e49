"""Confusions: every entity is counted once, whatever it was taken for."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nlp_pipeline.evaluation.confusion import BORDERS, Confusion, confusion_matrix_of, confusions_of
from nlp_pipeline.evaluation.confusion_picture import confusion_pixels
from nlp_pipeline.evaluation.fonts import FontWarning
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

TYPES = ("LOC", "ORG", "PER")


def _example(gold: str, predicted: str) -> TaggedExample:
    tags = tuple(gold.split())
    return TaggedExample(Sentence(("word",) * len(tags), tags), tuple(predicted.split()))


def _drawn(source: random.Random) -> TaggedExample:
    def tags() -> tuple[str, ...]:
        entities, at = [], 0
        while (start := at + source.randrange(3)) < 9:
            at = min(10, start + source.randrange(1, 4))
            entities.append(Entity(start, at, source.choice(TYPES)))
        return tuple(tags_from_entities(entities, 10, Scheme.IOB2))

    return TaggedExample(Sentence(("word",) * 10, tags()), tags())


EXAMPLES = [
    _example("B-PER I-PER O B-LOC", "B-PER O O B-ORG"),
    _example("B-LOC O", "O O"),
    _example("O O", "O B-MISC"),
    _example("O B-LOC", "O B-LOC"),
]


def test_confusions_are_counted_once() -> None:
    assert confusions_of(EXAMPLES) == [
        Confusion("LOC", "O", 1),
        Confusion("LOC", "ORG", 1),
        Confusion("O", "MISC", 1),
        Confusion("PER", "PER", 1, border=True),
    ]


def test_the_matrix_holds_the_confusions_and_what_is_right() -> None:
    matrix = confusion_matrix_of(EXAMPLES, ["WORK"])
    assert matrix.rows == ("LOC", "MISC", "ORG", "PER", "WORK", "O")
    assert matrix.columns == ("LOC", "MISC", "ORG", "PER", "WORK", BORDERS, "O")
    expected = np.zeros((6, 7), int)
    for row, column in (("LOC", "LOC"), ("LOC", "ORG"), ("LOC", "O"), ("PER", BORDERS), ("O", "MISC")):
        expected[matrix.rows.index(row), matrix.columns.index(column)] = 1
    assert matrix.counts.tolist() == expected.tolist()
    assert matrix.shares()[0] == pytest.approx([1 / 3, 0, 1 / 3, 0, 0, 0, 1 / 3])
    assert matrix.shares()[4].tolist() == [0] * 7


def test_rows_sum_to_the_entities_of_the_corpus() -> None:
    source = random.Random(4)
    examples = [_drawn(source) for _ in range(300)]
    matrix = confusion_matrix_of(examples)
    gold = [entity.entity_type for example in examples for entity in example.gold_entities]
    assert matrix.counts[:-1].sum(axis=1).tolist() == [gold.count(name) for name in TYPES]
    right = [entity.entity_type for example in examples for entity in example.hits]
    assert [matrix.counts[place, place] for place in range(3)] == [right.count(name) for name in TYPES]
    mistakes = sum(confusion.count for confusion in confusions_of(examples))
    assert matrix.counts.sum() == len(right) + mistakes


def test_a_type_may_be_spelled_as_nothing_is() -> None:
    matrix = confusion_matrix_of([_example("B-O O", "B-O B-O")])
    assert matrix.counts.tolist() == [[1, 0, 0], [1, 0, 0]]


def test_nothing_at_all_has_a_matrix() -> None:
    matrix = confusion_matrix_of([])
    assert matrix.counts.tolist() == [[0, 0]]
    assert confusion_pixels(matrix).shape[2] == 3


def test_the_picture_is_darker_where_more_is() -> None:
    pixels = confusion_pixels(confusion_matrix_of([_example("B-LOC", "B-LOC")] * 3 + [_example("B-ORG", "O")] * 2))
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    # Dark blue for what is right and for what was missed, and the black of letters.
    assert (pixels == np.array([8, 48, 107])).all(axis=2).sum() > 2000
    assert (pixels.sum(axis=2) < 60).any()


def test_the_commonest_types_and_the_others() -> None:
    source = random.Random(5)
    matrix = confusion_matrix_of([_drawn(source) for _ in range(50)], ["A", "B"])
    assert matrix.commonest(5) is matrix
    for count in range(5):
        less = matrix.commonest(count)
        assert less.counts.shape == (count + 2, count + 3)
        assert less.entity_types[-1] == f"{5 - count} other types"
        assert less.counts.sum() == matrix.counts.sum()
        assert less.counts[-1, -2:].tolist() == [0, 0]
        for place, name in enumerate(less.entity_types[:-1]):
            whole = matrix.entity_types.index(name)
            for axis in (0, 1):
                assert less.counts.sum(axis=axis)[place] == matrix.counts.sum(axis=axis)[whole]
    assert matrix.commonest(3).entity_types == (*TYPES, "2 other types")
    examples = [_example("B-X B-Y B-X O", "B-X B-Z O B-Y"), _example("B-X", "B-Z")]
    less = confusion_matrix_of(examples).commonest(1)
    assert less.rows == ("X", "2 other types", "O")
    # X is right, taken for another, missed; Y is taken for Z, both of the others; an O is taken for Y.
    assert less.counts.tolist() == [[1, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 0]]


def test_a_picture_of_many_types_stays_a_picture() -> None:
    types = [f"type-{number}" for number in range(1500)]
    examples = [_example(f"B-{name}", "O") for name in types]
    pixels = confusion_pixels(confusion_matrix_of(examples), "entities of the dev corpus")
    assert 1500 < min(pixels.shape[:2]) <= max(pixels.shape[:2]) < 2200
    ink = (pixels != 255).any(axis=2)
    assert not any(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


def test_types_in_letters_without_a_font_are_told() -> None:
    with pytest.warns(FontWarning, match="U\\+10380"):
        confusion_pixels(confusion_matrix_of([_example("B-\U00010380", "O")]))
