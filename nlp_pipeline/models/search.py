"""The search for a translation: greedy, or by a beam, of a batch at once and in the graph.

A beam holds N hypotheses for each sentence. At each step every one is continued by every subword, and the best N of all
continuations are taken; one that ends leaves the beam and is kept, and the beam is one narrower from there on (Bahdanau
et al. 2015, and the decoders that followed it). With N = 1 that is the greedy search. It ends when the beam is empty,
when nothing that is still open can become better than the worst that was kept, or when a hypothesis is as long as it
may be: its last step can only be the end, so that every hypothesis has one.

    score(Y|X) = log P(Y|X) / lp(Y) + cp(X; Y)                                      Wu et al. 2016, equation 14
    lp(Y) = (5 + |Y|)^a / 6^a        cp(X; Y) = b sum_s log(min(sum_t weight_ts, 1))

|Y| counts the end. Padding and the start can never be written; the probabilities are over all subwords.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.models.network import Tensors
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.text.special import END_ID, PADDING_ID, START_ID

# Of what cannot be taken: far below any score, and finite, so that no inf - inf turns up.
NEVER = -1e30
# A translation may be this much longer than `longest` times the source.
ROOM = 10


class Hypotheses(NamedTuple):
    """What a search found: for each sentence N hypotheses, the best first.

    Attributes:
        ids: the subwords int32 [B, N, T], without the end, padded.
        lengths: how many subwords of `ids` are real, int32 [B, N]; -1 where there is no further hypothesis.
        scores: what they were ranked by [B, N].
        log_probabilities: of the subwords and the end [B, N], in nats.
        weights: attention weights [B, N, T + 1, S], those of the end as well; None without attention.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    log_probabilities: tf.Tensor
    weights: tf.Tensor | None


def search(
    network: Translator,
    batch: Tensors,
    beam_size: int | tf.Tensor = 1,
    length_penalty: float | tf.Tensor = 0.0,
    coverage_penalty: float | tf.Tensor = 0.0,
    longest: float | tf.Tensor = 2.0,
) -> Hypotheses:
    """Translate a batch.

    Args:
        network: the translator.
        batch: the sources, as `Translator.begin` takes them.
        beam_size: N, at least 1.
        length_penalty: a, 0 for none.
        coverage_penalty: b, 0 for none; has no effect without attention.
        longest: a hypothesis has at most so many subwords for each of the source's, and `ROOM` more.

    Returns:
        up to N hypotheses for each sentence. A sentence's are the same in any company.
    """
    begun = network.begin(batch)
    mask = batch["source_mask"]
    sentences, source_length = tf.unstack(tf.shape(mask))
    width = tf.convert_to_tensor(beam_size, tf.int32)
    penalty = tf.convert_to_tensor(length_penalty, tf.float32)
    coverage_share = tf.convert_to_tensor(coverage_penalty, tf.float32)
    limits = tf.cast(tf.math.ceil(tf.convert_to_tensor(longest, tf.float32) * _lengths(mask)), tf.int32) + ROOM
    steps = tf.reduce_max(limits)
    attends = network.decoder.attend is not None
    vocabulary = network.vocabulary_sizes["target"]
    writable = tf.one_hot([PADDING_ID, START_ID], vocabulary, on_value=NEVER, off_value=0.0)
    writable = tf.reduce_min(writable, axis=0)
    only_end = tf.one_hot(END_ID, vocabulary, on_value=0.0, off_value=NEVER)
    rows = tf.range(sentences)[:, tf.newaxis] * width
    # A subword has at most so many continuations in the beam.
    taken = tf.minimum(width, vocabulary)

    def rank(log_probabilities: tf.Tensor, length: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
        covered = tf.where(mask[:, tf.newaxis], tf.math.log(tf.clip_by_value(coverage, 1e-9, 1.0)), 0.0)
        penalised = log_probabilities / _length_penalty(length, penalty)
        return penalised + coverage_share * tf.reduce_sum(covered, axis=2) if attends else penalised

    def advance(
        time: tf.Tensor, last: tf.Tensor, states: Any, alive: tf.Tensor, coverage: tf.Tensor, kept: Any, history: Any
    ) -> Any:
        scores, states, weights = network.step(tf.reshape(last, [-1]), begun.source, states)
        scores -= tf.reduce_logsumexp(scores, axis=1, keepdims=True)
        must_end = tf.repeat(limits <= time + 1, width)
        scores += tf.where(must_end[:, tf.newaxis], only_end, writable)
        best_of_row, ids_of_row = tf.math.top_k(scores, taken)
        together = tf.reshape(
            alive[:, :, tf.newaxis] + tf.reshape(best_of_row, [sentences, width, -1]), [sentences, -1]
        )
        alive, places = tf.math.top_k(tf.maximum(together, NEVER), width)
        ranks, slots, times, totals = kept
        # As many as have ended leave the beam for good.
        left = width - tf.reduce_sum(tf.cast(ranks > NEVER / 2, tf.int32), axis=1, keepdims=True)
        alive = tf.where(tf.range(width) < left, alive, NEVER)
        parents = places // taken
        ids = tf.gather(tf.reshape(ids_of_row, [sentences, -1]), places, batch_dims=1)
        from_rows = tf.reshape(rows + parents, [-1])
        states = tf.nest.map_structure(lambda one: tf.gather(one, from_rows), states)
        history_ids, history_parents, history_weights = history
        history_ids, history_parents = history_ids.write(time, ids), history_parents.write(time, parents)
        if attends:
            history_weights = history_weights.write(time, weights)
            now = tf.reshape(tf.gather(weights, from_rows), [sentences, width, -1])
            coverage = tf.gather(coverage, parents, batch_dims=1) + now

        ended = tf.logical_and(tf.equal(ids, END_ID), alive > NEVER / 2)
        found = tf.where(ended, rank(alive, time + 1, coverage), NEVER)
        # What was kept, and what ended now: the best of both, the earlier of equals.
        ranks, best = tf.math.top_k(tf.concat([ranks, found], axis=1), width)
        slots, times, totals = (
            tf.gather(tf.concat([old, new], axis=1), best, batch_dims=1)
            for old, new in (
                (slots, tf.tile(tf.range(width)[tf.newaxis], [sentences, 1])),
                (times, tf.fill([sentences, width], time)),
                (totals, alive),
            )
        )
        alive = tf.where(tf.logical_or(ended, alive <= NEVER / 2), NEVER, alive)
        history = (history_ids, history_parents, history_weights)
        return time + 1, ids, states, alive, coverage, (ranks, slots, times, totals), history

    def goes_on(time: tf.Tensor, *rest: Any) -> tf.Tensor:
        _, _, alive, _, kept, _ = rest
        # What is open can only lose probability; at its longest it is divided by the most.
        best = tf.reduce_max(alive, axis=1)
        better = best / _length_penalty(limits, penalty) > kept[0][:, -1]
        return tf.logical_and(time < steps, tf.reduce_any(tf.logical_and(best > NEVER / 2, better)))

    def array(dtype: Any, shape: list[None]) -> tf.TensorArray:
        return tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=shape, clear_after_read=False)

    states = tf.nest.map_structure(lambda one: tf.repeat(one, width, axis=0), begun.states)
    nothing = tf.fill([sentences, width], NEVER)
    first = tf.where(tf.range(width) == 0, 0.0, NEVER)[tf.newaxis] + tf.zeros([sentences, 1])
    zeros = tf.zeros([sentences, width], tf.int32)
    loop = (
        tf.constant(0),
        tf.fill([sentences, width], START_ID),
        states,
        first,
        tf.zeros([sentences, width, source_length]),
        (nothing, zeros, zeros, nothing),
        (array(tf.int32, [None, None]), array(tf.int32, [None, None]), array(tf.float32, [None, None])),
    )
    # Nothing is said of how many sentences and hypotheses there are; the units of the states have to be known.
    pairs = tf.TensorShape([None, None])
    shapes = (
        tf.TensorShape([]),
        pairs,
        tf.nest.map_structure(lambda one: tf.TensorShape([None, one.shape[1]]), states),
        pairs,
        tf.TensorShape([None, None, None]),
        (pairs,) * 4,
        (tf.TensorShape(None),) * 3,
    )
    _, _, _, _, _, kept, history = tf.while_loop(goes_on, advance, loop, shape_invariants=shapes)
    return _read_back(kept, history, sentences, width, source_length, attends)


def _read_back(
    kept: Any, history: Any, sentences: tf.Tensor, width: tf.Tensor, source_length: tf.Tensor, attends: bool
) -> Hypotheses:
    """Follow each kept hypothesis from its end to its beginning."""
    ranks, slots, times, totals = kept
    ids_of, parents_of, weights_of = history
    there = ranks > NEVER / 2
    lengths = tf.where(there, times, -1)
    steps = tf.maximum(tf.reduce_max(lengths), 0) + 1

    def back(time: tf.Tensor, slots: tf.Tensor, ids: tf.TensorArray, weights: tf.TensorArray) -> Any:
        on = time <= lengths
        found = tf.gather(ids_of.read(time), slots, batch_dims=1)
        parents = tf.gather(parents_of.read(time), slots, batch_dims=1)
        # The end is not one of the ids.
        ids = ids.write(time, tf.where(time < lengths, found, PADDING_ID))
        if attends:
            by_sentence = tf.reshape(weights_of.read(time), [sentences, width, source_length])
            # The weights of a step belong to the hypothesis that was continued.
            of_step = tf.gather(by_sentence, parents, batch_dims=1)
            weights = weights.write(time, tf.where(on[:, :, tf.newaxis], of_step, 0.0))
        return time - 1, tf.where(on, parents, slots), ids, weights

    ids = tf.TensorArray(tf.int32, steps, element_shape=[None, None])
    weights = tf.TensorArray(tf.float32, steps if attends else 0, element_shape=[None, None, None])
    _, _, ids, weights = tf.while_loop(lambda time, *_: time >= 0, back, (steps - 1, slots, ids, weights))
    return Hypotheses(
        tf.transpose(ids.stack(), [1, 2, 0])[:, :, :-1],
        lengths,
        ranks,
        totals,
        tf.transpose(weights.stack(), [1, 2, 0, 3]) if attends else None,
    )


def _lengths(mask: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(mask, tf.float32), axis=1)


def _length_penalty(length: tf.Tensor, penalty: tf.Tensor) -> tf.Tensor:
    return tf.pow((5.0 + tf.cast(length, tf.float32)) / 6.0, penalty)
