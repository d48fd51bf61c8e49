"""The recall task's examples."""

from __future__ import annotations

import numpy as np

from nlp_pipeline.studies.recall import QUESTION, SYMBOLS, recall_examples


def test_the_answer_is_the_first_symbol_and_stands_nowhere_else() -> None:
    symbol_ids, answers = recall_examples(np.random.default_rng(1), 7, 200, 3)
    assert (symbol_ids.shape, answers.shape) == ((200, 3, 9), (200, 3))
    np.testing.assert_array_equal(symbol_ids[..., 0], answers)
    assert (symbol_ids[..., -1] == QUESTION).all()
    between = symbol_ids[..., 1:-1]
    assert between.min() == SYMBOLS
    assert between.max() == QUESTION - 1
    # All answers are about as likely, whatever the distractors.
    shares = np.bincount(answers.ravel(), minlength=SYMBOLS) / answers.size
    assert (np.abs(shares - 1 / SYMBOLS) < 0.08).all()


def test_the_same_generator_gives_the_same_examples() -> None:
    one, other = (recall_examples(np.random.default_rng([3, 5]), 4, 6) for _ in range(2))
    np.testing.assert_array_equal(one.symbol_ids, other.symbol_ids)
    assert not np.array_equal(one.symbol_ids, recall_examples(np.random.default_rng([4, 5]), 4, 6).symbol_ids)
