"""One step of training, the same on one device and on many.

Keras' own `fit` fails under several workers (keras issue 20585): it reduces a per-replica value eagerly, and the
epoch's metrics over axis 0 of a scalar. Here each replica's loss is a sum, divided by the number of words of the whole
step, and the gradients are summed: a batch gives the same gradient however many replicas share it, and in however many
parts each of them adds its share up, uneven ones included.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nlp_pipeline.inputs.feeding import MADE_AT
from nlp_pipeline.layers.layout import equal_steps
from nlp_pipeline.stopping import ERRORS
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.loss_scale import LossScale
from nlp_pipeline.training.optimizers import GroupedOptimizer

Tensors = Mapping[str, Any]
SUM = tf.distribute.ReduceOp.SUM
# What a batch holds beside its examples: which of its rows count, and how many words the whole step has.
COUNTED = "counted"
STEP_WORDS = "step_words"
# By which a run is asked to stop; the first of them counts where workers have got several.
_SIGNALS = tuple(sorted(ERRORS, reverse=True))
# How many of a result's fields the graph gives, before the squares of each weight's gradient.
_NUMBERS = 7


class Outcome(enum.IntEnum):
    """What became of a step.

    DONE: the weights have moved. RESCALED: the gradient was too large for float16, and the loss scale has been lowered.
    NOT_FINITE: loss or gradient are no numbers. The weights stand still but for the first.
    """

    DONE = 0
    RESCALED = 1
    NOT_FINITE = 2


class StepResult(NamedTuple):
    """What a step gives, over all replicas.

    Attributes:
        loss: summed over the words, in nats.
        words: real words of the step.
        gradient_norm: of the gradient of the mean loss a word, before clipping.
        outcome: what became of it.
        waited: how long this worker waited for its batches, in seconds.
        loss_scale: by how much the loss was multiplied.
        culprit: the number of the first weight whose gradient is no number; -1 where all are.
        seconds: how long it took; of steps run at once each has the same share.
        squares: of each weight's gradient, summed over its numbers, in the optimizer's order; before clipping. The
            norm of the whole is the root of their sum, so that they come for nothing.
        clipped: whether the gradient was shortened.
        later: how many steps that were run with it have moved the weights since.
    """

    loss: float
    words: float
    gradient_norm: float
    outcome: Outcome = Outcome.DONE
    waited: float = 0.0
    loss_scale: float = 1.0
    culprit: int = -1
    seconds: float = 0.0
    squares: Sequence[float] = ()
    clipped: bool = False
    later: int = 0


class Executed(NamedTuple):
    """What several steps in a row give: their results, and the signal by which a worker was asked to stop, if one was.

    All workers see the same.
    """

    results: list[StepResult]
    stop: int | None


class TrainingStep:
    """Training steps under a `tf.distribute` strategy. Make it in the strategy's scope.

    Args:
        losses_of: `losses_of(batch, training=True)` gives the losses of the examples [B], summed over their words.
        optimizer: what it moves.
        strategy: where it runs; the weights were made in its scope.
        clip_norm: the largest norm of the whole gradient; longer ones are shortened to it. None leaves them.
        average: moved after each step, if given.
        accumulate: how many batches each replica adds up in a step.
        xla: whether loss and gradient are compiled.
        loss_scale: for float16.
        skip: whether steps go on after one whose loss or gradient is no number.
    """

    def __init__(
        self,
        losses_of: Callable[..., tf.Tensor],
        optimizer: GroupedOptimizer,
        strategy: tf.distribute.Strategy,
        clip_norm: float | None = None,
        average: WeightAverage | None = None,
        accumulate: int = 1,
        xla: bool = False,
        loss_scale: LossScale | None = None,
        skip: bool = False,
    ) -> None:
        self.losses_of = losses_of
        self.optimizer = optimizer
        self.strategy = strategy
        self.clip_norm = clip_norm
        self.average = average
        self.accumulate = accumulate
        self.loss_scale = loss_scale
        self.skip = skip
        self._gradients = (
            tf.function(equal_steps()(self._gradients_of), jit_compile=True) if xla else self._gradients_of
        )
        self._sums: list[Any] = []
        if accumulate > 1:
            like = [tf.zeros([]), tf.zeros([]), *(tf.zeros(weight.shape) for weight in optimizer.weights)]
            # Each replica has sums of its own, until they are added up.
            self._sums = [
                tf.Variable(
                    zeros,
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.SUM,
                )
                for zeros in like
            ]
        self._run = tf.function(self._execute, autograph=False)

    def __call__(self, iterator: Any, count: int = 1, stop: int | None = None) -> Executed:
        """Run some steps.

        Args:
            iterator: of a dataset as `feed` gives it. Each step takes `accumulate` batches.
            count: how many.
            stop: the signal by which this worker was asked to stop.

        Returns:
            The results of the steps; fewer than `count` where one was no number and is not skipped. That one is the
            last; its batch is taken, and the weights are as they were before it.
        """
        asked = tf.constant([float(number == stop) for number in _SIGNALS])
        started = monotonic()
        rows, done, stops = self._run(iterator, tf.constant(count), asked)
        told = rows.numpy()[: int(done)].tolist()
        seconds = (monotonic() - started) / len(told)
        results = []
        later = 0
        for loss, words, norm, outcome, waited, scale, culprit, *squares in reversed(told):
            moved = int(outcome) == Outcome.DONE
            results.append(
                StepResult(
                    *(loss, words, norm, Outcome(int(outcome)), waited, scale, int(culprit), seconds, squares),
                    clipped=moved and self.clip_norm is not None and norm > self.clip_norm,
                    later=later,
                )
            )
            later += moved
        results.reverse()
        stopped = [number for number, workers in zip(_SIGNALS, stops.numpy(), strict=True) if workers]
        return Executed(results, stopped[0] if stopped else None)

    def _execute(self, iterator: Any, count: tf.Tensor, stop: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        rows = tf.TensorArray(tf.float32, count, element_shape=[_NUMBERS + len(self.optimizer.weights)])

        def go_on(done: tf.Tensor, going: tf.Tensor, _rows: tf.TensorArray) -> tf.Tensor:
            return tf.logical_and(done < count, going)

        def one(
            done: tf.Tensor, _going: tf.Tensor, rows: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
            row, finite = self._step(iterator, done)
            return done + 1, tf.logical_or(finite, self.skip), rows.write(done, row)

        begun = (tf.constant(0), tf.constant(True), rows)
        done, _, rows = tf.while_loop(go_on, one, begun, parallel_iterations=1)
        return rows.stack(), done, self._stops(stop)

    def _stops(self, stop: tf.Tensor) -> tf.Tensor:
        """Return how many workers were asked to stop by each signal; all of them see the same numbers."""
        if self.strategy.num_replicas_in_sync == 1:
            return stop

        def everywhere() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce(SUM, [stop * 1.0])[0]

        return self._first(self.strategy.run(everywhere))

    def _step(self, iterator: Any, after: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Run one step; return its row of results, and whether it was a step of numbers."""
        if self.accumulate == 1:
            batch, waited = self._next(iterator, after)
            loss, words, norm, culprit, squares, gradients = self.strategy.run(self._whole, args=(batch,))
        else:

            def add(part: tf.Tensor, waited: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                batch, longer = self._next(iterator, part)
                added = self.strategy.run(self._add, args=(batch,))
                with tf.control_dependencies(self.strategy.experimental_local_results(added)):
                    return part + 1, waited + longer

            with tf.control_dependencies([after]):
                begun = (tf.constant(0), tf.constant(0.0))
            _, waited = tf.while_loop(lambda part, _: part < self.accumulate, add, begun, parallel_iterations=1)
            loss, words, norm, culprit, squares, gradients = self.strategy.run(self._added_up)
        loss, words, norm, culprit, squares = map(self._first, (loss, words, norm, culprit, squares))
        finite = tf.logical_and(tf.math.is_finite(loss), tf.math.is_finite(norm))
        scale = tf.constant(1.0) if self.loss_scale is None else self.loss_scale.value
        outcome = tf.where(finite, int(Outcome.DONE), int(Outcome.NOT_FINITE))
        if self.loss_scale is not None:
            lowered = tf.logical_and(tf.math.is_finite(loss), self.loss_scale.can_fall())
            outcome = tf.where(tf.logical_and(~finite, lowered), int(Outcome.RESCALED), outcome)
        row = tf.stack([loss, words, norm, tf.cast(outcome, tf.float32), waited, scale, tf.cast(culprit, tf.float32)])
        row = tf.concat([row, squares], axis=0)
        with tf.control_dependencies([row]):
            tf.cond(finite, lambda: self._move(gradients), tf.no_op)
            if self.loss_scale is not None:
                self.loss_scale.follow(finite)
        return row, outcome != int(Outcome.NOT_FINITE)

    def _next(self, iterator: Any, after: tf.Tensor) -> tuple[Any, tf.Tensor]:
        """Return the next batch, once `after` is there, and how many seconds after it was asked for it was made.

        When it arrives would tell too much: until then, other operations of the step may have been run.
        """
        asked = tf.ensure_shape(tf.numpy_function(_now, [after], tf.float64), [])
        with tf.control_dependencies([asked]):
            batch = iterator.get_next()
        made_at = tf.reduce_max(tf.stack(self.strategy.experimental_local_results(batch[MADE_AT])))
        return batch, tf.cast(tf.maximum(made_at - asked, 0.0), tf.float32)

    def _gradients_of(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Return the summed loss, the words, and the gradient of the (scaled) loss a word of the whole step."""
        examples = {key: value for key, value in batch.items() if key not in (COUNTED, STEP_WORDS, MADE_AT)}
        counted = batch[COUNTED]
        words = tf.reduce_sum(tf.cast(tf.logical_and(batch["padding_mask"], counted[:, None]), tf.float32))
        weights = self.optimizer.weights
        with tf.GradientTape() as tape:
            losses = self.losses_of(examples, training=True)
            loss = tf.reduce_sum(tf.where(counted, losses, 0.0))
            share = loss / batch[STEP_WORDS]
            if self.loss_scale is not None:
                share *= self.loss_scale.value
        gradients = tape.gradient(share, [weight.value for weight in weights])
        dense = [
            tf.zeros_like(weight) if gradient is None else tf.convert_to_tensor(gradient)
            for gradient, weight in zip(gradients, weights, strict=True)
        ]
        return loss, words, dense

    def _whole(self, batch: Tensors) -> tuple[Any, ...]:
        loss, words, gradients = self._gradients(batch)
        return self._finished([loss, words, *gradients])

    def _add(self, batch: Tensors) -> tf.Tensor:
        loss, words, gradients = self._gradients(batch)
        for total, value in zip(self._sums, [loss, words, *gradients], strict=True):
            total.assign_add(value)
        return loss

    def _added_up(self) -> tuple[Any, ...]:
        values = [tf.identity(total) for total in self._sums]
        with tf.control_dependencies(values):
            for total in self._sums:
                total.assign(tf.zeros(total.shape))
        return self._finished(values)

    def _finished(self, values: Sequence[tf.Tensor]) -> tuple[Any, ...]:
        """Return loss, words, norm, its parts and gradient over all replicas, the gradient clipped."""
        if self.strategy.num_replicas_in_sync > 1:
            values = tf.distribute.get_replica_context().all_reduce(SUM, list(values))
        loss, words, *gradients = values
        if self.loss_scale is not None:
            gradients = [gradient / self.loss_scale.value for gradient in gradients]
        squares = 2.0 * tf.stack([tf.nn.l2_loss(gradient) for gradient in gradients])
        norm = tf.sqrt(tf.reduce_sum(squares))
        wrong = tf.logical_not(tf.math.is_finite(squares))
        culprit = tf.where(tf.reduce_any(wrong), tf.argmax(tf.cast(wrong, tf.int32), output_type=tf.int32), -1)
        if self.clip_norm is not None:
            long, factor = norm > self.clip_norm, self.clip_norm / norm
            whole = list(gradients)
            # Most gradients are short enough, and then nothing is written.
            gradients = tf.cond(
                long, lambda: [one * factor for one in whole], lambda: [tf.identity(one) for one in whole]
            )
        return loss, words, norm, culprit, squares, gradients

    def _move(self, gradients: Sequence[Any]) -> tf.Operation:
        # The function is called outside of the scope, where the strategy is that of one device.
        with self.strategy.scope():
            self.optimizer.apply(gradients)
            if self.average is not None:
                self.average.move()
        return tf.no_op()

    def _first(self, value: Any) -> tf.Tensor:
        """Return the first replica's value, of a value that is the same on all."""
        return self.strategy.experimental_local_results(value)[0]


def _now(_after: Any) -> np.float64:
    # `tf.timestamp` refuses to work where operations are deterministic.
    return np.float64(monotonic())
