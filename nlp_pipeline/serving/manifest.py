"""A model's directory: `bundle.json`, with the task and the digest of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import nlp_pipeline
from nlp_pipeline.errors import BundleError, Problem, Problems
from nlp_pipeline.outputs import file_digest

MANIFEST = "bundle.json"
FORMAT = 1


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
        message = f"expected a bundle, received a folder without {MANIFEST}"
        if (folder / "bundle" / MANIFEST).is_file():
            message += f"; that of this run is {folder / 'bundle'}"
        raise BundleError([Problem(str(folder), message)]) from None
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


def read_task(folder: Path, expected: str | None = None) -> str:
    """Return a bundle's task, after a look at every file.

    Raises:
        BundleError: as `read_manifest`, and where it is not the task that was expected.
    """
    task = str(read_manifest(folder).get("task"))
    if expected is not None and task != expected:
        known = {"tagging": "a tagger", "translation": "a translator"}
        message = f"expected the bundle of {known[expected]}, received that of {known.get(task, repr(task))}"
        raise BundleError([Problem(str(folder), message)])
    return task


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as safetensors, with the rights of any new file; the library's own way is for the owner alone."""
    from safetensors.numpy import save

    path.write_bytes(save(dict(tensors)))


def write_json(path: Path, content: Any) -> None:
    """Write JSON that a person can read."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))
