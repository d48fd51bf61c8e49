"""Batches: every sentence once, within the size, the same for the same seed, others in each epoch."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.inputs.batches import OF_A_BATCH, batches_by_length, shuffled_batches

costs_of = st.lists(st.integers(1, 60), min_size=1, max_size=200)


@given(costs=costs_of, size=st.integers(1, 200), epoch=st.integers(1, 5))
def test_every_sentence_comes_once_and_a_batch_keeps_its_size(costs: list[int], size: int, epoch: int) -> None:
    for batches in (batches_by_length(costs, size), shuffled_batches(costs, size, seed=1, epoch=epoch)):
        assert sorted(index for batch in batches for index in batch) == list(range(len(costs)))
        for batch in batches:
            assert len(batch) == 1 or len(batch) * max(costs[index] for index in batch) <= size


@given(costs=costs_of, size=st.integers(1, 200), epoch=st.integers(1, 5))
def test_where_words_alone_are_padded_the_sum_of_the_costs_keeps_the_size(
    costs: list[int], size: int, epoch: int
) -> None:
    words = [1 + cost // 2 for cost in costs]
    batches = shuffled_batches(costs, size, seed=1, epoch=epoch, words=words)
    assert sorted(index for batch in batches for index in batch) == list(range(len(costs)))
    for batch in batches:
        assert len(batch) == 1 or sum(costs[index] for index in batch) <= size
        # One long sentence must not make a batch of many short ones as long as itself.
        assert len(batch) == 1 or len(batch) * max(words[index] for index in batch) <= size


@given(costs=st.lists(st.integers(1, 60), min_size=1, max_size=9), size=st.integers(1, 200))
def test_no_other_way_to_cut_the_order_costs_less(costs: list[int], size: int) -> None:
    def priced(batches: list[list[int]]) -> float:
        return sum(OF_A_BATCH + len(batch) * max(costs[index] for index in batch) for batch in batches)

    ordered = sorted(range(len(costs)), key=lambda index: (-costs[index], index))
    least = float("inf")
    for cuts in itertools.product([False, True], repeat=len(costs) - 1):
        batches = [[ordered[0]]]
        for index, cut in zip(ordered[1:], cuts, strict=True):
            if cut:
                batches.append([])
            batches[-1].append(index)
        if all(len(batch) == 1 or len(batch) * costs[batch[0]] <= size for batch in batches):
            least = min(least, priced(batches))
    assert priced(batches_by_length(costs, size)) == least


def test_epochs_differ_and_seeds_repeat() -> None:
    generator = random.Random(0)
    costs = [generator.randrange(5, 40) for _ in range(300)]
    first = shuffled_batches(costs, 256, seed=3, epoch=1)
    assert first == shuffled_batches(costs, 256, seed=3, epoch=1)
    assert first != shuffled_batches(costs, 256, seed=4, epoch=1)
    second = shuffled_batches(costs, 256, seed=3, epoch=2)
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}


def test_little_of_a_batch_is_padding() -> None:
    generator = random.Random(0)
    costs = [generator.randrange(5, 60) for _ in range(2000)]
    for batches, most in ((batches_by_length(costs, 1024), 0.03), (shuffled_batches(costs, 1024, 1, 1), 0.12)):
        padded = sum(len(batch) * max(costs[index] for index in batch) for batch in batches)
        assert 1 - sum(costs) / padded < most


def test_where_words_alone_are_padded_few_places_are_padding() -> None:
    generator = random.Random(0)
    words = [generator.randrange(5, 60) for _ in range(2000)]
    # Of words that fall apart into few or many subwords.
    costs = [round(count * generator.uniform(1.0, 3.0)) + 2 for count in words]

    def padding(batches: list[list[int]]) -> float:
        return 1 - sum(words) / sum(len(batch) * max(words[index] for index in batch) for batch in batches)

    assert padding(shuffled_batches(costs, 1024, 1, 1, words=words)) < 0.12
    assert padding(shuffled_batches(costs, 1024, 1, 1)) > 0.25


def test_the_longest_come_first_when_nothing_is_drawn() -> None:
    assert batches_by_length([1, 9, 5, 5], 10) == [[1], [2, 3], [0]]
    # Of those that cost the same, the ones of many words first.
    assert batches_by_length([5, 5, 5, 5, 9], 10, [2, 4, 2, 4, 1]) == [[4], [1, 3], [0, 2]]
