"""What the memory study found: its trainings, what they say together, and their tables. Plain Python and NumPy."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.studies.memory_settings import MemorySettings
from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import CHANCE

# A network has learnt a distance when its mean accuracy is at least half of the way from chance to perfection.
LEARNT = (1.0 + CHANCE) / 2.0
# By how much an accuracy may be lower at the longest distance than at the shortest and count as kept.
KEPT = 0.05


class Shares(Protocol):
    """How much of the error reaches each state before the question; see `memory_trial.GradientShares`."""

    @property
    def states(self) -> NDArray[np.float32]:
        """Of the state h `[distance + 1]`."""

    @property
    def memories(self) -> NDArray[np.float32] | None:
        """Of an LSTM's memory c."""


class Finding(NamedTuple):
    """One thing that was to be shown: what it is, whether it came out, and the numbers."""

    claim: str
    holds: bool
    numbers: str


@dataclass(frozen=True)
class MemoryStudy:
    """The study's outcome.

    Attributes:
        settings: what was asked for.
        trials: every training, as `memory_trial.Trial`.
    """

    settings: MemorySettings
    trials: Sequence[Any]

    def of(self, network: str, clipped: bool, distance: int) -> list[Any]:
        """Return the trainings of a network at a distance, by seed."""
        return [
            trial
            for trial in self.trials
            if (trial.network, trial.clipped, trial.distance) == (network, clipped, distance)
        ]

    def table(self, network: str, clipped: bool, quantity: str) -> NDArray[np.float64]:
        """Return a number of each training, by distance and seed `[distances, seeds]`."""
        return np.array(
            [
                [float(getattr(trial, quantity)) for trial in self.of(network, clipped, distance)]
                for distance in self.settings.distances
            ]
        )

    def shares(self, network: str, clipped: bool, moment: str, of_memory: bool = False) -> NDArray[np.float64] | None:
        """Return how much of the error reaches each state, by seed and steps back `[seeds, gradient_at + 1]`.

        Args:
            network: its name.
            clipped: which trainings.
            moment: `before` or `after` training.
            of_memory: of an LSTM's memory; None of a network without one.
        """
        found = []
        for trial in self.of(network, clipped, self.settings.gradient_at):
            shares: Shares = getattr(trial, moment)
            numbers = shares.memories if of_memory else shares.states
            if numbers is None:
                return None
            found.append(numbers.astype(np.float64))
        return np.array(found)

    def reach(self, network: str, clipped: bool, seed: int | None = None) -> int:
        """Return the longest distance up to which every distance was learnt: 0 for none.

        Args:
            network: its name.
            clipped: which trainings.
            seed: one seed's; all seeds' mean accuracy counts when left out.
        """
        accuracies = self.table(network, clipped, "accuracy")
        chosen = accuracies.mean(axis=1) if seed is None else accuracies[:, seed - 1]
        reached = 0
        for distance, accuracy in zip(self.settings.distances, chosen, strict=True):
            if accuracy < LEARNT:
                break
            reached = distance
        return reached

    def findings(self) -> list[Finding]:
        """Return what was to be shown of the networks that were trained, and whether it came out."""
        settings, found = self.settings, []
        every = range(1, settings.seeds + 1)
        if "rnn" in settings.networks:
            for other in ("gru", "lstm"):
                if other not in settings.networks:
                    continue
                short, far = self.reach("rnn", True), self.reach(other, True)
                seeds = sum(self.reach("rnn", True, seed) < self.reach(other, True, seed) for seed in every)
                numbers = (
                    f"the {FORMS['rnn'].label} learns up to distance {short}, the {FORMS[other].label} up to {far}; "
                    f"taken by itself, the same is true of {seeds} of {settings.seeds} seeds"
                )
                claim = f"The {FORMS['rnn'].label} fails at a shorter distance than the {FORMS[other].label}"
                found.append(Finding(claim, short < far, numbers))
        if "attention" in settings.networks:
            accuracies = self.table("attention", True, "accuracy")
            first, last = accuracies[0].mean(), accuracies[-1].mean()
            numbers = (
                f"accuracy {first:.3f} at distance {settings.distances[0]}, {last:.3f} at {settings.distances[-1]}; "
                f"the worst of all its trainings {accuracies.min():.3f}"
            )
            holds = bool(last >= first - KEPT and last >= LEARNT)
            found.append(Finding("The LSTM with attention keeps its accuracy over distance", holds, numbers))
        return found

    def accuracy_csv(self) -> str:
        """Return a row for each training."""
        names = ("network", "distance", "seed", "clipped", "accuracy", "steps", "solved", "finite")
        rows = (
            (
                *(trial.network, trial.distance, trial.seed, int(trial.clipped), f"{trial.accuracy:.6f}", trial.steps),
                *(int(trial.solved), int(trial.finite), f"{trial.largest_norm:.6g}", f"{trial.long_share:.6f}"),
            )
            for trial in self.trials
        )
        return _csv((*names, "largest_gradient_norm", "share_of_long_gradients"), rows)

    def gradient_csv(self) -> str:
        """Return a row for each training whose gradient was measured, moment and state."""
        return _csv(
            ("network", "distance", "seed", "clipped", "moment", "steps_back", "state", "memory"), self._gradient_rows()
        )

    def _gradient_rows(self) -> Iterator[tuple[Any, ...]]:
        for trial in self.trials:
            for moment in ("before", "after"):
                if (shares := getattr(trial, moment)) is None:
                    continue
                about = (trial.network, trial.distance, trial.seed, int(trial.clipped), moment)
                for place, state in enumerate(shares.states):
                    memory = "" if shares.memories is None else f"{shares.memories[place]:.6g}"
                    yield (*about, place + 1, f"{state:.6g}", memory)

    def accuracy_rows(self, clipped: bool) -> list[list[str]]:
        """Return a table of texts: a row for each network, with mean and standard deviation over seeds by distance."""
        rows = []
        for network in self.settings.networks:
            accuracies = self.table(network, clipped, "accuracy")
            cells = [
                f"{mean:.2f} ± {deviation:.2f}" if self.settings.seeds > 1 else f"{mean:.2f}"
                for mean, deviation in zip(accuracies.mean(axis=1), _deviations(accuracies), strict=True)
            ]
            reached = self.reach(network, clipped)
            rows.append([FORMS[network].label, *cells, str(reached) if reached else "none"])
        return rows

    def accuracy_columns(self) -> list[str]:
        """Return the heads of `accuracy_rows`."""
        return ["network", *map(str, self.settings.distances), "learns up to"]


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation over seeds, of a sample."""
    return np.asarray(values.std(axis=1, ddof=1 if values.shape[1] > 1 else 0))


def _csv(names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return stream.getvalue()
