"""Long sentences through an encoder of limited length: overlapping windows, each word kept from exactly one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer


@dataclass(frozen=True, slots=True)
class Window:
    """Words `[start, end)` that are encoded together, of which `[kept_start, kept_end)` are kept.

    The kept parts of a sentence's windows are disjoint and cover it; what is not kept is context.
    """

    start: int
    end: int
    kept_start: int
    kept_end: int


def windows_of(subword_counts: Sequence[int], room: int, overlap: int) -> list[Window]:
    """Cut a sentence into windows at word borders, about as long as each other.

        words    a b c d e f g h i j
        first    a b c d e f                 keeps a b c d e
        second           d e f g h i         keeps f g h
        third                  g h i j       keeps i j

    A batch is as wide as its longest window, so that a last one that is short would be padded. There are as many as if
    all neighbours shared `overlap` subwords. Two neighbours share at most `overlap` subwords, and the border of what
    each keeps lies in the middle of the words that they share, so that every word is kept from the window in which it
    has more context.

    Args:
        subword_counts: how many subwords each word has, at least 1.
        room: how many subwords a window holds, without special tokens.
        overlap: how many subwords neighbours may share, so that `overlap + max(subword_counts) <= room`.

    Raises:
        ValueError: where a window could not get past the words that it shares with the one before.
    """
    if subword_counts and overlap + max(subword_counts) > room:
        raise ValueError(
            f"expected the overlap and the longest word to fit into a window of {room} subwords. "
            f"Received: overlap={overlap}, longest={max(subword_counts)}"
        )
    room = _room_of_each(subword_counts, room, overlap)
    windows: list[Window] = []
    start = kept_start = 0
    length = len(subword_counts)
    while start < length:
        end, used = start, 0
        while end < length and used + subword_counts[end] <= room:
            used += subword_counts[end]
            end += 1
        if end == length:
            windows.append(Window(start, end, kept_start, end))
            break
        shared_start, shared = end, 0
        while shared_start > start + 1 and shared + subword_counts[shared_start - 1] <= overlap:
            shared_start -= 1
            shared += subword_counts[shared_start]
        kept_end = (shared_start + end + 1) // 2
        windows.append(Window(start, end, kept_start, kept_end))
        start, kept_start = shared_start, kept_end
    return windows


def _room_of_each(subword_counts: Sequence[int], room: int, overlap: int) -> int:
    """Return how many subwords each window of a sentence holds, if none is longer than it must be."""
    total = sum(subword_counts)
    if total <= room:
        return room
    count = -(-(total - overlap) // (room - overlap))
    # A window ends at a word's border, up to the longest word less one subword before it is full.
    return min(room, -(-(total - overlap) // count) + overlap + max(subword_counts) - 1)


def window_arrays(
    sentences: Sequence[Sequence[Sequence[int]]],
    length: int,
    settings: Encoder,
    tokenizer: CheckpointTokenizer,
    for_training: bool,
) -> dict[str, NDArray[Any]]:
    """Return the subwords of sentences as an encoder reads them, and the word that each stands for.

    Args:
        sentences: for each sentence, for each word, the ids of its subwords.
        length: L, the places that each sentence has in the batch.
        settings: the encoder's.
        tokenizer: the encoder's.
        for_training: whether an encoder that masks words in training will be trained on it.

    Returns:
        R windows, of up to S subwords: subword_ids [R, S] int32; subword_mask [R, S] bool; word_of_subword [R, S]
        int32, n > 0 where the subword counts for word n - 1 of the B x L words; and for the training of an encoder that
        masks words whole_words [R, S] int32, the same whatever the pooling and the window that keeps a word.
    """
    room = settings.window - 2
    ids_of_rows: list[list[int]] = []
    words_of_rows: list[list[int]] = []
    whole_words_of_rows: list[list[int]] = []
    for row, subwords_of_words in enumerate(sentences):
        counts = [len(subwords) for subwords in subwords_of_words]
        for window in windows_of(counts, room, settings.overlap):
            ids, owners, whole_words = [tokenizer.start_id], [0], [0]
            for word in range(window.start, window.end):
                ids.extend(subwords_of_words[word])
                number = row * length + word + 1
                whole_words.extend([number] * counts[word])
                owner = number if window.kept_start <= word < window.kept_end else 0
                others = [owner if settings.pooling == "mean" else 0] * (counts[word] - 1)
                owners.extend([*others, owner] if settings.pooling == "last" else [owner, *others])
            ids_of_rows.append([*ids, tokenizer.end_id])
            words_of_rows.append([*owners, 0])
            whole_words_of_rows.append([*whole_words, 0])
    width = max(map(len, ids_of_rows))
    arrays = {
        "subword_ids": padded(ids_of_rows, width, tokenizer.padding_id),
        "subword_mask": np.arange(width) < np.array([len(ids) for ids in ids_of_rows])[:, None],
        "word_of_subword": padded(words_of_rows, width),
    }
    if for_training and settings.finetune and settings.masking:
        arrays["whole_words"] = padded(whole_words_of_rows, width)
    return arrays


def padded(rows: Sequence[Sequence[int]], width: int, filler: int = 0) -> NDArray[np.int32]:
    """Return lists of integers as the rows of one array, with a filler behind the shorter ones."""
    array = np.full((len(rows), width), filler, np.int32)
    for number, row in enumerate(rows):
        array[number, : len(row)] = row
    return array
