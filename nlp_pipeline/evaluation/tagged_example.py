"""A labelled sentence beside what a tagger made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from nlp_pipeline.text.schemes import Scheme, entities_from_tags
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity


@dataclass(frozen=True)
class TaggedExample:
    """A labelled sentence and what was predicted for it, both in IOB2.

    Attributes:
        sentence: with its gold tags.
        predicted: the predicted tags.
        confidences: how probable each predicted tag is; empty where that is not known.
    """

    sentence: Sentence
    predicted: tuple[str, ...]
    confidences: tuple[float, ...] = ()

    @property
    def gold(self) -> tuple[str, ...]:
        """The tags of the corpus."""
        assert self.sentence.tags is not None
        return self.sentence.tags

    @cached_property
    def gold_entities(self) -> list[Entity]:
        """The entities of the corpus, in order."""
        return self.sentence.entities

    @cached_property
    def predicted_entities(self) -> list[Entity]:
        """The predicted entities, in order."""
        return entities_from_tags(self.predicted, Scheme.IOB2)

    @cached_property
    def hits(self) -> set[Entity]:
        """The entities of the corpus that were found: the same words and the same type."""
        return set(self.gold_entities) & set(self.predicted_entities)

    @property
    def errors(self) -> int:
        """Entities of the corpus that were not found, and predicted ones that are not in the corpus."""
        return len(set(self.gold_entities) ^ set(self.predicted_entities))

    @property
    def surprise(self) -> float:
        """The log-probability of the predicted tags, in nats: the lower, the less sure the tagger was."""
        return sum(math.log(max(confidence, 1e-9)) for confidence in self.confidences)

    def score_of(self, entity: Entity) -> float:
        """Return the lowest confidence among an entity's words."""
        return min(self.confidences[entity.start : entity.end])
