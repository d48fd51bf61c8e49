"""Decoders of tags: a linear-chain CRF, and a tag-wise softmax with the same face.

A sentence of L words has emissions e `[L, K]`, one score for each of K tags at each word. The CRF (Lafferty et al.
2001, in the form of Lample et al. 2016, section 2.2) adds transitions T `[K, K]` and scores of starting and ending, and
scores a path y of tags with

    path_score(y) = start[y_1] + sum_t e[t, y_t] + sum_t T[y_t, y_t+1] + end[y_L]
    log_normalizer = log of the sum over all paths y of exp(path_score(y))

so that `path_score - log_normalizer` is the log-probability of a path. Transitions that the tag set forbids have the
score `FORBIDDEN` and none other, in training as in decoding.

Every method takes emissions `[B, L, K]` and a padding mask `[B, L]`, True where there is a word. Words stand on the
left, padding on the right; what the emissions hold on padding is never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from nlp_pipeline.layers import chain

Shape = Sequence[int | None]

# Finite, so that no -inf - -inf turns up; so large that float32 loses every real score that is added to it, and small
# enough for 10^8 of them in a sum.
FORBIDDEN = -1e30


class Decoder(Protocol):
    """What a tagger needs of a decoder. B sentences, L words, K tags."""

    def negative_log_likelihood(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the loss of each sentence's gold tags `[B]`, in nats, summed over its words."""

    def best_path(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the best allowed tags `[B, L]` int32, 0 on padding, and their score `[B]`."""

    def confidences(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return how probable each of the given tags is at its word `[B, L]`, 0 on padding."""


class _ConstrainedDecoder(keras.layers.Layer):
    """A decoder that knows which tags may start, follow one another, and end.

    It computes in float32 whatever the precision policy: sums over hundreds of words do not fit into 8 bits.

    Args:
        tags: number of tags, K.
        allowed_starts: for each tag, whether a sentence may start with it. None allows all.
        allowed_transitions: for each tag, for each next tag, whether it may follow. None allows all.
        allowed_ends: for each tag, whether a sentence may end with it. None allows all.

    Raises:
        ValueError: these do not have K, K x K and K entries.
    """

    def __init__(
        self,
        tags: int,
        allowed_starts: Sequence[bool] | None = None,
        allowed_transitions: Sequence[Sequence[bool]] | None = None,
        allowed_ends: Sequence[bool] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.tags = tags
        self.allowed_starts = _flags(allowed_starts, tags, "allowed_starts")
        self.allowed_ends = _flags(allowed_ends, tags, "allowed_ends")
        self.allowed_transitions = None
        if allowed_transitions is not None:
            if (rows := len(allowed_transitions)) != tags:
                message = f"expected `allowed_transitions` of {tags} rows, one for each tag"
                raise ValueError(f"{message}. Received: {rows} rows")
            self.allowed_transitions = tuple(_flags(row, tags, "allowed_transitions") for row in allowed_transitions)

    def call(self, emissions: tf.Tensor, padding_mask: tf.Tensor | None = None) -> tf.Tensor:
        """Return the emissions `[B, L, K]` as the methods see them: float32, 0 on padding."""
        emissions = tf.cast(emissions, tf.float32)
        return emissions if padding_mask is None else tf.where(padding_mask[:, :, tf.newaxis], emissions, 0.0)

    def compute_output_shape(self, emissions_shape: Shape, padding_mask_shape: Shape | None = None) -> Shape:  # noqa: ARG002
        """Return the shape of the emissions."""
        return emissions_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "tags": self.tags,
            "allowed_starts": self.allowed_starts,
            "allowed_transitions": self.allowed_transitions,
            "allowed_ends": self.allowed_ends,
        }


class CRF(_ConstrainedDecoder):
    """A linear-chain conditional random field over the tags of a sentence.

    Args:
        tags: number of tags, K.
        allowed_starts: for each tag, whether a sentence may start with it. None allows all.
        allowed_transitions: for each tag, for each next tag, whether it may follow. None allows all.
        allowed_ends: for each tag, whether a sentence may end with it. None allows all.
    """

    def __init__(
        self,
        tags: int,
        allowed_starts: Sequence[bool] | None = None,
        allowed_transitions: Sequence[Sequence[bool]] | None = None,
        allowed_ends: Sequence[bool] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(tags, allowed_starts, allowed_transitions, allowed_ends, **kwargs)
        # Made here and not in `build`: a tagger calls the methods, and never the layer itself.
        self.transitions = self._scores((tags, tags), "transitions")
        self.start_scores = self._scores((tags,), "start_scores")
        self.end_scores = self._scores((tags,), "end_scores")
        self.built = True

    def _scores(self, shape: tuple[int, ...], name: str) -> keras.Variable:
        initializer = keras.initializers.RandomUniform(-0.1, 0.1)
        return self.add_weight(shape=shape, initializer=initializer, dtype="float32", autocast=False, name=name)

    def _constrained(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return transitions, start and end scores with `FORBIDDEN` where the tag set says so."""
        return (
            _constrain(self.transitions.value, self.allowed_transitions),
            _constrain(self.start_scores.value, self.allowed_starts),
            _constrain(self.end_scores.value, self.allowed_ends),
        )

    def path_score(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the score of one path for each sentence `[B]`: 0 for a sentence without words.

        Args:
            emissions: `[B, L, K]`.
            tag_ids: int32 `[B, L]`; what stands on padding does not matter, as long as it is a tag.
            padding_mask: bool `[B, L]`.
        """
        return chain.path_score(self.call(emissions, padding_mask), tag_ids, *self._constrained(), padding_mask)

    def log_normalizer(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the logarithm of the sum over all paths of exp(path_score) `[B]`; can be differentiated once."""
        return chain.log_normalizer(self.call(emissions, padding_mask), *self._constrained(), padding_mask)

    def negative_log_likelihood(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return `log_normalizer - path_score` of the given tags `[B]`, in nats, summed over a sentence's words."""
        # A word's emissions may all be shifted alike; the sums over a long sentence then stay small, and exact.
        emissions = self.call(emissions, padding_mask)
        emissions -= tf.stop_gradient(tf.reduce_max(emissions, axis=2, keepdims=True))
        score = self.path_score(emissions, tag_ids, padding_mask)
        return self.log_normalizer(emissions, padding_mask) - score

    def best_path(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the path with the highest score (Viterbi 1967).

        Returns:
            The tags int32 `[B, L]`, 0 on padding, and the path_score `[B]`. Where a path of the sentence's length is
            allowed at all, the path is an allowed one, however the emissions may be.
        """
        return chain.best_path(self.call(emissions, padding_mask), *self._constrained(), padding_mask)

    def marginals(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return how probable each tag is at each word, over all paths `[B, L, K]`.

        A word's probabilities add up to 1; they are 0 on padding.
        """
        return chain.marginals(self.call(emissions, padding_mask), *self._constrained(), padding_mask)

    def confidences(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the marginal probability of each of the given tags `[B, L]`, 0 on padding."""
        return tf.gather(self.marginals(emissions, padding_mask), tag_ids, axis=2, batch_dims=2)


class SoftmaxDecoder(_ConstrainedDecoder):
    """Each word's tag by itself in training; the best allowed path in decoding. It has no weights.

    Args:
        tags: number of tags, K.
        allowed_starts: for each tag, whether a sentence may start with it. None allows all.
        allowed_transitions: for each tag, for each next tag, whether it may follow. None allows all.
        allowed_ends: for each tag, whether a sentence may end with it. None allows all.
    """

    def negative_log_likelihood(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the negative log-probabilities of the given tags, summed over a sentence's words `[B]`, in nats."""
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tag_ids, self.call(emissions, padding_mask))
        return tf.reduce_sum(tf.where(padding_mask, losses, 0.0), axis=1)

    def best_path(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the most probable of the allowed paths.

        Returns:
            The tags int32 `[B, L]`, 0 on padding, and the sum of their log-probabilities `[B]`.
        """
        zeros = tf.zeros([self.tags])
        return chain.best_path(
            tf.nn.log_softmax(self.call(emissions, padding_mask)),
            _constrain(tf.zeros([self.tags, self.tags]), self.allowed_transitions),
            _constrain(zeros, self.allowed_starts),
            _constrain(zeros, self.allowed_ends),
            padding_mask,
        )

    def confidences(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the softmax probability of each of the given tags `[B, L]`, 0 on padding."""
        probabilities = tf.nn.softmax(self.call(emissions, padding_mask))
        return tf.where(padding_mask, tf.gather(probabilities, tag_ids, axis=2, batch_dims=2), 0.0)


def _flags(flags: Sequence[bool] | None, tags: int, name: str) -> tuple[bool, ...] | None:
    if flags is None:
        return None
    if len(flags) != tags:
        raise ValueError(f"expected `{name}` of {tags} entries, one for each tag. Received: {len(flags)} entries")
    return tuple(bool(flag) for flag in flags)


def _constrain(scores: tf.Tensor, allowed: Sequence[Any] | None) -> tf.Tensor:
    return scores if allowed is None else tf.where(tf.constant(allowed, tf.bool), scores, FORBIDDEN)
