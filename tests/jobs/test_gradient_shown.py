"""Of which sentence and which word the gradient through time is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp_pipeline.jobs.gradient_shown import LONGEST, longest_of, nothing_fits, tagger_gradient_shown
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.text.sentence import Sentence

WORDS = ("Ana", "Reis", "left", "Oslo", "for", "Lima", "today", "again", ".")


@pytest.mark.parametrize(
    ("lengths", "step", "expected"),
    [
        ([3, 9, 9, 2], None, 1),
        ([3, LONGEST, LONGEST + 1], None, 1),
        ([3, 5, 8], 6, 2),
        ([3, 5, 8], 9, None),
        ([LONGEST + 1, 0], None, None),
        ([], None, None),
    ],
)
def test_the_longest_sentence_that_has_the_step_is_taken(
    lengths: list[int], step: int | None, expected: int | None
) -> None:
    assert longest_of(lengths, step) == expected


def test_where_none_fits_it_is_said() -> None:
    told = "No sentence of the dev corpus has 7 to 40 words: no gradient through time is shown."
    assert nothing_fits("words", 7).texts == {"text/gradient_through_time": told}


@pytest.mark.parametrize(
    ("step", "distances"),
    # As far as a word lies from the one whose loss it is: the middle one, the fifth of nine, unless another is chosen.
    [(None, {0, 1, 2, 4}), (5, {0, 1, 2, 4}), (1, {0, 1, 2, 4, 8}), (9, {0, 1, 2, 4, 8}), (4, {0, 1, 2, 4})],
)
def test_the_loss_of_the_chosen_word_is_followed(tiny_bundle: Path, step: int | None, distances: set[int]) -> None:
    bundle = TaggerBundle.read(tiny_bundle)
    tags = ("B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC", "O", "O", "O")
    batch = bundle.inputs.batch(bundle.inputs.encode([Sentence(WORDS, tags)]))
    shown = tagger_gradient_shown(bundle.network, batch, WORDS, step)
    assert {int(name.rpartition("_")[2]) for name in shown.scalars} == distances
    middle = tagger_gradient_shown(bundle.network, batch, WORDS)
    assert (shown.scalars == middle.scalars) == (step in (None, 5))
