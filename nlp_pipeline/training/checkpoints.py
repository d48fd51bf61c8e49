"""Checkpoints: all that a run needs to go on, in one file each, whose name tells whether it is whole.

    step-00001200.3f9a0c51d27e88b4.safetensors
         |        the first half of the file's SHA-256
         steps that were done

A file is written beside and renamed. Nothing in it is executed: arrays, and JSON in the header.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from nlp_pipeline.errors import Problem, TrainingError
from nlp_pipeline.outputs import new_file, told

_NAME = re.compile(r"step-(\d{8,})\.([0-9a-f]{16})\.safetensors")
_ABOUT = "about"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        tensors: the arrays, by name.
        about: what else is known, as JSON has it.
    """

    tensors: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Return it as a file."""
        return save(dict(self.tensors), {_ABOUT: json.dumps(self.about)})

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Return what a file holds.

        Raises:
            ValueError: where it is not a checkpoint.
        """
        try:
            length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + length])
            return cls(load(content), json.loads(header["__metadata__"][_ABOUT]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"expected a checkpoint, received something else: {error}") from None


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: where they are.
        keep: how many of the newest are kept.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder = folder
        self.keep = keep
        self._damaged: list[Path] = []

    def write(self, step: int, checkpoint: Checkpoint) -> Path:
        """Write the checkpoint of a step, and remove those that are too many.

        Raises:
            OutputError: where it cannot be written.
        """
        content = checkpoint.to_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = self.folder / f"step-{step:08}.{digest}.safetensors"
        with new_file(path) as beside, beside.open("wb") as file:
            file.write(content)
            file.flush()
            # A machine that loses its power must not find the new name without the content, and the old file gone.
            os.fsync(file.fileno())
        with told(path):
            _sync(self.folder)
            # Those that were skipped must not count among the kept ones.
            for damaged in self._damaged:
                if damaged != path:
                    damaged.unlink(missing_ok=True)
            self._damaged = []
            for old in self.files()[self.keep :]:
                if old != path:
                    old.unlink(missing_ok=True)
        return path

    def files(self) -> list[Path]:
        """Return the checkpoints, the newest first."""
        found = [(path, _NAME.fullmatch(path.name)) for path in self.folder.glob("step-*.safetensors")]
        numbered = [(int(match[1]), path.stat().st_mtime_ns, path) for path, match in found if match is not None]
        return [path for _, _, path in sorted(numbered, reverse=True)]

    def newest(self, say: Callable[[str], None]) -> bytes | None:
        """Return the content of the newest checkpoint that is whole, or None where there is none.

        Args:
            say: is told of each that is not, and is skipped.

        Raises:
            TrainingError: where there are some, and none is whole.
        """
        problems = []
        for path in self.files():
            content, problem = _read(path)
            if content is not None:
                return content
            problems.append(Problem(str(path), problem))
            say(f"{problems[-1]}; skipped")
            self._damaged.append(path)
        if problems:
            message = "expected a whole checkpoint to go on from, received none; --force begins anew"
            raise TrainingError([*problems, Problem(str(self.folder), message)])
        return None

    def tidy(self) -> None:
        """Remove what a killed process left of a checkpoint that it was writing.

        Raises:
            OutputError: where it cannot be removed.
        """
        with told(self.folder):
            for remains in self.folder.glob(".step-*"):
                remains.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of them, and the folder if nothing else is in it.

        Raises:
            OutputError: where they cannot be removed.
        """
        self.tidy()
        with told(self.folder):
            for path in self.files():
                path.unlink()
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()


def _sync(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> tuple[bytes | None, str]:
    """Return a file's content, or what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, f"cannot be read: {error.strerror or error}"
    if not content:
        return None, "expected a checkpoint, received an empty file"
    match = _NAME.fullmatch(path.name)
    assert match is not None
    found = hashlib.sha256(content).hexdigest()[:16]
    if found != match[2]:
        return None, f"expected the digest {match[2]}, received {found}: the file was cut short or altered"
    return content, ""


def arrays_of(variables: Mapping[str, list[Any]]) -> dict[str, NDArray[Any]]:
    """Return the values of groups of variables, each under its group's name and its number."""
    return {
        f"{group}/{number}": np.asarray(variable.numpy())
        for group, listed in variables.items()
        for number, variable in enumerate(listed)
    }


def assign(variables: Mapping[str, list[Any]], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Give groups of variables the values that `arrays_of` took.

    Raises:
        ValueError: where one is missing, left over or of another shape. Nothing is assigned then.
    """
    named = {f"{group}/{number}": one for group, listed in variables.items() for number, one in enumerate(listed)}
    if odd := sorted(named.keys() ^ tensors.keys()):
        raise ValueError(f"expected the arrays of this run, received others: {', '.join(odd[:3])}")
    for name, variable in named.items():
        if tuple(variable.shape) != tensors[name].shape:
            raise ValueError(f"expected {name} of shape {tuple(variable.shape)}, received {tensors[name].shape}")
    for name, variable in named.items():
        variable.assign(tensors[name])
