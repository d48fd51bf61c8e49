"""What each replica of a run computes in each step, and how many words count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nlp_pipeline.inputs.batches import shuffled_batches


class Share(NamedTuple):
    """What one replica computes at once.

    Attributes:
        indices: the examples, at least one.
        counted: whether they count. A share that would be empty holds an example of another one, which does not: every
            replica takes part in every step, and none is given a batch without a word.
        words: how many words, or subwords of the target, count in the whole step, over all of its shares.
    """

    indices: Sequence[int]
    counted: bool
    words: int


class Place(NamedTuple):
    """A step of a run: its epoch, counted from 1, and its number in the epoch, counted from 0."""

    epoch: int
    step: int


class Plan:
    """Which examples each step takes, epoch after epoch; the same however many replicas share a step.

    Args:
        costs: what each example takes of a batch.
        words: how many words each example has, or subwords of its target.
        batch_subwords: the greatest cost of a step: padded, where subwords are.
        seed: the run's.
        first_epoch: the number of the first epoch.
        parts: in how many shares each step is cut: replicas times the batches that each of them adds up.
        pads_words: whether words alone are padded, as `shuffled_batches` takes them.
    """

    def __init__(
        self,
        costs: Sequence[int],
        words: Sequence[int],
        batch_subwords: int,
        seed: int,
        first_epoch: int = 1,
        parts: int = 1,
        pads_words: bool = False,
    ) -> None:
        self.costs = costs
        self.words = words
        self.batch_subwords = batch_subwords
        self.seed = seed
        self.first_epoch = first_epoch
        self.parts = parts
        self.pads_words = pads_words
        self._starts = [0]
        self._kept: dict[int, list[list[int]]] = {}
        # Batches are made in several threads.
        self._lock = threading.Lock()

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the examples of each step of an epoch."""
        with self._lock:
            return self._batches(epoch)

    def _batches(self, epoch: int) -> list[list[int]]:
        if epoch not in self._kept:
            while len(self._kept) > 1:
                del self._kept[min(self._kept)]
            words = self.words if self.pads_words else None
            self._kept[epoch] = shuffled_batches(self.costs, self.batch_subwords, self.seed, epoch, words=words)
        return self._kept[epoch]

    def number_of(self, place: Place) -> int:
        """Return how many steps there are before a place, from the first epoch on."""
        with self._lock:
            while len(self._starts) <= place.epoch - self.first_epoch:
                last = self.first_epoch + len(self._starts) - 1
                self._starts.append(self._starts[-1] + len(self._batches(last)))
            return self._starts[place.epoch - self.first_epoch] + place.step

    def place_of(self, number: int) -> Place:
        """Return the place that has so many steps before it."""
        epoch = self.first_epoch
        while self.number_of(Place(epoch + 1, 0)) <= number:
            epoch += 1
        return Place(epoch, number - self.number_of(Place(epoch, 0)))

    def share(self, number: int, part: int) -> Share:
        """Return one of the `parts` shares of a step, by how many steps there are before it."""
        place = self.place_of(number)
        batch = self.batches(place.epoch)[place.step]
        words = sum(self.words[index] for index in batch)
        own = batch[part :: self.parts]
        return Share(own or batch[:1], bool(own), words)


def parts_of_worker(replicas: int, accumulate: int, first: int, local: int) -> Callable[[int], tuple[int, int]]:
    """Return what numbers the shares of one worker.

    Its replicas are `first`, `first + 1`, ... of all, `local` in number. With 2 workers of 1 replica each, and 2
    batches added up, the four shares of a step are dealt so:

        worker 0:  0, 2     worker 1:  1, 3

    Args:
        replicas: how many there are in all.
        accumulate: how many shares each replica adds up in a step.
        first: the worker's first replica.
        local: how many replicas it has.

    Returns:
        A function from the number of a share that this worker computes to its step and its part of that step.
    """
    each = accumulate * local

    def numbered(number: int) -> tuple[int, int]:
        step, within = divmod(number, each)
        added, replica = divmod(within, local)
        return step, added * replicas + first + replica

    return numbered
