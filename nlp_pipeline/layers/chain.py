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

    Its gradient is written out: the expected counts. The sums from both ends do not wait for each other, and two cores
    have something to do. A tape over the loop takes two to four times as long.
    """
    sums = _forward(emissions, transitions, starts)
    scores, shifts = _normalized(sums, emissions)
    real = tf.cast(padding_mask, tf.float32)
    taken_off = tf.reduce_sum(shifts[:, :, 0] * tf.transpose(real), axis=0)
    endings = tf.reduce_logsumexp(_endings(scores, ends, padding_mask), axis=1)
    # In a graph it is computed only where the gradient is.
    after = _backward(emissions, transitions, ends, padding_mask)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        upstream = upstream * real[:, 0]
        expected = upstream[:, tf.newaxis] * _marginals(scores, after, padding_mask)
        counts = _counts(scores, sums, expected, transitions)
        of_ends = upstream[:, tf.newaxis] * tf.nn.softmax(_endings(scores, ends, padding_mask))
        by_row = tf.transpose(expected, [1, 0, 2])
        return by_row, counts, tf.reduce_sum(expected[0], axis=0), tf.reduce_sum(of_ends, axis=0), None

    return taken_off + endings * real[:, 0], gradient


def marginals(
    emissions: tf.Tensor, transitions: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor
) -> tf.Tensor:
    """Return how probable each tag is at each word, over all paths `[B, L, K]`; 0 on padding."""
    scores, _ = _normalized(_forward(emissions, transitions, starts), emissions)
    after = _backward(emissions, transitions, ends, padding_mask)
    return tf.transpose(_marginals(scores, after, padding_mask), [1, 0, 2])


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
    sums = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:])
    first = tf.broadcast_to(starts, [batch, inputs.shape[-1]])

    def step(time: tf.Tensor, before: tf.Tensor, sums: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        summed = _summed(before + inputs[time - 1], into)
        return time + 1, summed, sums.write(time, summed)

    state = (tf.constant(1), first, sums.write(0, first))
    return tf.while_loop(lambda time, *_: time < length, step, state)[2].stack()


def _backward(emissions: tf.Tensor, transitions: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Run the backward algorithm, with scores that do not grow with the length.

    With `c_t = b_t + e_t - max(b_t + e_t)`, it is `b_L = end` and `b_t-1[j] = log sum_k exp(T[j, k] + c_t[k])`.

    Returns:
        b, `[L, B, K]`; on padding it is end, so that a sentence's last word does not see what stands after it.
    """
    inputs = tf.transpose(emissions, [1, 0, 2])
    length, batch = tf.unstack(tf.shape(inputs)[:2])
    is_word = tf.transpose(padding_mask)[:, :, tf.newaxis]
    sums = tf.TensorArray(tf.float32, length, element_shape=inputs.shape[1:])
    final = tf.broadcast_to(ends, [batch, inputs.shape[-1]])

    def step(time: tf.Tensor, after: tf.Tensor, sums: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        summed = tf.where(is_word[time], _summed(after + inputs[time], transitions), final)
        return time - 1, summed, sums.write(time - 1, summed)

    state = (length - 1, final, sums.write(length - 1, final))
    return tf.while_loop(lambda time, *_: time > 0, step, state)[2].stack()


def _summed(unnormalized: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Return `log sum_j exp(scores[j] + matrix[k, j])` `[B, K]`, where the highest of the scores `[B, K]` is made 0."""
    scores = unnormalized - tf.reduce_max(unnormalized, axis=1, keepdims=True)
    paths = scores[:, tf.newaxis, :] + matrix
    highest = tf.reduce_max(paths, axis=2, keepdims=True)
    return tf.math.log(tf.reduce_sum(tf.exp(paths - highest), axis=2)) + highest[:, :, 0]


def _normalized(sums: tf.Tensor, emissions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a and the maxima that were taken off, `[L, B, K]` and `[L, B, 1]`, from the sums of `_forward`."""
    unnormalized = sums + tf.transpose(emissions, [1, 0, 2])
    shifts = tf.reduce_max(unnormalized, axis=2, keepdims=True)
    return unnormalized - shifts, shifts


def _endings(scores: tf.Tensor, ends: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Return the scores of all tags at each sentence's last word, the end's included `[B, K]`."""
    last = tf.stack([_last_word(padding_mask), tf.range(tf.shape(scores)[1])], axis=1)
    return tf.gather_nd(scores, last) + ends


def _marginals(scores: tf.Tensor, after: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Return how probable each tag is at each word `[L, B, K]`, 0 on padding.

    Args:
        scores: a of `_forward`, with the word's own emission, `[L, B, K]`.
        after: of `_backward`, without it, `[L, B, K]`.
        padding_mask: `[B, L]`.
    """
    return tf.nn.softmax(scores + after) * tf.transpose(tf.cast(padding_mask, tf.float32))[:, :, tf.newaxis]


def _counts(scores: tf.Tensor, sums: tf.Tensor, expected: tf.Tensor, transitions: tf.Tensor) -> tf.Tensor:
    """Return how often each tag is expected after each other one `[K, K]`, over all words of the batch.

    With the marginals m and `P(y_t-1 = j | y_t = k) = exp(a_t-1[j] + T[j, k] - s_t[k])` from the forward algorithm, it
    is `sum_t P(j | k) m_t[k]`: every factor is a probability, and nothing can overflow.

    Args:
        scores: a, `[L, B, K]`.
        sums: s, `[L, B, K]`.
        expected: the marginals, or so many times these, `[L, B, K]`.
        transitions: constrained, `[K, K]`.
    """
    length, batch, tags = tf.shape(scores)[0], tf.shape(scores)[1], scores.shape[2]
    into = tf.transpose(transitions)
    block = tf.clip_by_value(_AT_ONCE // (batch * tags * tags), 1, tf.maximum(length - 1, 1))
    blocks = (length - 1 + block - 1) // block
    more = [[0, blocks * block - (length - 1)], [0, 0], [0, 0]]
    # What fills up the last block has a share of exp(-1e30).
    before, now, expected = (
        tf.reshape(tf.pad(one, more, constant_values=filling), [blocks, block * batch, tags])
        for one, filling in ((scores[:-1], 0.0), (sums[1:], 1e30), (expected[1:], 0.0))
    )

    def step(number: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shares = tf.exp(before[number][:, tf.newaxis, :] + into - now[number][:, :, tf.newaxis])  # [.., to, from]
        return number + 1, counts + tf.reduce_sum(shares * expected[number][:, :, tf.newaxis], axis=0)

    state = (tf.constant(0), tf.zeros([tags, tags]))
    return tf.transpose(tf.while_loop(lambda number, *_: number < blocks, step, state)[1])


# So many transitions are looked at together, or those of one step: K x K for each word of a batch can be many.
_AT_ONCE = 1 << 20
