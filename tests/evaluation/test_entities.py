"""Scores: seqeval's own, fractions, and what is counted beside them."""

from __future__ import annotations

import pytest

from nlp_pipeline.evaluation.entities import entity_digest, f1_of, known_entities_of, score_entities
from nlp_pipeline.text.sentence import Sentence

WORDS = [("Maria", "Sol", "left", "Rome"), ("Rome", "slept")]
GOLD = [("B-PER", "I-PER", "O", "B-LOC"), ("B-LOC", "O")]


def test_all_right_is_one_and_all_wrong_is_zero() -> None:
    right = score_entities(GOLD, GOLD, WORDS)
    assert (right.conlleval.f1, right.strict.f1, right.macro.f1, right.accuracy) == (1.0, 1.0, 1.0, 1.0)
    assert right.to_json()["types"]["PER"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "gold": 1, "predicted": 1}
    wrong = score_entities(GOLD, [("O",) * 4, ("O", "B-PER")], WORDS)
    assert (wrong.conlleval.f1, wrong.conlleval.gold, wrong.conlleval.predicted) == (0.0, 3, 1)


def test_counted_by_hand() -> None:
    # Found: Rome twice. Missed: Maria Sol, of whom half was found. 2 of 3 predicted are right, 2 of 3 gold are found.
    predicted = [("B-PER", "O", "O", "B-LOC"), ("B-LOC", "O")]
    scores = score_entities(GOLD, predicted, WORDS)
    assert scores.conlleval.precision == pytest.approx(2 / 3)
    assert scores.conlleval.recall == pytest.approx(2 / 3)
    assert scores.types["LOC"].f1 == 1.0
    assert scores.types["PER"].f1 == 0.0
    assert scores.macro.f1 == pytest.approx(0.5)
    assert scores.accuracy == pytest.approx(5 / 6)
    assert f1_of(GOLD, predicted) == {"f1": pytest.approx(2 / 3), "f1/LOC": 1.0, "f1/PER": 0.0}


def test_a_corpus_without_entities_scores_zero_and_does_not_fail() -> None:
    nothing = [("O", "O")]
    scores = score_entities(nothing, nothing, [("a", "b")])
    assert (scores.conlleval.f1, scores.types, scores.accuracy) == (0.0, {}, 1.0)
    assert f1_of(nothing, nothing) == {"f1": 0.0}


def test_recall_of_what_training_did_not_hold() -> None:
    known = known_entities_of([Sentence(("Rome",), ("B-LOC",))])
    assert known == {entity_digest(["Rome"], "LOC")}
    predicted = [("O", "O", "O", "B-LOC"), ("O", "O")]
    scores = score_entities(GOLD, predicted, WORDS, known)
    assert scores.seen is not None
    assert scores.unseen is not None
    assert (scores.seen.recall, scores.seen.gold) == (0.5, 2)
    assert (scores.unseen.recall, scores.unseen.gold) == (0.0, 1)
    assert scores.to_json()["unseen"] == {"recall": 0.0, "gold": 1}


def test_a_type_and_a_word_border_are_part_of_an_entity() -> None:
    assert entity_digest(["New", "York"], "LOC") != entity_digest(["New York"], "LOC")
    assert entity_digest(["May"], "PER") != entity_digest(["May"], "LOC")


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="sentence 1"):
        score_entities(GOLD, [GOLD[0], ("O",)], WORDS)
