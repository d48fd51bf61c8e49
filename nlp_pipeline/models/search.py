"""The search for a translation: greedy, or by a beam, of a batch at once and in the graph.

A beam holds N hypotheses for each sentence. At each step every one is continued by every subword, and the best N of all
continuations are taken; one that ends leaves the beam and is kept, and the beam is one narrower from there on (Bahdanau
et al. 2015, and the decoders that followed it). With N = 1 that is the greedy search. It ends when the beam is empty,
when nothing that is still open can become better than the worst that was kept, or when a hypothesis is as long as it
may be: its last step can only be the end, so that every hypothesis has one.

    score(Y|X) = log P(Y|X) / lp(Y) + cp(X; Y)                                      Wu et al. 2016, equation 14
    lp(Y) = (5 + |Y|)^a / 6^a        cp(X; Y) = b sum_s log(min(sum_t weight_ts, 1))

|Y| counts the end. Padding and the start can never be written; the probabilities are over all subwords, or over those
of a sentence's shortlist, where there are such.

The first step has one hypothesis a sentence, and fills the beam with its continuations. A batch ends with its last
sentence. The decoder is run for those sentences alone that can still find something, in smaller and smaller batches,
and an output layer over all subwords, which is most of the work, for the open hypotheses of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nlp_pipeline.models.network import Tensors
from nlp_pipeline.models.shortlist import SPECIAL, Shortlist
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.text.special import END_ID, PADDING_ID, START_ID

# Of what cannot be taken: far below any score, and finite, so that no inf - inf turns up.
NEVER = -1e30
# A translation may be this much longer than `longest` times the source.
ROOM = 10
# The batch is made smaller when so many of its sentences at the most still search: each time copies what is left of it.
SMALLER = 0.75


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


class Candidates(NamedTuple):
    """The subwords that each of B sentences may be continued by: its shortlist.

    Attributes:
        ids: int32 [B, C]; padding, the unknown, the start and the end stand first, as in the whole vocabulary.
        kernel: the output layer's rows of these [B, C, R].
        bias: likewise [B, C], float32; `NEVER` where a sentence has fewer.
    """

    ids: tf.Tensor
    kernel: tf.Tensor
    bias: tf.Tensor


class Work(NamedTuple):
    """What the decoder is run on: b of the B sentences, with n hypotheses each: one at first, N from then on.

    Attributes:
        sentences: their numbers int32 [b].
        source: the tensors of what the decoder knows of them.
        candidates: the `Candidates` of b sentences; nothing where all subwords are.
        states: what each layer of the decoder is in [b * n, U].
    """

    sentences: tf.Tensor
    source: Sequence[tf.Tensor]
    candidates: Sequence[tf.Tensor]
    states: Any


def search(
    network: Translator,
    batch: Tensors,
    beam_size: int | tf.Tensor = 1,
    length_penalty: float | tf.Tensor = 0.0,
    coverage_penalty: float | tf.Tensor = 0.0,
    longest: float | tf.Tensor = 2.0,
    shortlist: Shortlist | None = None,
) -> Hypotheses:
    """Translate a batch.

    Args:
        network: the translator.
        batch: the sources, as `Translator.begin` takes them.
        beam_size: N, at least 1.
        length_penalty: a, 0 for none.
        coverage_penalty: b, 0 for none; has no effect without attention.
        longest: a hypothesis has at most so many subwords for each of the source's, and `ROOM` more.
        shortlist: what a sentence's subwords are chosen from; None for all there are. For sources in trained subwords.

    Returns:
        up to N hypotheses for each sentence. A sentence's are the same in any company.
    """
    begun, step = network.begin(batch), network.decoder.steps()
    known = step.look_at(begun.source)
    mask = batch["source_mask"]
    sentences, source_length = tf.unstack(tf.shape(mask))
    width = tf.convert_to_tensor(beam_size, tf.int32)
    penalty = tf.convert_to_tensor(length_penalty, tf.float32)
    coverage_share = tf.convert_to_tensor(coverage_penalty, tf.float32)
    limits = tf.cast(tf.math.ceil(tf.convert_to_tensor(longest, tf.float32) * _lengths(mask)), tf.int32) + ROOM
    steps = tf.reduce_max(limits)
    attends = network.decoder.attend is not None
    candidates: Sequence[tf.Tensor] = ()
    choices = network.vocabulary_sizes["target"]
    if shortlist is not None:
        candidates = _candidates(network, batch, shortlist)
        choices = tf.shape(candidates[0])[1]
    # A subword has at most so many continuations in the beam.
    taken = tf.minimum(width, choices)

    def rank(log_probabilities: tf.Tensor, length: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
        covered = tf.where(mask[:, tf.newaxis], tf.math.log(tf.clip_by_value(coverage, 1e-9, 1.0)), 0.0)
        penalised = log_probabilities / _length_penalty(length, penalty)
        return penalised + coverage_share * tf.reduce_sum(covered, axis=2) if attends else penalised

    def searches(alive: tf.Tensor, kept: Any) -> tf.Tensor:
        """Return which sentences can still find something better than the worst that they have kept [B]."""
        # What is open can only lose probability; at its longest it is divided by the most.
        best = tf.reduce_max(alive, axis=1)
        better = best / _length_penalty(limits, penalty) > kept[0][:, -1]
        return tf.logical_and(best > NEVER / 2, better)

    def advance(
        time: tf.Tensor, last: tf.Tensor, work: Work, alive: tf.Tensor, coverage: tf.Tensor, kept: Any, history: Any
    ) -> Any:
        searching = searches(alive, kept)
        held = tf.shape(last)[1]
        work = _smaller(work, searching, held)
        ids = tf.reshape(tf.gather(last, work.sentences), [-1])
        source = tf.nest.pack_sequence_as(known, _filled(known, work.source))
        outputs, weights, states = step(network.embed(ids), source, work.states)
        is_searching = tf.gather(searching, work.sentences)[:, tf.newaxis]
        is_open = tf.logical_and(tf.gather(alive, work.sentences) > NEVER / 2, is_searching)
        if work.candidates:
            of_each = Candidates(*work.candidates)
            logits = tf.matmul(_grouped(outputs, held), of_each.kernel, transpose_b=True)
            logits = tf.cast(logits, tf.float32) + of_each.bias[:, tf.newaxis]
            must_end = tf.repeat(tf.gather(limits, work.sentences) <= time + 1, held)
            found = _continuations(tf.reshape(logits, [-1, choices]), taken, must_end)
            best_of_open, places = (_grouped(one, held) for one in found)
            ids_of_open = tf.gather(of_each.ids, places, batch_dims=1)
            best_of_open = tf.where(is_open[:, :, tf.newaxis], best_of_open, NEVER)
            best_of_open, ids_of_open = (tf.reshape(one, [-1, taken]) for one in (best_of_open, ids_of_open))
            rows = tf.reshape(work.sentences[:, tf.newaxis] * held + tf.range(held), [-1])
        else:
            sentence, slot = tf.unstack(tf.cast(tf.where(is_open), tf.int32), axis=1)
            must_end = tf.gather(limits, tf.gather(work.sentences, sentence)) <= time + 1
            logits = network.logits(tf.gather(outputs, sentence * held + slot))
            best_of_open, ids_of_open = _continuations(logits, taken, must_end)
            rows = tf.gather(work.sentences, sentence) * held + slot
        # In their places in the whole batch; nothing follows the others.
        into = rows[:, tf.newaxis]
        best_of_row = tf.tensor_scatter_nd_update(tf.fill([sentences * held, taken], NEVER), into, best_of_open)
        ids_of_row = tf.scatter_nd(into, ids_of_open, [sentences * held, taken])
        together = tf.reshape(tf.reshape(alive, [-1, 1]) + best_of_row, [sentences, -1])
        # Of the first hypothesis alone there may be fewer than the beam holds.
        rest = [[0, 0], [0, width - taken]]
        together = tf.pad(tf.maximum(together, NEVER), rest, constant_values=NEVER)
        alive, places = tf.math.top_k(together, width)
        ranks, slots, times, totals = kept
        # As many as have ended leave the beam for good.
        left = width - tf.reduce_sum(tf.cast(ranks > NEVER / 2, tf.int32), axis=1, keepdims=True)
        alive = tf.where(tf.range(width) < left, alive, NEVER)
        parents = tf.minimum(places // taken, held - 1)
        ids = tf.gather(tf.pad(tf.reshape(ids_of_row, [sentences, -1]), rest), places, batch_dims=1)
        rows = tf.range(tf.size(work.sentences))[:, tf.newaxis] * held + tf.gather(parents, work.sentences)
        states = tf.nest.map_structure(lambda one: tf.gather(one, tf.reshape(rows, [-1])), states)
        history_ids, history_parents, history_weights = history
        history_ids, history_parents = history_ids.write(time, ids), history_parents.write(time, parents)
        if attends:
            by_sentence = tf.reshape(weights, [-1, held, source_length])
            nowhere = tf.zeros([sentences, held, source_length])
            by_sentence = tf.tensor_scatter_nd_update(nowhere, work.sentences[:, tf.newaxis], by_sentence)
            history_weights = history_weights.write(time, by_sentence)
            coverage = tf.gather(coverage + by_sentence, parents, batch_dims=1)

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
        work = work._replace(states=states)
        return time + 1, ids, work, alive, coverage, (ranks, slots, times, totals), history

    def goes_on(time: tf.Tensor, *rest: Any) -> tf.Tensor:
        _, _, alive, _, kept, _ = rest
        return tf.logical_and(time < steps, tf.reduce_any(searches(alive, kept)))

    def array(dtype: Any, shape: list[None]) -> tf.TensorArray:
        # The first step has another shape than the others.
        settings = {"dynamic_size": True, "infer_shape": False, "clear_after_read": False}
        return tf.TensorArray(dtype, 0, element_shape=shape, **settings)

    nothing = tf.fill([sentences, width], NEVER)
    zeros = tf.zeros([sentences, width], tf.int32)
    loop = (
        tf.constant(0),
        tf.fill([sentences, 1], START_ID),
        Work(tf.range(sentences), [one for one in tf.nest.flatten(known) if one is not None], candidates, begun.states),
        tf.zeros([sentences, 1]),
        tf.zeros([sentences, 1, source_length]),
        (nothing, zeros, zeros, nothing),
        (array(tf.int32, [None, None]), array(tf.int32, [None, None]), array(tf.float32, [None, None, None])),
    )
    # Nothing is said of how many sentences and hypotheses there are; the units of the states have to be known.
    pairs = tf.TensorShape([None, None])

    def of_any_number(one: tf.Tensor) -> tf.TensorShape:
        return tf.TensorShape([None, *one.shape[1:]])

    shapes = (
        tf.TensorShape([]),
        pairs,
        tf.nest.map_structure(of_any_number, loop[2]),
        pairs,
        tf.TensorShape([None, None, None]),
        (pairs,) * 4,
        (tf.TensorShape(None),) * 3,
    )
    _, _, _, _, _, kept, history = tf.while_loop(goes_on, advance, loop, shape_invariants=shapes)
    return _read_back(kept, history, attends)


def _candidates(network: Translator, batch: Tensors, shortlist: Shortlist) -> Candidates:
    """Return which subwords may continue each sentence of a batch."""
    ids, vocabulary = batch["source_ids"], network.vocabulary_sizes["target"]
    likeliest = tf.gather(tf.constant(shortlist.likeliest), ids)
    # Of padding the end alone, which is there anyway.
    likeliest = tf.where(batch["source_mask"][:, :, tf.newaxis], likeliest, END_ID)
    sentences = tf.shape(ids)[0]
    of_sentence = tf.reshape(likeliest, [sentences, -1])
    always = np.union1d(np.arange(SPECIAL), shortlist.frequent).astype(np.int32)
    is_candidate = tf.tile(tf.reduce_any(tf.one_hot(always, vocabulary) > 0, axis=0)[tf.newaxis], [sentences, 1])
    rows = tf.repeat(tf.range(sentences), tf.shape(of_sentence)[1])
    places = tf.stack([rows, tf.reshape(of_sentence, [-1])], axis=1)
    is_candidate = tf.tensor_scatter_nd_update(is_candidate, places, tf.ones_like(rows, tf.bool))
    counts = tf.reduce_sum(tf.cast(is_candidate, tf.int32), axis=1)
    # Each sentence's, in the order of their ids.
    row, found = tf.unstack(tf.cast(tf.where(is_candidate), tf.int32), axis=1)
    column = tf.range(tf.size(row)) - tf.gather(tf.cumsum(counts, exclusive=True), row)
    shape = tf.stack([sentences, tf.reduce_max(counts)])
    chosen = tf.scatter_nd(tf.stack([row, column], axis=1), found, shape)
    kernel, bias = network.output_layer(chosen)
    return Candidates(chosen, kernel, tf.where(tf.sequence_mask(counts), bias, NEVER))


def _grouped(rows: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Return what stands by hypotheses [b * N, K] by sentences and hypotheses [b, N, K]."""
    return tf.reshape(rows, [-1, width, tf.shape(rows)[1] if rows.shape[1] is None else rows.shape[1]])


def _filled(structure: Any, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor | None]:
    """Return tensors in the places of those of a structure, and None where that has None."""
    left = iter(tensors)
    return [None if one is None else next(left) for one in tf.nest.flatten(structure)]


def _smaller(work: Work, searching: tf.Tensor, width: tf.Tensor) -> Work:
    """Leave out the sentences that search no more, once there are enough of them.

    Args:
        work: of b sentences.
        searching: which of all sentences do [B].
        width: hypotheses of each.
    """
    chosen = tf.where(tf.gather(searching, work.sentences))[:, 0]
    count = tf.size(work.sentences)

    def narrowed() -> Work:
        rows = tf.reshape(tf.cast(chosen, tf.int32)[:, tf.newaxis] * width + tf.range(width), [-1])
        return Work(
            tf.gather(work.sentences, chosen),
            tf.nest.map_structure(lambda one: tf.gather(one, chosen), work.source),
            tf.nest.map_structure(lambda one: tf.gather(one, chosen), work.candidates),
            tf.nest.map_structure(lambda one: tf.gather(one, rows), work.states),
        )

    is_less = tf.cast(tf.size(chosen), tf.float32) <= SMALLER * tf.cast(count, tf.float32)
    return Work(*tf.cond(is_less, narrowed, lambda: work))


def _continuations(logits: tf.Tensor, count: tf.Tensor, must_end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the log-probabilities of the likeliest subwords that may follow, and their columns, `[n, count]` each.

    Args:
        logits: of n hypotheses `[n, V]`; the first columns are those of padding, the unknown, the start and the end.
        count: how many, at most V; `NEVER` stands for those that there are none for.
        must_end: which of them can only be followed by the end `[n]`.
    """
    # Two more than are wanted, for the two that cannot be written.
    most, ids = tf.math.top_k(logits, tf.minimum(count + 2, tf.shape(logits)[1]))
    highest = most[:, :1]
    total = highest + tf.math.log(tf.reduce_sum(tf.exp(logits - highest), axis=1, keepdims=True))
    writable = tf.logical_and(ids != PADDING_ID, ids != START_ID)
    best, places = tf.math.top_k(tf.where(writable, most - total, NEVER), count)
    ids = tf.gather(ids, places, batch_dims=1)
    is_first = tf.range(count) == 0
    end = tf.where(is_first, logits[:, END_ID : END_ID + 1] - total, NEVER)
    must_end = must_end[:, tf.newaxis]
    return tf.where(must_end, end, best), tf.where(must_end, END_ID, ids)


def _read_back(kept: Any, history: Any, attends: bool) -> Hypotheses:
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
            # The weights of a step belong to the hypothesis that was continued.
            of_step = tf.gather(weights_of.read(time), parents, batch_dims=1)
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
