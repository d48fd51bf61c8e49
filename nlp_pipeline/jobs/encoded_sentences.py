"""A split of labelled sentences as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs
from nlp_pipeline.inputs.vectors import KeptVectors


@dataclass(frozen=True)
class EncodedSentences:
    """A split as numbers, with the kept vectors of a frozen encoder where there are any."""

    inputs: TaggingInputs
    sentences: list[EncodedSentence]
    vectors: KeptVectors | None = None

    @property
    def costs(self) -> list[int]:
        """What each sentence takes of a batch."""
        return [sentence.cost for sentence in self.sentences]

    @property
    def words(self) -> list[int]:
        """How many words each sentence has."""
        return [len(sentence.words) for sentence in self.sentences]

    @property
    def pads_words(self) -> bool:
        """Whether words alone are padded in a batch: where their vectors are kept, no encoder reads subwords."""
        return self.vectors is not None

    @property
    def encoded_words(self) -> Sequence[Sequence[Sequence[int]]]:
        """For each sentence, for each word, the ids of its subwords."""
        return [sentence.subwords for sentence in self.sentences]

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its sentences."""
        kept = None if self.vectors is None else [self.vectors.of(index) for index in indices]
        return self.inputs.batch([self.sentences[index] for index in indices], kept, for_training)

    def with_vectors(self, vectors: KeptVectors | None) -> EncodedSentences:
        """Return the split with an encoder's kept vectors, or without."""
        return replace(self, vectors=vectors)
