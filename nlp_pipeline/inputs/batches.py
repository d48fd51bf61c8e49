"""Which sentences go into a batch together: those of about the same length, so that little padding is computed."""

from __future__ import annotations

import random
from collections.abc import Sequence


def _filled(order: Sequence[int], costs: Sequence[int], size: int) -> list[list[int]]:
    """Cut an order into batches whose padded size, sentences times the longest, is at most `size`."""
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for index in order:
        longest_with = max(longest, costs[index])
        if batch and longest_with * (len(batch) + 1) > size:
            batches.append(batch)
            batch, longest_with = [], costs[index]
        batch.append(index)
        longest = longest_with
    if batch:
        batches.append(batch)
    return batches


def batches_by_length(costs: Sequence[int], size: int) -> list[list[int]]:
    """Return the sentences in batches, the longest first, the same for the same input.

    The longest first, so that what does not fit into memory shows at once.

    Args:
        costs: what each sentence costs, its subwords with special tokens.
        size: the greatest padded cost of a batch. A sentence that costs more is a batch of its own.
    """
    order = sorted(range(len(costs)), key=lambda index: (-costs[index], index))
    return _filled(order, costs, size)


def shuffled_batches(costs: Sequence[int], size: int, seed: int, epoch: int, spread: float = 0.1) -> list[list[int]]:
    """Return the sentences of an epoch in batches of similar length, drawn anew for each epoch.

    Every sentence comes exactly once. Lengths are blurred by up to `spread` before sorting, so that other sentences
    meet in each epoch; then the order of the batches is shuffled.

    Args:
        costs: what each sentence costs, its subwords with special tokens.
        size: the greatest padded cost of a batch. A sentence that costs more is a batch of its own.
        seed: the run's seed.
        epoch: the number of the epoch; the same seed and epoch give the same batches.
        spread: how far a length may be moved, as a share of it. At least one place, so that short ones mix as well.
    """
    generator = random.Random(f"{seed}/{epoch}")
    blurred = [cost + generator.uniform(-1.0, 1.0) * max(1.0, spread * cost) for cost in costs]
    order = sorted(range(len(costs)), key=blurred.__getitem__)
    batches = _filled(order, costs, size)
    generator.shuffle(batches)
    return batches
