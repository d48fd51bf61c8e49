"""Folders and files that appear whole or not at all, and a model's directory with the digest of every file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nlp_pipeline
from nlp_pipeline.errors import BundleError, OutputError, Problem, Problems

MANIFEST = "bundle.json"
FORMAT = 1


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
    with _told(target), _parents_of(target):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
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
    with _told(target):
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
    with _told(target), _parents_of(target):
        if target.exists() and not target.is_file():
            yield target
            return
        target = target.resolve()
        # 50 characters leave room for what is put around them, however many bytes each takes.
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:50]}.", suffix=".partial", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Make an error of the system one about a target that cannot be written."""
    try:
        yield
    except OSError as error:
        raise OutputError([Problem(str(target), f"cannot be written: {error.strerror or error}")]) from None


@contextmanager
def _parents_of(target: Path) -> Iterator[None]:
    """Make the folders above a target, and remove those that are empty still when something went wrong."""
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


def write_manifest(folder: Path, task: str) -> None:
    """Write `bundle.json`: the format, the task, and the size and digest of every file of the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": file_digest(path)}
        for path in files
    }
    manifest = {"format": FORMAT, "package": nlp_pipeline.__version__, "task": task, "files": listed}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a bundle's manifest, after a look at every file.

    Raises:
        BundleError: naming each file that is missing, cut short or altered.
    """
    if not folder.exists():
        raise BundleError([Problem(str(folder), "expected a bundle, received nothing: there is no such folder")])
    if not folder.is_dir():
        raise BundleError([Problem(str(folder), "expected a bundle, which is a folder, received a file")])
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["files"]
        expected = {str(name): (int(entry["size"]), str(entry["sha256"])) for name, entry in files.items()}
    except FileNotFoundError:
        raise BundleError([Problem(str(folder), f"expected a bundle, received a folder without {MANIFEST}")]) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BundleError([Problem(str(path), "expected the manifest of a bundle, received something else")]) from None
    if version != FORMAT:
        message = f"expected a bundle of format {FORMAT}, received format {version!r}"
        raise BundleError([Problem(str(path), message)])
    problems = Problems()
    for name, (size, digest) in expected.items():
        file = folder / name
        if not file.is_file():
            problems.add(str(file), "expected a file of the bundle, received none")
        elif file.stat().st_size != size:
            problems.add(str(file), f"expected {size} bytes, received {file.stat().st_size}: the file is not whole")
        elif file_digest(file) != digest:
            problems.add(str(file), f"expected the digest {digest[:12]}..., received another: the file was altered")
    problems.raise_if_any(BundleError)
    return dict(manifest)
