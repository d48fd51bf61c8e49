"""The words of a batch without padding, step by step, against loops; and the same in NumPy."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_pipeline.inputs.steps import in_steps, places_by_steps
from nlp_pipeline.layers.layout import Layout, equal_steps

lengths_of = st.lists(st.integers(0, 7), min_size=1, max_size=6)


def mask_of(lengths: list[int], more: int = 0) -> tf.Tensor:
    return tf.sequence_mask(lengths, max(lengths) + more)


def places_of(lengths: list[int]) -> list[list[int]]:
    """Return the places of the words: all first ones, longest sentence first, and so on."""
    order = sorted(range(len(lengths)), key=lambda sentence: -lengths[sentence])
    return [[sentence, time] for time in range(max(lengths)) for sentence in order if time < lengths[sentence]]


@settings(deadline=None)
@given(lengths=lengths_of, more=st.integers(0, 2))
def test_padding_goes_and_comes_back_as_zeros(lengths: list[int], more: int) -> None:
    mask = mask_of(lengths, more)
    layout = Layout.of(mask)
    if not any(lengths):
        assert len(layout.places) == min(tf.size(mask), 1)
        return
    places = places_of(lengths)
    padded = np.random.default_rng(1).normal(size=(*mask.shape, 3))
    words = layout.packed(padded).numpy()
    np.testing.assert_array_equal(words, [padded[sentence, time] for sentence, time in places])
    np.testing.assert_array_equal(layout.padded(words), np.where(mask[:, :, None], padded, 0.0))
    assert layout.sentences.numpy().tolist() == [sentence for sentence, _ in places]
    np.testing.assert_array_equal(layout.one_behind_the_other(words), padded[mask.numpy()])
    numbers = np.zeros(mask.shape, int)
    for number, (sentence, time) in enumerate(places, start=1):
        numbers[sentence, time] = number
    np.testing.assert_array_equal(layout.numbers, numbers)


@settings(deadline=None)
@given(lengths=lengths_of, more=st.integers(0, 2))
def test_each_step_reads_one_word_of_each_sentence_that_goes_on(lengths: list[int], more: int) -> None:
    if not any(lengths):
        return
    layout = Layout.of(mask_of(lengths, more))
    order, steps = layout.order.numpy().tolist(), layout.steps
    words = layout.packed(tf.range(len(lengths))[:, None, None] * 100 + tf.range(max(lengths) + more)[None, :, None])
    for time in range(max(lengths) + more):
        expected = [sentence * 100 + time for sentence in order if time < lengths[sentence]]
        assert steps.step(tf.constant(time)).at(words)[:, 0].numpy().tolist() == expected
    firsts, lasts = (layout.restored(steps.ends(words, is_first)) for is_first in (True, False))
    for sentence, length in enumerate(lengths):
        if length:
            assert firsts[sentence, 0] == sentence * 100
            assert lasts[sentence, 0] == sentence * 100 + length - 1
    rows = layout.by_length(tf.range(len(lengths)))
    np.testing.assert_array_equal(layout.restored(rows), range(len(lengths)))
    side_by_side = layout.restored(steps.side_by_side(words + 1))
    np.testing.assert_array_equal(side_by_side, layout.padded(words + 1))


def test_the_gradient_of_another_order_is_in_the_order_before() -> None:
    # Three sentences change places in a ring: the way back is another one.
    layout = Layout.of(mask_of([2, 5, 1, 4]))
    assert layout.order.numpy().tolist() == [1, 3, 0, 2]
    values, weights = tf.range(4.0), tf.constant([1.0, 10.0, 100.0, 1000.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(values)
        sorted_sum = tf.reduce_sum(layout.by_length(values) * weights)
        restored_sum = tf.reduce_sum(layout.restored(values) * weights)
    assert tape.gradient(sorted_sum, values).numpy().tolist() == [100.0, 1.0, 1000.0, 10.0]
    assert tape.gradient(restored_sum, values).numpy().tolist() == [10.0, 1000.0, 1.0, 100.0]


@settings(deadline=None)
@given(lengths=lengths_of, more=st.integers(0, 2))
def test_for_a_compiler_padding_counts_as_words(lengths: list[int], more: int) -> None:
    mask = mask_of(lengths, more)
    with equal_steps():
        layout = Layout.of(mask)
    assert Layout.of(mask).words == max(sum(lengths), min(tf.size(mask), 1))
    assert layout.words == tf.size(mask)
    padded = np.random.default_rng(1).normal(size=(*mask.shape, 3))
    words = layout.packed(padded)
    np.testing.assert_array_equal(words, padded.swapaxes(0, 1).reshape(-1, 3))
    np.testing.assert_array_equal(layout.padded(words), padded)


@settings(deadline=None)
@given(lengths=lengths_of)
def test_batches_are_made_in_the_same_order(lengths: list[int]) -> None:
    places = places_by_steps(lengths)
    if any(lengths):
        np.testing.assert_array_equal(places, Layout.of(mask_of(lengths)).places)
    sentences = [np.arange(length * 2).reshape(length, 2) + 100 * row for row, length in enumerate(lengths)]
    expected = [sentences[sentence][time] for sentence, time in places]
    np.testing.assert_array_equal(in_steps(sentences), np.array(expected, int).reshape(-1, 2))
