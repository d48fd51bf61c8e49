"""The words of a batch in the order in which a network reads them: that of `nlp_pipeline.layers.layout`, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def places_by_steps(lengths: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the sentence of each word and its place there `[N, 2]`: all first words, longest sentence first, and on.

    Args:
        lengths: of the sentences.
    """
    of_sentences = np.asarray(lengths)
    order = np.argsort(-of_sentences, kind="stable")
    inside = np.arange(of_sentences.max(initial=0))[:, None] < of_sentences[order]
    times, rows = np.nonzero(inside)
    return np.stack([order[rows], times], axis=1)


def in_steps(sentences: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return what there is of each word, `[words, ...]` of each of the sentences, step by step `[N, ...]`."""
    lengths = [len(sentence) for sentence in sentences]
    of_words, times = places_by_steps(lengths).T
    found = np.empty((len(times), *sentences[0].shape[1:]), sentences[0].dtype)
    rows_of = np.argsort(of_words, kind="stable")
    for sentence, rows in zip(sentences, np.split(rows_of, np.cumsum(lengths)[:-1]), strict=True):
        found[rows] = sentence
    return found
