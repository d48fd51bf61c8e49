"""Which sentences go into a batch together: those of about the same length, so that little padding is computed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

OF_A_BATCH = 48.0
"""What a tagger's batch costs however small it is, in subwords: its operations, and the steps of its recurrences."""


def _filled(
    order: Sequence[int], costs: Sequence[int], size: int, words: Sequence[int] | None = None
) -> list[list[int]]:
    """Cut an order into batches whose padded size, sentences times the longest, is at most `size`.

    With `words`, it is these that are padded, and the sum of the costs is at most `size`, too.
    """
    lengths = costs if words is None else words
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = total = 0
    for index in order:
        longest, total = max(longest, lengths[index]), total + costs[index]
        if batch and (longest * (len(batch) + 1) > size or (words is not None and total > size)):
            batches.append(batch)
            batch, longest, total = [], lengths[index], costs[index]
        batch.append(index)
    if batch:
        batches.append(batch)
    return batches


def batches_by_length(
    costs: Sequence[int], size: int, words: Sequence[int] | None = None, of_a_batch: float = OF_A_BATCH
) -> list[list[int]]:
    """Return the sentences in batches, the longest first, the same for the same input.

    The longest first, so that what does not fit into memory shows at once. Of all ways to cut that order into batches
    it is the one whose padded costs, and `of_a_batch` for each batch, come to the least.

    Args:
        costs: what each sentence costs, its subwords with special tokens.
        size: the greatest padded cost of a batch. A sentence that costs more is a batch of its own.
        words: how many words each has, if these are padded too: of sentences that cost the same, those of as many words
            are together.
        of_a_batch: what a batch costs however small it is, in the units of the costs; `size` for as few batches as
            there can be, where each is a search, with as many steps as its longest translation has subwords.
    """
    orders = [costs] if words is None else [costs, words]
    order = sorted(range(len(costs)), key=lambda index: (*(-lengths[index] for lengths in orders), index))
    longest = np.array([costs[index] for index in order], np.float64)
    # Of the first n sentences: what their best batches cost, and where the last of these begins.
    least, begins = np.zeros(len(order) + 1), np.zeros(len(order) + 1, np.int64)
    numbers = np.arange(len(order) + 1)
    first = 0
    for end in range(1, len(order) + 1):
        while first < end - 1 and longest[first] * (end - first) > size:
            first += 1
        totals = least[first:end] + longest[first:end] * (end - numbers[first:end])
        best = int(totals.argmin())
        least[end], begins[end] = totals[best] + of_a_batch, first + best
    batches: list[list[int]] = []
    end = len(order)
    while end:
        begin = int(begins[end])
        batches.append(order[begin:end])
        end = begin
    return batches[::-1]


def shuffled_batches(
    costs: Sequence[int],
    size: int,
    seed: int,
    epoch: int,
    spread: float = 0.1,
    words: Sequence[int] | None = None,
) -> list[list[int]]:
    """Return the sentences of an epoch in batches of similar length, drawn anew for each epoch.

    Every sentence comes exactly once. Lengths are blurred by up to `spread` before sorting, so that other sentences
    meet in each epoch; then the order of the batches is shuffled.

    Args:
        costs: what each sentence costs, its subwords with special tokens.
        size: the greatest padded cost of a batch. A sentence that costs more is a batch of its own.
        seed: the run's seed.
        epoch: the number of the epoch; the same seed and epoch give the same batches.
        spread: how far a length may be moved, as a share of it. At least one place, so that short ones mix as well.
        words: how many words each sentence has, if these alone are padded, since no encoder reads its subwords: those
            of as many words are together then, and `size` is the greatest sum of the costs of a batch, and the greatest
            padded number of its words.
    """
    generator = random.Random(f"{seed}/{epoch}")
    lengths = costs if words is None else words
    blurred = [length + generator.uniform(-1.0, 1.0) * max(1.0, spread * length) for length in lengths]
    order = sorted(range(len(costs)), key=blurred.__getitem__)
    batches = _filled(order, costs, size, words)
    generator.shuffle(batches)
    return batches
