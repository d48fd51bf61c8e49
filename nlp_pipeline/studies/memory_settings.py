"""What the memory study is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nlp_pipeline.errors import Problems, UsageError
from nlp_pipeline.studies.networks import FORMS

# Steps that are taken between two looks at whether the task is solved.
BLOCK = 50


@dataclass(frozen=True)
class MemorySettings:
    """The study's settings, the same for every network.

    Attributes:
        networks: which, of `networks.FORMS`.
        distances: how many distractors stand before the question, increasing.
        seeds: each is trained with the seeds from 1 to this.
        units: of each layer and direction.
        steps: of training at the most, some blocks of 50; a training ends after a block in which 99 % of the answers
            were right.
        gradient_at: the distance at which the gradient through time is measured.
        batch: examples a step.
        learning_rate: of Adam.
        clip_norm: the largest norm of the whole gradient, in the trainings with clipping.

    Raises:
        UsageError: naming all that is wrong.
    """

    networks: tuple[str, ...] = tuple(FORMS)
    distances: tuple[int, ...] = (5, 10, 20, 30, 40)
    seeds: int = 3
    units: int = 32
    steps: int = 2500
    gradient_at: int = 20
    batch: int = 32
    learning_rate: float = 0.005
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        problems = Problems()
        for name in self.networks:
            if name not in FORMS:
                problems.add("networks", f"expected some of {', '.join(FORMS)}, received {name!r}")
        if len(set(self.networks)) < len(self.networks) or not self.networks:
            problems.add("networks", f"expected each once, received {','.join(self.networks) or 'none'}")
        received = ",".join(map(str, self.distances)) or "none"
        if any(one >= other for one, other in pairwise(self.distances)) or not self.distances:
            problems.add("distances", f"expected distances that increase, received {received}")
        elif self.distances[0] < 1:
            problems.add("distances", f"expected distances from 1, received {received}")
        elif self.gradient_at not in self.distances:
            problems.add("gradient-at", f"expected one of the distances {received}, received {self.gradient_at}")
        for name in ("seeds", "units", "steps", "batch"):
            if (value := getattr(self, name)) < 1:
                problems.add(name, f"expected at least 1, received {value}")
        if self.steps % BLOCK:
            problems.add("steps", f"expected a multiple of {BLOCK}, received {self.steps}")
        problems.raise_if_any(UsageError)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        return {**vars(self), "networks": list(self.networks), "distances": list(self.distances)}
