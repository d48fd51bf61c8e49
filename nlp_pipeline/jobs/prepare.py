"""What every prepared corpus is: checked, counted, and kept as Arrow with a fingerprint of what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import nlp_pipeline
from nlp_pipeline.errors import CorpusError
from nlp_pipeline.outputs import file_digest, new_folder
from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.encoders import encoder_digest, find_encoder

SUMMARY = "corpus.json"
Say = Callable[[str], None]
Example = TypeVar("Example")


@dataclass(frozen=True)
class Store(Generic[Example]):
    """How the examples of a split are kept.

    Attributes:
        write: writes them into a new folder.
        read: returns them; raises CorpusError for a folder that holds something else.
    """

    write: Callable[[Path, Sequence[Example]], None]
    read: Callable[[Path], list[Example]]


@dataclass(frozen=True)
class PreparedCorpus(Generic[Example]):
    """A recipe's corpora, checked.

    Attributes:
        folder: where they are kept as Arrow.
        splits: the examples of train, dev and perhaps test.
        summary: what `corpus.json` says: fingerprint, sources, statistics.
        reused: whether they were there already, from the same sources.
        store: how they are kept.
    """

    folder: Path
    splits: dict[str, list[Example]]
    summary: dict[str, Any]
    reused: bool
    store: Store[Example]

    def keep(self) -> None:
        """Write the corpora into the folder, unless they are there already.

        Raises:
            OutputError: where it cannot be written.
        """
        if self.reused:
            return
        with new_folder(self.folder, marker=SUMMARY) as beside:
            for name, examples in self.splits.items():
                self.store.write(beside / name, examples)
            content = json.dumps(self.summary, indent=1, ensure_ascii=False) + "\n"
            (beside / SUMMARY).write_text(content, encoding="utf-8")


def kept_corpus(
    folder: Path, fingerprint: str, names: Sequence[str], store: Store[Example]
) -> PreparedCorpus[Example] | None:
    """Return what an earlier run kept, if it is whole and from the same sources."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if summary["fingerprint"] != fingerprint:
            return None
        splits = {name: store.read(folder / name) for name in names}
    except (OSError, ValueError, KeyError, TypeError, CorpusError):
        return None
    return PreparedCorpus(folder, splits, summary, True, store)


def fingerprint_of(sources: Mapping[str, Sequence[str]], settings: Any, encoder: Encoder | None) -> str:
    """Return what changes whenever a prepared corpus, or what a run makes of it, would.

    Args:
        sources: for each split the files and folders that it is read from.
        settings: how they are read, as JSON has it.
        encoder: a run on other weights is another run.
    """
    digests = {}
    for split, names in sources.items():
        for name in names:
            path = Path(name)
            files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path] if path.is_file() else []
            digests[f"{split}/{name}"] = [(str(file.relative_to(path)), file_digest(file)) for file in files]
    weights = None if encoder is None else encoder_digest(find_encoder(encoder.name))
    content = [nlp_pipeline.__version__, settings, weights, sorted(digests.items())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
