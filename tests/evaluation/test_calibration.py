"""Calibration: the bins add up, and a tagger that is as sure as it is right has no error."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_pipeline.evaluation.calibration import calibration_of, entity_calibration_of, word_calibration_of
from nlp_pipeline.evaluation.calibration_picture import calibration_pixels
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.sentence import Sentence


def test_the_error_is_that_of_the_equation() -> None:
    drawn = np.random.default_rng(2)
    confidences = drawn.random(500)
    right = drawn.random(500) < confidences**2
    expected = 0.0
    for place in range(10):
        inside = [n for n, c in enumerate(confidences) if place / 10 < c <= (place + 1) / 10]
        if inside:
            expected += len(inside) / 500 * abs(float(np.mean(right[inside]) - np.mean(confidences[inside])))
    calibration = calibration_of(confidences, right)
    assert calibration.error == pytest.approx(expected)
    assert calibration.count == 500


def test_as_sure_as_right_is_no_error_and_always_sure_is_all_of_it() -> None:
    drawn = np.random.default_rng(3)
    confidences = drawn.random(200_000)
    honest = calibration_of(confidences, drawn.random(200_000) < confidences)
    assert honest.error is not None
    assert honest.error < 0.005
    assert calibration_of([1.0] * 4, [True, False, False, False]).error == pytest.approx(0.75)


def test_borders_belong_to_the_bin_below_and_rounding_is_cut_off() -> None:
    calibration = calibration_of([0.0, 0.1, 0.3, 1.0, 1.0000001], [True] * 5)
    assert [one.count for one in calibration.bins] == [2, 0, 1, 0, 0, 0, 0, 0, 0, 2]
    assert calibration.bins[1].confidence is None
    assert calibration.bins[9].confidence == 1.0


def test_nothing_has_no_error() -> None:
    assert calibration_of([], []).error is None
    assert calibration_pixels(calibration_of([], [])).shape[2] == 3


@pytest.mark.parametrize("wrong", [[0.5, 0.5], [float("nan")], [1.5], [-0.5]])
def test_what_is_no_confidence_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        calibration_of(wrong, [True])


def test_words_and_entities_are_counted_by_themselves() -> None:
    example = TaggedExample(
        Sentence(("Ana", "Reis", "left", "Rome"), ("B-PER", "I-PER", "O", "B-LOC")),
        ("B-PER", "I-PER", "O", "B-ORG"),
        (0.95, 0.65, 0.99, 0.35),
    )
    words, entities = word_calibration_of([example]), entity_calibration_of([example])
    assert (words.count, entities.count) == (4, 2)
    assert entities.bins[6].right == 1.0
    assert entities.bins[3].right == 0.0
    assert entities.error == pytest.approx((0.35 + 0.35) / 2)


def test_the_picture_has_what_it_says() -> None:
    pixels = calibration_pixels(calibration_of([0.9] * 2000, [True] * 1800 + [False] * 200), "entities")
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert (pixels == np.array([205, 232, 248])).all(axis=2).sum() > 1000
