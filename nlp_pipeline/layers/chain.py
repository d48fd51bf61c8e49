"""Sums and maxima over all paths of tags through a sentence, for `nlp_pipeline.layers.crf`.

The arguments are the same everywhere, in float32: emissions `[B, L, K]`, finite on padding too; transitions `[K, K]`
from a tag to the next; the scores of starting and of ending, `[K]`; and the padding mask `[B, L]`, True on the words,
which stand on the left. What is forbidden has a score so low that it counts for nothing, and is finite.

Sums are taken in log space, over `[B, K, K]` at each word. A product with exp(transitions) would be cheaper, and wrong
where a tag can be reached from improbable ones alone: what underflows before it has its say is lost.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def path_score(
    emissions: tf.Tensor,
    tag_ids: tf.Tensor,
    transitions: tf.Tensor,
    starts: tf.Tensor,
    ends: tf.Tensor,
    padding_mask: tf.Tensor,
) -> tf.Tensor:
    """Return the score of the path `tag_ids` `[B, L]` for each sentence `[B]`: 0 for a sentence without words."""
    real = tf.cast(padding_mask, tf.float32)
    score = tf.reduce_sum(tf.gather(emissions, tag_ids, axis=2, batch_dims=2) * real, axis=1)
    pairs = tag_ids[:, :-1] * emissions.shape[2] + tag_ids[:, 1:]
    score += tf.reduce_sum(tf.gather(tf.reshape(transitions, [-1]), pairs) * real[:, 1:], axis=1)
    last_tag = tf.gather(tag_ids, _last_word(padding_mask), batch_dims=1)
    return score + (tf.gather(starts, tag_ids[:, 0]) + tf.gather(ends, last_tag)) * real[:, 0]


@tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
def log_normalizer(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    """Return the log_normalizer `[B]`.

    Its gradient is written out: the expected counts, from one more loop. A tape over the loop takes two to four times
    as long.
    """
    sums = _forward(emissions, transitions, starts)
    scores, shifts = _normalized(sums, emissions)
    real = tf.cast(padding_mask, tf.float32)
    taken_off = tf.reduce_sum(shifts[:, :, 0] * tf.transpose(real), axis=0)
    endings = tf.reduce_logsumexp(_endings(scores, ends, padding_mask), axis=1)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        return (*_backward(upstream, sums, emissions, transitions, ends, padding_mask), None)

    return taken_off + endings * real[:, 0], gradient


def marginals(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tf.Tensor:
    """Return how probable each tag is at each word, over all paths `[B, L, K]`; 0 on padding."""
    sums = _forward(emissions, transitions, starts)
    ones = tf.ones_like(emissions[:, 0, 0])
    return _backward(ones, sums, emissions, transitions, ends, padding_mask)[0]


def best_path(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the best path `[B, L]` and its score `[B]`.

    Only scores are kept on the way forward, without what the best of them has in common, so that they stay exact
    however long the sentence is. On the way back the best tag before a given one is found anew, which looks at K scores
    a step, where keeping the way back would look at K x K.
    """
    inputs = tf.transpose(emissions, [1, 0, 2])
    length, batch = tf.unstack(tf.shape(inputs)[:2])
    into = tf.transpose(transitions)
    real = tf.transpose(tf.cast(padding_mask, tf.float32))
    steps = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:]).unstack(inputs)
    best = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:], clear_after_read=False)

    def forward(
        time: tf.Tensor, before: tf.Tensor, taken_off: tf.Tensor, best: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
        now = tf.reduce_max(before[:, tf.newaxis, :] + into, axis=2) + steps.read(time)
        highest = tf.reduce_max(now, axis=1)
        now -= highest[:, tf.newaxis]
        return time + 1, now, taken_off + real[time] * highest, best.write(time, now)

    first = tf.broadcast_to(starts, [batch, inputs.shape[-1]]) + inputs[0]
    highest = tf.reduce_max(first, axis=1)
    first -= highest[:, tf.newaxis]
    state = (tf.constant(1), first, highest, best.write(0, first))
    _, _, taken_off, best = tf.while_loop(lambda time, *_: time < length, forward, state)
    scores = best.stack()

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
    return tag_ids, tf.where(padding_mask[:, 0], taken_off + tf.reduce_max(endings, axis=1), 0.0)


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
        sums: from `_forward`, `[L, B, K]`.
        emissions: `[B, L, K]`, 0 on padding.
        transitions: constrained, `[K, K]`.
        ends: the constrained scores of ending, `[K]`.
        padding_mask: `[B, L]`.

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
