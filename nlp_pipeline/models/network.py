"""What every network of this package is: weights under lasting names, and perhaps a BERT encoder among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.models.bert_vectors import BertVectors

Tensors = Mapping[str, Any]


class Network(keras.Model):
    """A network that is trained on batches of sentences.

    Attributes:
        bert: the BERT encoder and what is made of its layers, if there is one.
    """

    bert: BertVectors | None = None

    @property
    def finetunes(self) -> bool:
        """Whether the BERT encoder is trained."""
        return self.bert is not None and self.bert.finetunes

    def losses_of(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the loss of each sentence [B], in nats, summed over its words or subwords."""
        raise NotImplementedError

    def begin_epoch(self, epoch: int) -> None:
        """Get ready for an epoch, counted from 1; most networks need not."""

    def named_weights(self) -> dict[str, NDArray[Any]]:
        """Return every weight under a name that does not change from one process to the next."""
        named = {weight.path: np.asarray(weight.numpy()) for weight in self.weights}
        assert len(named) == len(self.weights), "two weights share a name"
        return named

    def take_weights(self, named: Mapping[str, NDArray[Any]]) -> None:
        """Take the weights that `named_weights` gave.

        Raises:
            ValueError: where one is missing, left over or of another shape.
        """
        own = {weight.path: weight for weight in self.weights}
        if odd := sorted(own.keys() ^ named.keys()):
            raise ValueError(f"expected the weights of this network, received others: {', '.join(odd[:3])}")
        for name, weight in own.items():
            if tuple(named[name].shape) != tuple(weight.shape):
                raise ValueError(f"expected {name} of shape {tuple(weight.shape)}, received {named[name].shape}")
            weight.assign(named[name])
