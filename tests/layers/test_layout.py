"""The words of a batch without padding, and in the order of a recurrence, against loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_pipeline.layers.layout import Layout, Order

lengths_of = st.lists(st.integers(0, 7), min_size=1, max_size=6)


def mask_of(lengths: list[int], more: int = 0) -> tf.Tensor:
    return tf.sequence_mask(lengths, max(lengths) + more)


@settings(deadline=None)
@given(lengths=lengths_of, more=st.integers(0, 2))
def test_padding_goes_and_comes_back_as_zeros(lengths: list[int], more: int) -> None:
    mask = mask_of(lengths, more)
    layout = Layout.of(mask)
    if not any(lengths):
        assert len(layout.places) == min(tf.size(mask), 1)
        return
    padded = np.random.default_rng(1).normal(size=(*mask.shape, 3))
    words = layout.packed(padded).numpy()
    expected = [row[place] for row, length in zip(padded, lengths, strict=True) for place in range(length)]
    np.testing.assert_array_equal(words, np.array(expected).reshape(-1, 3))
    np.testing.assert_array_equal(layout.padded(words), np.where(mask[:, :, None], padded, 0.0))
    assert layout.sentences.numpy().tolist() == [row for row, length in enumerate(lengths) for _ in range(length)]


@settings(deadline=None)
@given(lengths=lengths_of, more=st.integers(0, 2))
def test_both_orders_read_each_word_of_a_sentence_once(lengths: list[int], more: int) -> None:
    if not any(lengths):
        return
    layout = Layout.of(mask_of(lengths, more))
    starts = np.cumsum([0, *lengths])

    def check(order: Order, turn: Any) -> None:
        rows = order.rows.numpy()
        assert rows.shape == (max(lengths) + more, len(lengths))
        for sentence, length in enumerate(lengths):
            words = turn(list(range(starts[sentence], starts[sentence + 1])))
            assert rows[:length, sentence].tolist() == words
            assert not rows[length:, sentence].any()
        for word, (step, sentence) in enumerate(order.places.numpy()):
            assert rows[step, sentence] == word

    check(layout.forward(), list)
    check(layout.backward(), lambda words: words[::-1])
