"""A model's directory: written beside and renamed, every file with its digest, refused where anything is amiss."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside the target, which takes the target's place when everything went well.

    What stood at the target stays until then, and stays altogether when something went wrong.

    Raises:
        OutputError: where it cannot be written.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            replaced = temporary.with_suffix(".replaced")
            target.rename(replaced)
            temporary.rename(target)
            shutil.rmtree(replaced)
        else:
            temporary.rename(target)
    except OSError as error:
        raise OutputError([Problem(str(target), f"cannot be written: {error.strerror or error}")]) from None
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


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
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
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
