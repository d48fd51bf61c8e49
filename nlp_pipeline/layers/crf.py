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
        transitions, starts, ends = self._constrained()
        emissions = self.call(emissions, padding_mask)
        real = tf.cast(padding_mask, tf.float32)
        score = tf.reduce_sum(tf.gather(emissions, tag_ids, axis=2, batch_dims=2), axis=1)
        pairs = tag_ids[:, :-1] * self.tags + tag_ids[:, 1:]
        score += tf.reduce_sum(tf.gather(tf.reshape(transitions, [-1]), pairs) * real[:, 1:], axis=1)
        last_tag = tf.gather(tag_ids, _last_word(padding_mask), batch_dims=1)
        return score + (tf.gather(starts, tag_ids[:, 0]) + tf.gather(ends, last_tag)) * real[:, 0]

    def log_normalizer(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return the logarithm of the sum over all paths of exp(path_score) `[B]`; can be differentiated once."""
        return _log_normalizer(self.call(emissions, padding_mask), *self._constrained(), padding_mask)

    def negative_log_likelihood(self, emissions: tf.Tensor, tag_ids: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return `log_normalizer - path_score` of the given tags `[B]`, in nats, summed over a sentence's words."""
        score = self.path_score(emissions, tag_ids, padding_mask)
        return self.log_normalizer(emissions, padding_mask) - score

    def best_path(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the path with the highest score (Viterbi 1967).

        Returns:
            The tags int32 `[B, L]`, 0 on padding, and the path_score `[B]`. Where a path of the sentence's length is
            allowed at all, the path is an allowed one, however the emissions may be.
        """
        return _best_path(self.call(emissions, padding_mask), *self._constrained(), padding_mask)

    def marginals(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return how probable each tag is at each word, over all paths `[B, L, K]`.

        A word's probabilities add up to 1; they are 0 on padding.
        """
        emissions = self.call(emissions, padding_mask)
        transitions, starts, ends = self._constrained()
        sums = _forward(emissions, transitions, starts)
        ones = tf.ones_like(emissions[:, 0, 0])
        return _backward(ones, sums, emissions, transitions, ends, padding_mask)[0]

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
        return _best_path(
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


def _last_word(padding_mask: tf.Tensor) -> tf.Tensor:
    """Return the index of each sentence's last word `[B]`, 0 for a sentence without words."""
    return tf.maximum(tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1) - 1, 0)


def _forward(emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
    """Run the forward algorithm, with scores that do not grow with the length.

    With `u_t = s_t + e_t` and `a_t = u_t - max(u_t)`, it is `s_1 = start` and
    `s_t[k] = log sum_j exp(a_t-1[j] + T[j, k])`.

    Returns:
        s, `[L, B, K]`. Padding on the right cannot influence what stands before it.
    """
    inputs = tf.transpose(emissions, [1, 0, 2])
    length, batch = tf.unstack(tf.shape(inputs)[:2])
    into = tf.transpose(transitions)  # [to, from]: the sum runs over the last axis, which is the fast one
    steps = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:]).unstack(inputs)
    sums = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:], clear_after_read=False)
    first = tf.broadcast_to(starts, [batch, inputs.shape[-1]])

    def step(time: tf.Tensor, before: tf.Tensor, sums: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        unnormalized = before + steps.read(time - 1)
        scores = unnormalized - tf.reduce_max(unnormalized, axis=1, keepdims=True)
        paths = scores[:, tf.newaxis, :] + into
        highest = tf.reduce_max(paths, axis=2, keepdims=True)
        summed = tf.math.log(tf.reduce_sum(tf.exp(paths - highest), axis=2)) + highest[:, :, 0]
        return time + 1, summed, sums.write(time, summed)

    state = (tf.constant(1), first, sums.write(0, first))
    return tf.while_loop(lambda time, *_: time < length, step, state)[2].stack()


def _normalized(sums: tf.Tensor, emissions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a and the maxima that were taken off, `[L, B, K]` and `[L, B, 1]`, from the sums of `_forward`."""
    unnormalized = sums + tf.transpose(emissions, [1, 0, 2])
    shifts = tf.reduce_max(unnormalized, axis=2, keepdims=True)
    return unnormalized - shifts, shifts


def _endings(scores: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Return the scores of all tags at each sentence's last word, the end's included `[B, K]`."""
    last = tf.stack([_last_word(padding_mask), tf.range(tf.shape(scores)[1])], axis=1)
    return tf.gather_nd(scores, last) + ends


def _backward(
    upstream: tf.Tensor,
    sums: tf.Tensor,
    emissions: tf.Tensor,
    transitions: tf.Tensor,
    ends: tf.Tensor,
    padding_mask: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run the backward algorithm: the gradient of the log_normalizer with respect to all that it depends on.

    With the marginals m and `P(y_t-1 = j | y_t = k) = exp(a_t-1[j] + T[j, k] - s_t[k])` from the forward algorithm,
    `m_t-1[j] = sum_k P(j | k) m_t[k]`: every factor is a probability, and nothing can overflow.

    Args:
        upstream: the gradient with respect to the log_normalizer `[B]`; ones give the marginals themselves.
        sums: from `_forward`.
        emissions, transitions, ends, padding_mask: as everywhere, constrained.

    Returns:
        The gradients of the emissions `[B, L, K]`, transitions `[K, K]`, start scores `[K]` and end scores `[K]`.
    """
    scores, _ = _normalized(sums, emissions)
    length, tags = tf.shape(scores)[0], scores.shape[2]
    upstream = upstream * tf.cast(padding_mask[:, 0], tf.float32)
    last = upstream[:, tf.newaxis] * tf.nn.softmax(_endings(scores, ends, padding_mask))
    is_last = tf.one_hot(_last_word(padding_mask), length, axis=0)[:, :, tf.newaxis]  # [L, B, 1]
    into = tf.transpose(transitions)
    marginals = tf.TensorArray(tf.float32, length, element_shape=scores.shape[1:])

    def step(
        time: tf.Tensor, after: tf.Tensor, counts: tf.Tensor, marginals: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
        before = tf.exp(scores[time - 1][:, tf.newaxis, :] + into - sums[time][:, :, tf.newaxis])
        pairs = before * after[:, :, tf.newaxis]  # [B, to, from]
        now = tf.reduce_sum(pairs, axis=1) + is_last[time - 1] * last
        return time - 1, now, counts + tf.reduce_sum(pairs, axis=0), marginals.write(time - 1, now)

    final = is_last[length - 1] * last
    state = (length - 1, final, tf.zeros([tags, tags]), marginals.write(length - 1, final))
    _, first, counts, marginals = tf.while_loop(lambda time, *_: time > 0, step, state)
    gradient = tf.transpose(marginals.stack(), [1, 0, 2])
    return gradient, tf.transpose(counts), tf.reduce_sum(first, axis=0), tf.reduce_sum(last, axis=0)


@tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
def _log_normalizer(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    """Return the log_normalizer `[B]`, and its gradient: the expected counts, which need no tape over the loop."""
    sums = _forward(emissions, transitions, starts)
    scores, shifts = _normalized(sums, emissions)
    real = tf.cast(padding_mask, tf.float32)
    taken_off = tf.reduce_sum(shifts[:, :, 0] * tf.transpose(real), axis=0)
    endings = tf.reduce_logsumexp(_endings(scores, ends, padding_mask), axis=1)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        return (*_backward(upstream, sums, emissions, transitions, ends, padding_mask), None)

    return taken_off + endings * real[:, 0], gradient


def _best_path(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the best path `[B, L]` and its score `[B]`.

    Only scores are kept on the way forward. On the way back the best tag before a given one is found anew, which
    looks at K scores a step, where keeping the way back would look at K x K.
    """
    inputs = tf.transpose(emissions, [1, 0, 2])
    length, batch = tf.unstack(tf.shape(inputs)[:2])
    into = tf.transpose(transitions)
    steps = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:]).unstack(inputs)
    best = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:], clear_after_read=False)
    first = tf.broadcast_to(starts, [batch, inputs.shape[-1]]) + inputs[0]

    def forward(
        time: tf.Tensor, before: tf.Tensor, best: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        now = tf.reduce_max(before[:, tf.newaxis, :] + into, axis=2) + steps.read(time)
        return time + 1, now, best.write(time, now)

    state = (tf.constant(1), first, best.write(0, first))
    scores = tf.while_loop(lambda time, *_: time < length, forward, state)[2].stack()

    endings = _endings(scores, ends, padding_mask)
    last_tag = tf.argmax(endings, axis=1, output_type=tf.int32)
    last_word = _last_word(padding_mask)
    path = tf.TensorArray(tf.int32, length, element_shape=[None])

    def back(time: tf.Tensor, after: tf.Tensor, path: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        before = tf.argmax(scores[time] + tf.gather(into, after), axis=1, output_type=tf.int32)
        now = tf.where(time < last_word, before, last_tag)
        return time - 1, now, path.write(time, now)

    backwards = (length - 2, last_tag, path.write(length - 1, last_tag))
    path = tf.while_loop(lambda time, *_: time >= 0, back, backwards)[2]
    tag_ids = tf.where(padding_mask, tf.transpose(path.stack()), 0)
    return tag_ids, tf.where(padding_mask[:, 0], tf.reduce_max(endings, axis=1), 0.0)
