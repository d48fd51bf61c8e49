"""The recall task: a symbol, then distractors, then a question, whose answer is the symbol.

It is of the kind of the long time lag problems of Hochreiter and Schmidhuber 1997, section 5.2. Nothing but the first
symbol tells the answer, so that a network that does not carry it is right by chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 4
DISTRACTORS = 2
QUESTION = SYMBOLS + DISTRACTORS
VOCABULARY = QUESTION + 1
CHANCE = 1.0 / SYMBOLS


class RecallExamples(NamedTuple):
    """Examples.

    Attributes:
        symbol_ids: int32 `[..., distance + 2]`: the symbol to recall (0 to 3), distractors (4 and 5), the question (6).
        answers: int32 `[...]`, the first symbol of each.
    """

    symbol_ids: NDArray[np.int32]
    answers: NDArray[np.int32]


def recall_examples(random: np.random.Generator, distance: int, *shape: int) -> RecallExamples:
    """Draw examples: every symbol, and every distractor, as likely as the others.

    Args:
        random: draws them.
        distance: how many distractors stand between the symbol and the question.
        shape: how many.
    """
    answers = random.integers(0, SYMBOLS, shape, np.int32)
    between = random.integers(SYMBOLS, QUESTION, (*shape, distance), np.int32)
    question = np.full((*shape, 1), QUESTION, np.int32)
    return RecallExamples(np.concatenate([answers[..., np.newaxis], between, question], axis=-1), answers)
