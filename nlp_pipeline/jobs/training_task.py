"""What differs from task to task when a network is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.inputs.vectors import KeptVectors
from nlp_pipeline.models.network import Network
from nlp_pipeline.recipe import Encoder, Recipe
from nlp_pipeline.training.loop import Scoring
from nlp_pipeline.training.progress import EpochResult

Own = TypeVar("Own", bound="Split")


class Split(Protocol):
    """A split of a corpus as numbers."""

    @property
    def costs(self) -> list[int]:
        """What each example takes of a batch: subwords, special ones included."""

    @property
    def words(self) -> list[int]:
        """How many words each example has that count in the loss, or subwords of its target."""

    @property
    def pads_words(self) -> bool:
        """Whether words alone are padded in a batch, and no subwords."""

    @property
    def encoded_words(self) -> Sequence[Sequence[Sequence[int]]]:
        """For each example, for each word that an encoder gives a vector, the ids of its subwords."""

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its examples."""

    def with_vectors(self: Own, vectors: KeptVectors | None) -> Own:
        """Return the split with an encoder's kept vectors, or without."""


class TrainingTask(ABC):
    """The training of one recipe on its corpora.

    Attributes:
        recipe: what to do.
        encoder: its section on the BERT encoder, if it has one.
        encoder_folder: where that encoder's checkpoint is.
    """

    recipe: Recipe
    encoder: Encoder | None
    encoder_folder: Path | None

    @abstractmethod
    def build_network(self, use_cudnn: bool | str = "auto") -> Network:
        """Return the network, made in the present strategy's scope, its encoder filled from the checkpoint.

        Args:
            use_cudnn: False where its kernels cannot be used.

        Raises:
            EncoderError: where the encoder does not fit.
        """

    @abstractmethod
    def encode(self) -> Mapping[str, Split]:
        """Return `train` and `dev` as numbers."""

    @abstractmethod
    def scoring(self, dev: Any) -> Scoring:
        """Return how the network that was built is scored after an epoch."""

    @abstractmethod
    def write_bundle(self, folder: Path, metrics: dict[str, Any], best: EpochResult) -> list[str]:
        """Write the trained network, and return what there is to say of it.

        Args:
            folder: the bundle's.
            metrics: what is known of the run; the scores are added.
            best: the epoch whose weights the network has.

        Raises:
            OutputError: where it cannot be written.
        """
