"""A frozen encoder's vectors, computed once and kept, so that an epoch does not run BERT."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.outputs import new_file

# Changed when what is stored for the same key changes.
VERSION = 4
# The last bits of a vector depend on the batch that it was computed in, so that no recipe has a say in that.
BATCH_SUBWORDS = 2048
# NumPy's files have no name for bfloat16; they hold its bits.
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_BITS = np.dtype(np.uint16)


def key_of(encoder_digest: str, settings: dict[str, Any], sentences: Iterable[Sequence[Sequence[int]]]) -> str:
    """Return the name under which the vectors of a corpus are kept.

    Args:
        encoder_digest: of the checkpoint's files.
        settings: what else decides the vectors: layers, pooling, windows, precision, what computes them.
        sentences: the corpus: for each sentence, for each word, the ids of its subwords, which is all that the encoder
            sees.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([VERSION, encoder_digest, settings], sort_keys=True).encode())
    for sentence in sentences:
        for subwords in sentence:
            digest.update(np.asarray([len(subwords), *subwords], np.int32).tobytes())
        digest.update(b"\n")
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class KeptVectors:
    """The vectors of all words of a corpus, on disk.

    Attributes:
        array: [words, M, E], a memory map that is read where it is needed: bfloat16 where the encoder computes in it,
            float16 otherwise.
        starts: for each sentence where its words begin; one more entry at the end.
    """

    array: NDArray[Any]
    starts: NDArray[np.int64]

    def of(self, sentence: int) -> NDArray[Any]:
        """Return the vectors of a sentence's words [words, M, E]."""
        return self.array[self.starts[sentence] : self.starts[sentence + 1]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.of(sentence) for sentence in range(len(self.starts) - 1))


def keep_vectors(
    folder: Path,
    key: str,
    lengths: Sequence[int],
    costs: Sequence[int],
    encode: Callable[[Sequence[Sequence[int]]], Iterator[NDArray[Any]]],
    advance: Callable[[int], object] = lambda _words: None,
) -> KeptVectors:
    """Return a corpus's vectors, computed now unless an earlier run left them.

    Args:
        folder: where vectors are kept.
        key: the corpus's, as `key_of` gives it.
        lengths: how many words each sentence has.
        costs: how many subwords each has, special ones included.
        encode: gives of each of some batches of sentences, by their numbers, the vectors [words, M, E] of their words,
            one sentence's behind the other's.
        advance: is told how many words have been encoded since the last call.

    Raises:
        OutputError: where the folder cannot be written to.
    """
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    path = folder / f"{key}.npy"
    if path.is_file():
        kept = _open(path, int(starts[-1]))
        if kept is not None:
            return KeptVectors(kept, starts)
    with new_file(path) as beside:
        array: np.memmap[Any, Any] | None = None
        batches = batches_by_length(costs, BATCH_SUBWORDS)
        for batch, vectors in zip(batches, encode(batches), strict=True):
            if array is None:
                shape = (int(starts[-1]), *vectors.shape[1:])
                _need_room(folder, 2 * int(np.prod(shape)))
                dtype = _BITS if vectors.dtype == _BFLOAT16 else np.float16
                array = _seen(np.lib.format.open_memmap(beside, mode="w+", dtype=dtype, shape=shape))
            ends = np.cumsum([lengths[index] for index in batch])[:-1]
            for index, of_sentence in zip(batch, np.split(vectors, ends), strict=True):
                array[starts[index] : starts[index + 1]] = of_sentence
            advance(sum(lengths[index] for index in batch))
        assert array is not None
        array.flush()
        del array
    kept = _open(path, int(starts[-1]))
    assert kept is not None
    return KeptVectors(kept, starts)


def _open(path: Path, words: int) -> NDArray[Any] | None:
    """Return the array of a file, or None where it is not what it should be and has to be made anew."""
    try:
        # Not np.load: it takes an archive for one, and an empty file for the end of a stream (EOFError).
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):
        return None
    whole = array.dtype in (np.float16, _BITS) and array.ndim == 3 and array.shape[0] == words
    return _seen(array) if whole else None


def _seen(file: np.memmap[Any, Any]) -> np.memmap[Any, Any]:
    """Return the numbers that a file holds."""
    return file.view(_BFLOAT16) if file.dtype == _BITS else file


def _need_room(folder: Path, size: int) -> None:
    """Refuse at once what would fill the disk: a memory map on a full disk ends the process with SIGBUS."""
    free = shutil.disk_usage(folder).free
    if size > free:
        message = f"expected {size / 1e9:.1f} GB of free disk for the encoder's vectors, received {free / 1e9:.1f} GB"
        hint = "; set training.keep_vectors=false to compute them anew in each epoch"
        raise OutputError([Problem(str(folder), message + hint)])
