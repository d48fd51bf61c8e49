"""Shares: each example of an epoch counts once, whoever computes it, and every share has something in it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from nlp_pipeline.inputs.batches import shuffled_batches
from nlp_pipeline.inputs.shares import Place, Plan, parts_of_worker

COSTS = random.Random(7).choices(range(3, 31), k=83)
WORDS = [cost - 2 for cost in COSTS]


def _plan(parts: int = 1, first_epoch: int = 1) -> Plan:
    return Plan(COSTS, WORDS, 64, seed=5, first_epoch=first_epoch, parts=parts)


@pytest.mark.parametrize("parts", [1, 2, 3, 16])
def test_each_example_counts_once_an_epoch(parts: int) -> None:
    plan = _plan(parts)
    for epoch in (1, 2, 3):
        counted: Counter[int] = Counter()
        for step in range(len(plan.batches(epoch))):
            number = plan.number_of(Place(epoch, step))
            shares = [plan.share(number, part) for part in range(parts)]
            assert all(share.indices for share in shares)
            counting = [index for share in shares if share.counted for index in share.indices]
            assert {share.words for share in shares} == {sum(WORDS[index] for index in counting)}
            counted.update(counting)
        assert counted == Counter(range(len(COSTS)))


def test_a_plan_says_whether_words_alone_are_padded() -> None:
    words = [1 + cost % 7 for cost in COSTS]
    by_words, by_costs = (Plan(COSTS, words, 64, seed=5, pads_words=pads) for pads in (True, False))
    assert by_words.batches(1) == shuffled_batches(COSTS, 64, 5, 1, words=words)
    assert by_costs.batches(1) == shuffled_batches(COSTS, 64, 5, 1)
    assert by_words.batches(1) != by_costs.batches(1)


def test_a_step_is_the_same_however_it_is_cut() -> None:
    whole, cut = _plan(1), _plan(6)
    for number in range(3 * len(whole.batches(1))):
        together = [
            index
            for part in range(6)
            for index in (cut.share(number, part).indices if cut.share(number, part).counted else [])
        ]
        assert sorted(together) == sorted(whole.share(number, 0).indices)


def test_places_and_numbers_are_one_another() -> None:
    plan = _plan()
    lengths = [len(shuffled_batches(COSTS, 64, 5, epoch)) for epoch in (1, 2, 3, 4)]
    places = [Place(epoch, step) for epoch, length in enumerate(lengths, 1) for step in range(length)]
    assert [plan.place_of(number) for number in range(len(places))] == places
    assert [plan.number_of(place) for place in places] == list(range(len(places)))
    # One step after an epoch's last is the next one's first.
    assert plan.number_of(Place(2, lengths[1])) == plan.number_of(Place(3, 0))


def test_a_plan_that_begins_later_goes_on_alike() -> None:
    early, late = _plan(), _plan(first_epoch=3)
    for step in range(len(late.batches(3))):
        number = early.number_of(Place(3, step))
        assert late.share(step, 0) == early.share(number, 0)
    # An earlier epoch can be asked for still: the schedule of the learning rate is counted in the first one's steps.
    assert late.batches(1) == early.batches(1)


@pytest.mark.parametrize(("workers", "local", "accumulate"), [(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 1, 3), (2, 2, 2)])
def test_workers_share_all_parts_among_them(workers: int, local: int, accumulate: int) -> None:
    replicas = workers * local
    each = local * accumulate
    seen = []
    for worker in range(workers):
        numbered = parts_of_worker(replicas, accumulate, worker * local, local)
        of_worker = [numbered(number) for number in range(4 * each)]
        assert [step for step, _ in of_worker] == [step for step in range(4) for _ in range(each)]
        seen += of_worker
    assert sorted(seen) == [(step, part) for step in range(4) for part in range(replicas * accumulate)]
