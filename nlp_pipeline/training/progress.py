"""How far a run is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nlp_pipeline.training.step import Outcome, StepResult


@dataclass(frozen=True)
class EpochResult:
    """What an epoch gave.

    Attributes:
        epoch: its number, from 1.
        loss: the mean loss a word, in nats.
        words: how many words were trained on.
        seconds: how long the training took, without the scoring.
        waited: how many of them went by waiting for batches.
        skipped: how many batches were left out, since their loss or gradient was no number.
        rescaled: how many steps were, since their gradient was too large for float16.
        scores: what the dev corpus gave, among them the one that decides.
        best: whether no epoch of its stage before was better: of equals the later one has seen more.
        stage: the number of its stage, from 0.
    """

    epoch: int
    loss: float
    words: int
    seconds: float
    scores: Mapping[str, float]
    best: bool
    waited: float = 0.0
    skipped: int = 0
    rescaled: int = 0
    stage: int = 0


@dataclass
class Progress:
    """A run so far.

    Attributes:
        stage: the number of the stage that it is in, from 0.
        began: the first epoch of the stage.
        epoch: the epoch that it is in, from 1, over all stages.
        step: how many steps of the epoch are done.
        steps: how many steps of the whole run are done.
        best_score: of the stage.
        loss: of the epoch so far, summed over its words.
        words: of the epoch so far.
        seconds: of the epoch's training so far.
        waited: of these, for batches.
        skipped: batches of the epoch that were left out.
        rescaled: steps of the epoch that only lowered the loss scale.
        falling: how many of these came one after the other, up to the last step.
        before: seconds that the run took before it was begun this time.
        epochs: what the epochs before gave.
    """

    stage: int = 0
    began: int = 1
    epoch: int = 1
    step: int = 0
    steps: int = 0
    best_score: float = -math.inf
    loss: float = 0.0
    words: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    skipped: int = 0
    rescaled: int = 0
    falling: int = 0
    before: float = 0.0
    epochs: list[EpochResult] = field(default_factory=list)

    def of_stage(self) -> list[EpochResult]:
        """Return the epochs of this stage."""
        return [epoch for epoch in self.epochs if epoch.stage == self.stage]

    @property
    def best(self) -> EpochResult:
        """The epoch whose weights were kept: the last one that none before it in its stage was better than."""
        return [epoch for epoch in self.epochs if epoch.best][-1]

    def add(self, result: StepResult) -> None:
        """Note a step."""
        self.step += 1
        self.steps += 1
        self.waited += result.waited
        rescaled = result.outcome is Outcome.RESCALED
        self.rescaled += rescaled
        self.falling = self.falling + 1 if rescaled else 0
        if result.outcome is Outcome.NOT_FINITE:
            self.skipped += 1
        else:
            self.loss += result.loss
            self.words += result.words

    def is_better(self, score: float) -> bool:
        """Return whether no epoch of this stage had a higher score. What is no number is the lowest."""
        return self.best_score == -math.inf or score >= self.best_score

    def end_epoch(self, scores: Mapping[str, float], decisive: str) -> None:
        """Note an epoch's scores, of which one decides, and begin the next."""
        if best := self.is_better(scores[decisive]):
            self.best_score = -math.inf if math.isnan(scores[decisive]) else scores[decisive]
        mean = self.loss / max(self.words, 1.0)
        told = (self.waited, self.skipped, self.rescaled, self.stage)
        self.epochs.append(EpochResult(self.epoch, mean, int(self.words), self.seconds, dict(scores), best, *told))
        self.epoch += 1
        self.step = 0
        self.loss = self.words = self.seconds = self.waited = 0.0
        self.skipped = self.rescaled = 0

    def end_stage(self) -> None:
        """Begin the next stage, whose best epoch is one of its own: those before trained something else."""
        self.stage += 1
        self.began = self.epoch
        self.best_score = -math.inf

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it, which knows no infinity."""
        return asdict(self) | {"best_score": self.best_score if math.isfinite(self.best_score) else None}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Progress:
        """Return what `to_json` gave.

        Raises:
            TypeError: for anything else.
        """
        epochs = [EpochResult(**epoch) for epoch in told["epochs"]]
        best_score = -math.inf if told["best_score"] is None else told["best_score"]
        return cls(**{**told, "epochs": epochs, "best_score": best_score})
