"""Feeding: the batches as they were made, in order, one graph for all their lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.inputs.feeding import feed, signature_of


def _batch(rows: int, length: int) -> dict[str, Any]:
    return {
        "padding_mask": np.ones((rows, length), np.bool_),
        "casing_ids": np.arange(rows, dtype=np.int32),
        "word_vectors": np.full((rows, length, 4, 3), rows, np.float16),
    }


SHAPES = [(2, 3), (1, 7), (4, 1)]


def test_what_differs_from_batch_to_batch_is_open() -> None:
    signature = signature_of(_batch(2, 3))
    assert signature == {
        "padding_mask": tf.TensorSpec([None, None], tf.bool, name="padding_mask"),
        "casing_ids": tf.TensorSpec([None], tf.int32, name="casing_ids"),
        "word_vectors": tf.TensorSpec([None, None, 4, 3], tf.float16, name="word_vectors"),
    }
    assert signature_of(_batch(5, 1)) == signature


@pytest.mark.parametrize("ahead", [1, 4])
def test_batches_come_in_order_and_anew_each_time(ahead: int) -> None:
    starts = 0

    def make() -> Iterator[dict[str, Any]]:
        nonlocal starts
        starts += 1
        return (_batch(*shape) for shape in SHAPES)

    dataset = feed(make, signature_of(_batch(1, 1)), tf.distribute.get_strategy(), ahead)
    for _ in range(2):
        seen = list(dataset)
        assert [tuple(batch["padding_mask"].shape) for batch in seen] == SHAPES
        for batch, shape in zip(seen, SHAPES, strict=True):
            for key, value in _batch(*shape).items():
                np.testing.assert_array_equal(batch[key].numpy(), value)
                assert batch[key].dtype == value.dtype
    assert starts == 2


def test_nobody_waits_for_a_tuner_at_the_end() -> None:
    # Timed it would be a test of the machine: TensorFlow's tuner sleeps for up to a minute, and the iterator with it.
    dataset = feed(lambda: [_batch(1, 1)], signature_of(_batch(1, 1)), tf.distribute.get_strategy())
    assert dataset.options().autotune.enabled is False


def test_one_graph_serves_batches_of_all_lengths() -> None:
    traced = 0

    def words(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        nonlocal traced
        traced += 1
        return tf.reduce_sum(tf.cast(batch["padding_mask"], tf.int32)) + batch["word_vectors"].shape[-1]

    dataset = feed(
        lambda: [_batch(*shape) for shape in SHAPES], signature_of(_batch(1, 1)), tf.distribute.get_strategy()
    )
    count = tf.function(words, input_signature=[dataset.element_spec])
    assert [int(count(batch)) for batch in dataset] == [9, 10, 7]
    assert traced == 1
