"""A frozen encoder's vectors, computed once and kept, so that an epoch does not run BERT."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs

# Changed when what is stored for the same key changes.
VERSION = 1


def key_of(encoder_digest: str, settings: dict[str, Any], sentences: Sequence[EncodedSentence]) -> str:
    """Return the name under which the vectors of a corpus are kept.

    Args:
        encoder_digest: of the checkpoint's files.
        settings: what else decides the vectors: layers, pooling, windows, precision.
        sentences: the corpus. Their subwords count, not their spelling: that is all that the encoder sees.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([VERSION, encoder_digest, settings], sort_keys=True).encode())
    for sentence in sentences:
        for subwords in sentence.subwords:
            digest.update(np.asarray([len(subwords), *subwords], np.int32).tobytes())
        digest.update(b"\n")
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class KeptVectors:
    """The vectors of all words of a corpus, on disk.

    Attributes:
        array: [words, N, E] float16, a memory map that is read where it is needed.
        starts: for each sentence where its words begin; one more entry at the end.
    """

    array: NDArray[np.float16]
    starts: NDArray[np.int64]

    def of(self, sentence: int) -> NDArray[np.float16]:
        """Return the vectors of a sentence's words [words, N, E]."""
        return self.array[self.starts[sentence] : self.starts[sentence + 1]]

    def __iter__(self) -> Iterator[NDArray[np.float16]]:
        return (self.of(sentence) for sentence in range(len(self.starts) - 1))


def keep_vectors(
    folder: Path,
    key: str,
    inputs: TaggingInputs,
    sentences: Sequence[EncodedSentence],
    encode_words: Callable[[Batch], NDArray[np.float32]],
    batch_subwords: int,
    advance: Callable[[int], None] = lambda _words: None,
) -> KeptVectors:
    """Return a corpus's vectors, computed now unless an earlier run left them.

    Args:
        folder: where vectors are kept.
        key: the corpus's, as `key_of` gives it.
        inputs: makes the batches.
        sentences: the corpus.
        encode_words: the network's `encode_words`: [B, L, N, E].
        batch_subwords: the size of a batch.
        advance: is told how many words have been encoded since the last call.

    Raises:
        OutputError: where the folder cannot be written to.
    """
    starts = np.concatenate([[0], np.cumsum([len(sentence.words) for sentence in sentences])]).astype(np.int64)
    path = folder / f"{key}.npy"
    if path.is_file():
        kept = _open(path, int(starts[-1]))
        if kept is not None:
            return KeptVectors(kept, starts)
    temporary: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".partial", dir=folder)
        os.close(handle)
        temporary = Path(name)
        array: np.memmap[Any, np.dtype[np.float16]] | None = None
        for batch in batches_by_length([sentence.cost for sentence in sentences], batch_subwords):
            vectors = encode_words(inputs.batch([sentences[index] for index in batch]))
            if array is None:
                shape = (int(starts[-1]), *vectors.shape[2:])
                _need_room(folder, 2 * int(np.prod(shape)))
                array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
            for row, index in enumerate(batch):
                array[starts[index] : starts[index + 1]] = vectors[row, : len(sentences[index].words)]
            advance(sum(len(sentences[index].words) for index in batch))
        assert array is not None
        array.flush()
        del array
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            [Problem(str(folder), f"kept vectors cannot be written: {error.strerror or error}")]
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    kept = _open(path, int(starts[-1]))
    assert kept is not None
    return KeptVectors(kept, starts)


def _open(path: Path, words: int) -> NDArray[np.float16] | None:
    """Return the array of a file, or None where it is not what it should be and has to be made anew."""
    try:
        # Not np.load: it takes an archive for one, and an empty file for the end of a stream (EOFError).
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):
        return None
    whole = array.dtype == np.float16 and array.ndim == 3 and array.shape[0] == words
    return array if whole else None


def _need_room(folder: Path, size: int) -> None:
    """Refuse at once what would fill the disk: a memory map on a full disk ends the process with SIGBUS."""
    free = shutil.disk_usage(folder).free
    if size > free:
        message = f"expected {size / 1e9:.1f} GB of free disk for the encoder's vectors, received {free / 1e9:.1f} GB"
        hint = "; set training.keep_vectors=false to compute them anew in each epoch"
        raise OutputError([Problem(str(folder), message + hint)])
