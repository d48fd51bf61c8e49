"""A split of sentence pairs as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.inputs.translation import EncodedPair, TranslationInputs
from nlp_pipeline.inputs.vectors import KeptVectors


@dataclass(frozen=True)
class EncodedPairs:
    """A split as numbers, with the kept vectors of a frozen BERT encoder where there are any."""

    inputs: TranslationInputs
    pairs: list[EncodedPair]
    vectors: KeptVectors | None = None

    @property
    def costs(self) -> list[int]:
        """What each pair takes of a batch."""
        return [pair.cost for pair in self.pairs]

    @property
    def words(self) -> list[int]:
        """How many subwords each target has, its end included."""
        return [len(pair.target_ids) + 1 for pair in self.pairs]

    @property
    def pads_words(self) -> bool:
        """Whether words of the target alone are padded in a batch: its source always is, too."""
        return False

    @property
    def encoded_words(self) -> Sequence[Sequence[Sequence[int]]]:
        """For each source, for each place that is attended to, the ids of its subwords."""
        return [pair.source.subwords for pair in self.pairs]

    def kept(self, indices: Sequence[int]) -> list[Any] | None:
        """Return the kept vectors of some pairs."""
        return None if self.vectors is None else [self.vectors.of(index) for index in indices]

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its pairs."""
        return self.inputs.batch([self.pairs[index] for index in indices], self.kept(indices), for_training)

    def source_batch(self, indices: Sequence[int]) -> Batch:
        """Return the batch of the sources of some of its pairs."""
        return self.inputs.source_batch([self.pairs[index].source for index in indices], self.kept(indices))

    def with_vectors(self, vectors: KeptVectors | None) -> EncodedPairs:
        """Return the split with an encoder's kept vectors, or without."""
        return replace(self, vectors=vectors)
