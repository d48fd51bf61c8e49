"""The attention of one translation: a target x source matrix of weights, as a picture, a page, JSON or links."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

# What rounding may add to a weight of 1, bfloat16 included.
_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class AlignedTranslation:
    """A translation and how much each of its tokens attended to each token of the source.

    Attributes:
        source_tokens: S words or subwords.
        target_tokens: T words or subwords.
        weights: [T, S] float32, each from 0 to 1; a row is one step of the decoder and usually sums to 1. A copy of
            what was given, which nobody can write to.

    Raises:
        ValueError: where the shape is another one, or a weight is none.
    """

    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float32)
        expected = (len(self.target_tokens), len(self.source_tokens))
        if weights.shape != expected:
            raise ValueError(f"expected weights of shape {expected} (target, source). Received: {weights.shape}")
        if not (np.isfinite(weights) & (weights >= 0) & (weights <= 1 + _TOLERANCE)).all():
            raise ValueError(f"expected weights from 0 to 1. Received: {weights.min()} to {weights.max()}")
        weights.setflags(write=False)
        object.__setattr__(self, "source_tokens", tuple(self.source_tokens))
        object.__setattr__(self, "target_tokens", tuple(self.target_tokens))
        object.__setattr__(self, "weights", weights)

    @classmethod
    def of_parts(
        cls, source_tokens: Sequence[str], target_tokens: Sequence[str], blocks: Sequence[NDArray[np.float32]]
    ) -> AlignedTranslation:
        """Return the alignment of a text that was translated in parts: between two parts the weights are zero.

        Args:
            source_tokens: of all parts together.
            target_tokens: likewise.
            blocks: for each part its weights [T, S].

        Raises:
            ValueError: where the blocks together have another shape, or a weight is none.
        """
        weights = np.zeros((sum(len(one) for one in blocks), sum(one.shape[1] for one in blocks)), np.float32)
        row = column = 0
        for block in blocks:
            weights[row : row + block.shape[0], column : column + block.shape[1]] = block
            row, column = row + block.shape[0], column + block.shape[1]
        return cls(tuple(source_tokens), tuple(target_tokens), weights)

    def by_words(
        self,
        source_word_ids: Sequence[int],
        target_word_ids: Sequence[int],
        source_words: Sequence[str] | None = None,
        target_words: Sequence[str] | None = None,
    ) -> AlignedTranslation:
        """Return the same between words: attention to a word is that to all its subwords together.

        The weights of a source word's subwords are added, those of a target word's subwords averaged, so that rows
        that sum to 1 go on doing so. A word without any subword gets zeros.

        Args:
            source_word_ids: the word of each source token, from 0, never decreasing.
            target_word_ids: likewise of each target token.
            source_words: the words' texts; without them, those of their subwords put together.
            target_words: likewise.

        Raises:
            ValueError: where there is not one word for each token, or a word is not there.
        """
        sources = _words_of(self.source_tokens, source_word_ids, source_words)
        targets = _words_of(self.target_tokens, target_word_ids, target_words)
        # One-hot [tokens, words]: a product with it adds up what belongs to one word.
        to_source = np.eye(len(sources))[np.asarray(source_word_ids, dtype=int)]
        to_target = np.eye(len(targets))[np.asarray(target_word_ids, dtype=int)]
        shares = to_target / np.maximum(to_target.sum(axis=0), 1)
        weights = shares.T @ self.weights.astype(np.float64) @ to_source
        return AlignedTranslation(sources, targets, weights.astype(np.float32))

    def pharaoh(self, threshold: float | None = None) -> str:
        """Return one link `source-target`, both from 0, for each target token, as in `0-0 2-1 1-2`.

        The link goes to the source token with the largest weight, to the first one among equals. Links are in the
        order of the target. Marks of a sentence's start or end count as tokens here: leave them out beforehand.

        Args:
            threshold: a target token whose largest weight is less stays without a link.
        """
        return pharaoh_of([self.weights], threshold)

    def to_json(self) -> dict[str, Any]:
        """Return `source`, `target` and `weights`, by rows, in the fewest digits that give the same float32 back."""
        weights = [[float(str(weight)) for weight in row] for row in self.weights]
        return {"source": list(self.source_tokens), "target": list(self.target_tokens), "weights": weights}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> AlignedTranslation:
        """Return what `to_json` was called on.

        Raises:
            ValueError: where the shape is another one, or a weight is none.
            KeyError: where a part is missing.
        """
        source, target = tuple(told["source"]), tuple(told["target"])
        # No row at all tells nothing about the number of columns.
        weights = np.asarray(told["weights"], dtype=np.float32) if target else np.zeros((0, len(source)), np.float32)
        return cls(source, target, weights)

    def write_json(self, to: Path | str | IO[bytes]) -> None:
        """Write `to_json` on one line to a file or a binary stream."""
        text = json.dumps(self.to_json(), ensure_ascii=False) + "\n"
        # Half a surrogate pair has no bytes in UTF-8; the backslash form of it is the very escape that JSON has.
        _write(text.encode("utf-8", "backslashreplace"), to)

    def write_html(self, to: Path | str | IO[bytes]) -> None:
        """Write one page with a table to a file or a binary stream; it needs no script and nothing from elsewhere."""
        from nlp_pipeline.evaluation.heatmap_page import page_of

        _write(page_of(self.source_tokens, self.target_tokens, self.weights).encode("utf-8"), to)

    def write_png(self, to: Path | str | IO[bytes]) -> None:
        """Write a picture to a file or a binary stream: the source across, the target down, the brighter the more.

        Warns:
            FontWarning: where no font of this machine has a glyph for a character; see `heatmap_picture`.
        """
        from nlp_pipeline.evaluation.heatmap_picture import png_of

        _write(png_of(self.source_tokens, self.target_tokens, self.weights), to)

    def figure_array(self) -> NDArray[np.uint8]:
        """Return the picture as RGB pixels, [H, W, 3], as TensorBoard takes them.

        Warns:
            FontWarning: as `write_png`.
        """
        from nlp_pipeline.evaluation.heatmap_picture import pixels_of

        return pixels_of(self.source_tokens, self.target_tokens, self.weights)


def pharaoh_of(blocks: Sequence[NDArray[np.float32]], threshold: float | None = None) -> str:
    """Return the links of a text that was translated in parts, counted through; else as `AlignedTranslation.pharaoh`.

    Args:
        blocks: for each part its weights [T, S].
        threshold: a target token whose largest weight is less stays without a link.
    """
    links = []
    first_source = first_target = 0
    for block in blocks:
        if block.shape[1]:
            links += [
                f"{first_source + source}-{first_target + target}"
                for target, source in enumerate(block.argmax(axis=1))
                if threshold is None or block[target, source] >= threshold
            ]
        first_source, first_target = first_source + block.shape[1], first_target + block.shape[0]
    return " ".join(links)


def _words_of(tokens: Sequence[str], word_ids: Sequence[int], words: Sequence[str] | None) -> tuple[str, ...]:
    """Return the words' texts, once it is sure that each token has one."""
    if len(word_ids) != len(tokens):
        raise ValueError(f"expected a word for each token. Received: {len(word_ids)} for {len(tokens)} tokens")
    if any(one > other for one, other in pairwise(word_ids)):
        raise ValueError(f"expected words in their order. Received: {list(word_ids)}")
    count = len(words) if words is not None else max(word_ids, default=-1) + 1
    if len(word_ids) and not (word_ids[0] >= 0 and word_ids[-1] < count):
        raise ValueError(f"expected words from 0 to {count - 1}. Received: {word_ids[0]} to {word_ids[-1]}")
    if words is not None:
        return tuple(words)
    joined = [""] * count
    for token, word in zip(tokens, word_ids, strict=True):
        joined[word] += token
    return tuple(joined)


def _write(content: bytes, to: Path | str | IO[bytes]) -> None:
    if isinstance(to, (str, Path)):
        Path(to).write_bytes(content)
    else:
        to.write(content)
