"""The bridge: what the decoder begins in, made from what the encoder ended in.

zero     zeros, or a learned state that is the same for every sentence
copy     layer for layer, the encoder's ends
dense    tanh(W end + b), for each layer of the decoder its own W (Bahdanau et al. 2015, section A.2.2)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from nlp_pipeline.layers.cells import CELLS, States

BRIDGES = ("zero", "copy", "dense")


class Bridge(keras.layers.Layer):
    """Makes the decoder's first states.

    Args:
        kind: `zero`, `copy` or `dense`.
        cell: of the decoder: `rnn`, `gru` or `lstm`.
        units: of the decoder, U.
        layers: of the decoder.
        learned: whether the states of `zero` are learned.

    Raises:
        ValueError: an unknown kind, or ends that cannot be copied.
    """

    def __init__(
        self,
        kind: Literal["zero", "copy", "dense"],
        cell: str,
        units: int,
        layers: int,
        learned: bool = False,
        **kwargs: Any,
    ) -> None:
        # States are float32.
        super().__init__(autocast=False, **kwargs)
        if kind not in BRIDGES:
            raise ValueError(f"expected a bridge of {', '.join(BRIDGES)}. Received: {kind!r}")
        self.kind = kind
        self.cell = cell
        self.units = units
        self.layers = layers
        self.learned = learned
        self.parts = CELLS[cell].parts
        self.maps = [
            keras.layers.Dense(units, activation="tanh", dtype="float32", name=f"layer_{layer}_part_{part}")
            for layer in range(layers if kind == "dense" else 0)
            for part in range(self.parts)
        ]

    def build(self, ends_shape: Sequence[Sequence[Sequence[int | None]]]) -> None:
        """Make the weights, for ends of the shapes that `call` gets."""
        if self.kind == "zero" and self.learned:
            shape = (self.layers, self.parts, self.units)
            self.learned_states = self.add_weight(
                shape=shape, initializer="zeros", dtype="float32", autocast=False, name="states"
            )
        if self.kind == "dense":
            width = sum(int(part[-1] or 0) for part in ends_shape[-1])
            for one in self.maps:
                one.build((None, width))
        if self.kind == "copy":
            if len(ends_shape) != self.layers:
                message = f"expected an encoder of {self.layers} layers, whose ends can be copied"
                raise ValueError(f"{message}. Received: {len(ends_shape)}")
            for layer in ends_shape:
                widths = [part[-1] for part in layer]
                if widths != [self.units] * self.parts:
                    message = f"expected {self.parts} states of {self.units} units, which can be copied"
                    raise ValueError(f"{message}. Received: {widths}")

    def call(self, ends: Sequence[States]) -> list[States]:
        """Return what each layer of the decoder begins in.

        Args:
            ends: for each layer of the encoder its state, and memory, `[B, ...]`: as `RecurrentStack.read` gives them.

        Returns:
            for each layer of the decoder its state, and memory, float32 `[B, U]`.
        """
        batch = tf.shape(ends[0][0])[0]
        if self.kind == "copy":
            return [tuple(tf.cast(part, tf.float32) for part in layer) for layer in ends]
        if self.kind == "dense":
            last = tf.concat([tf.cast(part, tf.float32) for part in ends[-1]], axis=1)
            made = [one(last) for one in self.maps]
        elif self.learned:
            made = [
                tf.tile(tf.convert_to_tensor(self.learned_states)[layer, part][tf.newaxis], [batch, 1])
                for layer in range(self.layers)
                for part in range(self.parts)
            ]
        else:
            made = [tf.zeros([batch, self.units])] * (self.layers * self.parts)
        return [tuple(made[start : start + self.parts]) for start in range(0, len(made), self.parts)]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "cell": self.cell,
            "units": self.units,
            "layers": self.layers,
            "learned": self.learned,
        }
