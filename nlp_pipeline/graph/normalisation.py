"""The normalisation of `text.normalisation` in a graph, Unicode's composed forms among it.

The forms are computed as Unicode Standard Annex 15 has them: code points are decomposed, marks are put into canonical
order, and what can be composed is. The tables are those of Python, where the model was trained.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, count_splits, places_of, splits_of
from nlp_pipeline.graph.tables import CODE_POINTS, SURROGATES, CodePointMapping, CodePointTable, is_space
from nlp_pipeline.text.normalisation import INVISIBLE, Normalisation

_SPACE = ord(" ")
_NO_PAIR = -1


class NormalisationGraph(tf.Module):
    """Puts texts into one form, as `Normalisation` does.

    Args:
        settings: the twin.
    """

    def __init__(self, settings: Normalisation) -> None:
        super().__init__(name="normalisation")
        self._settings = settings
        self._invisible = CodePointTable.of_some(dict.fromkeys(map(ord, INVISIBLE), 1), 0, np.uint8)
        self._spaces = CodePointTable.of(is_space, np.uint8)
        self._form = None if settings.form == "none" else _ComposedForm(settings.form)

    def __call__(self, texts: Rows) -> Rows:
        """Return the texts in this form."""
        if self._settings.invisible:
            texts = texts.keep(tf.equal(self._invisible(texts.values), 0))
        if self._form is not None:
            texts = self._form(texts)
        return self._with_plain_spaces(texts) if self._settings.spaces else texts

    def spaces_of(self, texts: Rows) -> tf.Tensor:
        """Return which code points are white space, bool `[C]`."""
        return self._spaces(texts.values) > 0

    def are_blank(self, texts: Rows) -> tf.Tensor:
        """Return which texts `is_blank` tells to be blank, bool `[N]`."""
        seen = tf.equal(self._spaces(texts.values) + self._invisible(texts.values), 0)
        splits = count_splits(seen, texts.splits)
        return tf.equal(splits[1:], splits[:-1])

    def without_space(self, texts: Rows, starts: tf.Tensor, ends: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return spans of the code points without the white space at their ends; empty ones where that is all."""
        seen = tf.equal(self._spaces(texts.values), 0)
        before = splits_of(tf.cast(seen, tf.int32))
        # With a filler, which no real span reaches.
        places = tf.concat([places_of(seen), [0]], axis=0)
        first, last = tf.gather(before, starts), tf.gather(before, ends)
        is_some = last > first
        return (
            tf.where(is_some, tf.gather(places, first), starts),
            tf.where(is_some, tf.gather(places, tf.maximum(last - 1, 0)) + 1, starts),
        )

    def _with_plain_spaces(self, texts: Rows) -> Rows:
        """Return the texts with one plain space for each run of white space, and none at the ends."""
        is_space = self._spaces(texts.values) > 0
        rows, seen = texts.of_values, splits_of(tf.cast(~is_space, tf.int32))
        begun = seen[1:] > tf.gather(tf.gather(seen, texts.splits), rows)
        # Of a run the last one stays, if something of the same text follows.
        followed = tf.concat([~is_space, [False]], axis=0)[1:] & tf.equal(tf.concat([rows, [-1]], axis=0)[1:], rows)
        return texts._replace(values=tf.where(is_space, _SPACE, texts.values)).keep(~is_space | (begun & followed))


class _ComposedForm(tf.Module):
    """Unicode's normalisation form NFC or NFKC."""

    def __init__(self, form: Literal["NFC", "NFKC"]) -> None:
        super().__init__(name=form.lower())
        self._decompose = CodePointMapping.of(_DECOMPOSED[form])
        self._classes = CodePointTable.of(_combining_class, np.uint8)
        pairs = _pairs()
        seconds = dict.fromkeys((second for _, second in pairs), 1)
        self._is_second = CodePointTable.of_some(seconds, 0, np.uint8)
        self._is_stable = CodePointTable.of(_STABLE[form], np.uint8)
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant([first * CODE_POINTS + second for first, second in pairs], tf.int64),
            tf.constant(list(pairs.values()), tf.int64),
        )
        self._pairs: Any = tf.lookup.StaticHashTable(initializer, _NO_PAIR)

    def __call__(self, texts: Rows) -> Rows:
        """Return texts in this form."""
        changes = tf.reduce_any(tf.equal(self._is_stable(texts.values), 0))
        values, splits = tf.cond(changes, lambda: tuple(self._composed(self._decomposed(texts))), lambda: tuple(texts))
        return Rows(tf.ensure_shape(values, [None]), tf.ensure_shape(splits, [None]))

    def _decomposed(self, texts: Rows) -> Rows:
        """Return texts decomposed, with marks in canonical order."""
        mapped = self._decompose(texts.values)
        rows = tf.gather(texts.of_values, mapped.origins)
        classes = tf.cast(self._classes(mapped.code_points), tf.int64)
        # Marks are sorted within a run, which each starter and each text begins.
        begins = tf.equal(classes, 0) | tf.not_equal(rows, tf.concat([[-1], rows], axis=0)[:-1])
        order = tf.argsort(tf.cumsum(tf.cast(begins, tf.int64)) * 256 + classes, stable=True)
        lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, texts.count)
        return Rows(tf.gather(mapped.code_points, order), splits_of(lengths))

    def _composed(self, texts: Rows) -> Rows:
        """Return decomposed texts composed.

        A starter that is the second of no pair is a border that no composition crosses; what lies between borders is
        short, and is gone through side by side.
        """
        classes = tf.cast(self._classes(texts.values), tf.int32)
        apart = tf.equal(classes, 0) & tf.equal(self._is_second(texts.values), 0)
        size = tf.size(texts.values)
        begins_text = tf.scatter_nd(texts.splits[:-1, tf.newaxis], tf.ones([texts.count]), [size + 1])[:-1] > 0
        starts = places_of(apart | begins_text)
        ends = tf.concat([starts[1:], [size]], axis=0)[: tf.size(starts)]

        def compose(place: tf.Tensor, values: tf.Tensor, keeps: tf.Tensor, runs: Any) -> Any:
            start, end, starter, last = runs
            here = start + place
            second, own = tf.gather(values, here), tf.gather(classes, here)
            first = tf.gather(values, tf.maximum(starter, 0))
            keys = tf.cast(first, tf.int64) * CODE_POINTS + tf.cast(second, tf.int64)
            composite = tf.cast(self._pairs.lookup(keys), tf.int32)
            # One mark hides another of the same class, or of a lower one, from the starter.
            joins = (starter >= 0) & (last < own) & (composite >= 0)
            values = tf.tensor_scatter_nd_update(
                values, tf.boolean_mask(starter, joins)[:, tf.newaxis], tf.boolean_mask(composite, joins)
            )
            dropped = tf.boolean_mask(here, joins)
            keeps = tf.tensor_scatter_nd_update(keeps, dropped[:, tf.newaxis], tf.zeros_like(dropped, tf.bool))
            is_starter = ~joins & tf.equal(own, 0)
            starter = tf.where(is_starter, here, starter)
            last = tf.where(is_starter, -1, tf.where(joins, last, own))
            left = here + 1 < end
            return place + 1, values, keeps, tuple(tf.boolean_mask(one, left) for one in (start, end, starter, last))

        nothing = tf.fill([tf.size(starts)], -1)
        vector = tf.TensorShape([None])
        _, values, keeps, _ = tf.while_loop(
            lambda _place, _values, _keeps, runs: tf.size(runs[0]) > 0,
            compose,
            (tf.constant(0), texts.values, tf.ones([size], tf.bool), (starts, ends, nothing, nothing)),
            shape_invariants=(tf.TensorShape([]), vector, vector, (vector,) * 4),
        )
        return Rows(values, texts.splits).keep(keeps)


def _combining_class(code_point: int) -> int:
    return unicodedata.combining(chr(code_point))


def _is_stable(form: Literal["NFC", "NFKC"], code_point: int) -> bool:
    """Return whether a code point is never changed by itself, nor put into order, nor the second of a pair."""
    character = chr(code_point)
    moves = code_point in _seconds() or unicodedata.combining(character)
    return not moves and unicodedata.normalize(form, character) == character


@functools.cache
def _seconds() -> frozenset[int]:
    return frozenset(second for _, second in _pairs())


@functools.cache
def _pairs() -> dict[tuple[int, int], int]:
    """Return the pairs of code points that are composed, each with what they become."""
    pairs = {}
    for point in range(CODE_POINTS):
        if point in SURROGATES:
            continue
        parts = unicodedata.normalize("NFD", chr(point))
        if len(parts) < 2:
            continue
        # The last code point joins what the others have become.
        first = unicodedata.normalize("NFC", parts[:-1])
        if len(first) == 1 and unicodedata.normalize("NFC", first + parts[-1]) == chr(point):
            pairs[ord(first), ord(parts[-1])] = point
    return pairs


# One function for each form, by which its table is remembered.
_STABLE = {"NFC": functools.partial(_is_stable, "NFC"), "NFKC": functools.partial(_is_stable, "NFKC")}
_DECOMPOSED = {
    "NFC": functools.partial(unicodedata.normalize, "NFD"),
    "NFKC": functools.partial(unicodedata.normalize, "NFKD"),
}
