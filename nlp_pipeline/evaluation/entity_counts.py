"""What scores of entities are computed from: for each sentence, how many were found, predicted, and in the corpus.

Counted as seqeval's default mode does for IOB2: an entity is found where borders and type are right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.bootstrap import Estimate, Numbers, estimate_of, resampled_sums
from nlp_pipeline.evaluation.entities import entity_digest
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.spans import Entity

# Upper ends, in words; what is longer goes into a last bucket.
_ENTITY_ENDS = (1, 2, 3)
_SENTENCE_ENDS = (5, 10, 20, 40)


class Slice(NamedTuple):
    """A part of the entities of a corpus.

    Attributes:
        group: `all`, `type`, `entity length`, `sentence length` or `training`.
        name: which of the group, such as `PER`, `2`, `6-10` or `unseen`; nothing for all.
    """

    group: str
    name: str = ""


ALL = Slice("all")


@dataclass(frozen=True, eq=False)
class EntityCounts:
    """Counts of each sentence.

    Attributes:
        slices: P parts of the entities.
        counts: [sentences, P, 3]: found, predicted and gold ones.
    """

    slices: tuple[Slice, ...]
    counts: NDArray[np.int64]

    def totals(self) -> NDArray[np.int64]:
        """Return the counts of the corpus, [P, 3]."""
        return np.asarray(self.counts.sum(axis=0))

    def of(self, part: Slice) -> NDArray[np.int64]:
        """Return the counts of one part, [sentences, 3]; zeros of one that is not there."""
        if part not in self.slices:
            return np.zeros((len(self.counts), 3), np.int64)
        return np.asarray(self.counts[:, self.slices.index(part)])

    @cached_property
    def resampled(self) -> Numbers:
        """The counts of each resample, [resamples, P, 3]."""
        flat = self.counts.reshape(len(self.counts), -1)
        return resampled_sums(flat).reshape(-1, len(self.slices), 3)


@dataclass(frozen=True)
class ScoredSlice:
    """Precision, recall and F1 of a part of the entities, as fractions with their intervals.

    Attributes:
        of: which part.
        precision, recall, f1: 0 where there is nothing to divide by, as seqeval has it.
        found, predicted, gold: how many entities.
    """

    of: Slice
    precision: Estimate
    recall: Estimate
    f1: Estimate
    found: int
    predicted: int
    gold: int

    def to_json(self) -> dict[str, object]:
        """Return the scores as JSON has them."""
        told: dict[str, object] = {name: getattr(self, name).to_json() for name in ("precision", "recall", "f1")}
        return {**told, "found": self.found, "predicted": self.predicted, "gold": self.gold}


def entity_counts_of(examples: Sequence[TaggedExample], known_entities: Set[str] | None = None) -> EntityCounts:
    """Count what was found, predicted and right in each sentence, in all and by type, lengths and novelty.

    Args:
        examples: at least one.
        known_entities: the training corpus's entities, as `entities.known_entities_of` gives them; None where they are
            not known, and then there is no group `training`.
    """
    types = sorted({entity.entity_type for one in examples for entity in (*one.gold_entities, *one.predicted_entities)})
    slices = [ALL, *(Slice("type", name) for name in types)]
    slices += [Slice("entity length", name) for name in _names(_ENTITY_ENDS)]
    slices += [Slice("sentence length", name) for name in _names(_SENTENCE_ENDS)]
    if known_entities is not None:
        slices += [Slice("training", "seen"), Slice("training", "unseen")]
    place = {one: number for number, one in enumerate(slices)}
    counts = np.zeros((len(examples), len(slices), 3), np.int64)

    def parts_of(entity: Entity, example: TaggedExample) -> Iterator[int]:
        words = example.sentence.words
        yield place[ALL]
        yield place[Slice("type", entity.entity_type)]
        yield place[Slice("entity length", bucket_of(len(entity), _ENTITY_ENDS))]
        yield place[Slice("sentence length", bucket_of(len(words), _SENTENCE_ENDS))]
        if known_entities is not None:
            digest = entity_digest(words[entity.start : entity.end], entity.entity_type)
            yield place[Slice("training", "seen" if digest in known_entities else "unseen")]

    for number, example in enumerate(examples):
        for column, entities in enumerate((example.hits, example.predicted_entities, example.gold_entities)):
            for entity in entities:
                for part in parts_of(entity, example):
                    counts[number, part, column] += 1
    return EntityCounts(tuple(slices), counts)


def scored_slices(counts: EntityCounts) -> list[ScoredSlice]:
    """Return the scores of each part that holds an entity, with bootstrap intervals over sentences."""
    totals = counts.totals()
    values, resampled = fractions_of(totals.astype(np.float64)), fractions_of(counts.resampled)
    scored = []
    for number, part in enumerate(counts.slices):
        found, predicted, gold = map(int, totals[number])
        if part == ALL or predicted or gold:
            own = np.nan_to_num(values[number]).tolist()
            # What stands in one sentence alone, drawn however often, tells nothing of how it would be in another.
            several = (counts.counts[:, number].any(axis=-1)).sum() > 1
            three = [
                estimate_of(one, resampled[:, number, column]) if several else Estimate(one)
                for column, one in enumerate(own)
            ]
            scored.append(ScoredSlice(part, three[0], three[1], three[2], found, predicted, gold))
    return scored


def macro_f1_of(counts: EntityCounts) -> Estimate:
    """Return the mean F1 of the types with its interval; a resample's is that of the types which it holds."""
    of_types = [number for number, one in enumerate(counts.slices) if one.group == "type"]
    if not of_types:
        return Estimate(0.0)

    def mean(f1: Numbers) -> Numbers:
        there = ~np.isnan(f1)
        held = there.sum(axis=-1)
        return np.where(held > 0, np.where(there, f1, 0.0).sum(axis=-1) / np.maximum(held, 1), np.nan)

    value = mean(fractions_of(counts.totals()[of_types].astype(np.float64))[..., 2])
    return estimate_of(float(value), mean(fractions_of(counts.resampled[:, of_types])[..., 2]))


def fractions_of(sums: Numbers) -> Numbers:
    """Return precision, recall and F1 of counts.

    Args:
        sums: [..., 3]: found, predicted and gold entities.

    Returns:
        [..., 3]; NaN where there is neither a predicted nor a gold entity, 0 where only one side has none.
    """
    found, predicted, gold = (sums[..., column] for column in range(3))
    precision, recall = found / np.maximum(predicted, 1), found / np.maximum(gold, 1)
    f1 = 2 * found / np.maximum(predicted + gold, 1)
    return np.where((predicted + gold > 0)[..., None], np.stack((precision, recall, f1), axis=-1), np.nan)


def bucket_of(length: int, ends: Sequence[int]) -> str:
    """Return the name of the bucket of a length."""
    return next((name for name, end in zip(_names(ends), ends, strict=False) if length <= end), _names(ends)[-1])


def _names(ends: Sequence[int]) -> list[str]:
    starts = [1, *(end + 1 for end in ends)]
    closed = [str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=False)]
    return [*closed, f"{starts[-1]}+"]
