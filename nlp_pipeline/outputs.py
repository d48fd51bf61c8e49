"""Files and folders that appear whole or not at all, and nothing that is not ours replaced."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nlp_pipeline.errors import OutputError, Problem

PARTIAL = ".partial"
# No run that can be resumed has this in the names of its unfinished files.
_NEW = ".new-"
# What a killed process left is removed when it is this old: nothing is written to for so long without a pause.
_REMAINS_AGE = 6 * 3600.0  # seconds


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def new_folder(target: Path, marker: str) -> Iterator[Path]:
    """Give an empty folder beside the target, which takes the target's place when everything went well.

    What stood at the target stays until then, and stays altogether when something went wrong.

    Args:
        target: the folder that is to be.
        marker: the file by which such a folder is known; see `refuse_foreign`.

    Raises:
        OutputError: where it cannot be written.
    """
    refuse_foreign(target, marker)
    with told(target), parents_of(target):
        # Behind a link it is the folder that is replaced.
        target = target.resolve()
        _remove_remains(target)
        temporary = Path(tempfile.mkdtemp(prefix=f".{_short(target)}{_NEW}", suffix=PARTIAL, dir=target.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if target.exists():
                replaced = temporary.with_suffix(".replaced")
                target.rename(replaced)
                temporary.rename(target)
                shutil.rmtree(replaced)
            else:
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_foreign(target: Path, marker: str) -> None:
    """Refuse to replace what is not ours: a file, or a folder that holds things and not `marker` among them.

    Raises:
        OutputError: where the target is such a one.
    """
    with told(target):
        if target.exists() and not target.is_dir():
            raise OutputError([Problem(str(target), "expected a folder to write to, received a file")])
        if target.is_dir() and not (target / marker).is_file():
            for held in target.iterdir():
                message = f"expected a new folder, or one with {marker} to replace, received one with {held.name}"
                raise OutputError([Problem(str(target), message)])


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give an empty file beside the target, which takes the target's place when everything went well.

    A device or a pipe, such as `/dev/null`, is given itself; behind a link it is the file that is replaced.

    Raises:
        OutputError: where it cannot be written.
    """
    with told(target), parents_of(target):
        if target.exists() and not target.is_file():
            yield target
            return
        target = target.resolve()
        _remove_remains(target)
        handle, name = tempfile.mkstemp(prefix=f".{_short(target)}{_NEW}", suffix=PARTIAL, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Make an error of the system one about a target that cannot be written."""
    try:
        yield
    except OSError as error:
        raise OutputError([Problem(str(target), f"cannot be written: {error.strerror or error}")]) from None


@contextmanager
def parents_of(target: Path) -> Iterator[None]:
    """Make the folders above a target, and remove those that are empty still when something went wrong."""
    target = target.absolute()
    missing = [folder for folder in target.parents if not folder.exists()]
    above = next(folder for folder in target.parents if folder not in missing)
    if not above.is_dir():
        raise OutputError([Problem(str(target), f"expected a place in a folder, received one below the file {above}")])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _umask() -> int:
    """Return the process's mask: a temporary folder is made for its owner alone, a model is not."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove_remains(target: Path) -> None:
    """Remove what killed processes left beside a target, while they were making it."""
    for remains in target.parent.glob(f".{glob.escape(_short(target))}{_NEW}*{PARTIAL}"):
        with suppress(OSError):
            if time.time() - remains.stat().st_mtime > _REMAINS_AGE:
                shutil.rmtree(remains) if remains.is_dir() else remains.unlink()


def _short(target: Path) -> str:
    # 50 characters leave room for what is put around them, however many bytes each takes.
    return target.name[:50]
