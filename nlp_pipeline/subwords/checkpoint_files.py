"""The files of a checkpoint: what they are called, whether they are there, and their digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from nlp_pipeline.errors import EncoderError, Problem

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILE = "vocab.txt"
TOKENIZER_SETTINGS_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
TOKENIZER_FILES = (TOKENIZER_FILE, VOCABULARY_FILE, TOKENIZER_SETTINGS_FILE, SPECIAL_TOKENS_FILE)

_OTHER_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack")

_digests: dict[tuple[str, int, int], str] = {}


def check_folder(folder: Path) -> Path:
    """Return `folder`, which has, by their names, all the files that an encoder needs.

    Raises:
        EncoderError: one is missing.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise encoder_error(folder, f"expected {CONFIG_FILE}, received none")
    _, shards = weight_files(folder)
    for shard in shards:
        if not shard.is_file():
            raise encoder_error(shard, "expected a file of weights, received none")
    if not any((folder / name).is_file() for name in (TOKENIZER_FILE, VOCABULARY_FILE)):
        raise encoder_error(folder, f"expected {TOKENIZER_FILE} or {VOCABULARY_FILE}, received neither")
    return folder


def weight_files(folder: Path) -> tuple[Path, dict[Path, list[str]]]:
    """Find the weights of a checkpoint.

    Returns:
        The main file (`model.safetensors`, or the index of shards), and the safetensors files, each with the names of
        the tensors which the index says are in it (none of them without an index).

    Raises:
        EncoderError: there are none, or only such as are pickled; or the index is broken.
    """
    single, index = folder / WEIGHTS_FILE, folder / INDEX_FILE
    if single.is_file():
        return single, {single: []}
    if index.is_file():
        weight_map = read_json(index).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            received = json.dumps(weight_map)[:40]
            raise encoder_error(index, f"expected `weight_map` to be an object with tensors, received {received}")
        shards: dict[Path, list[str]] = {}
        for name, file in weight_map.items():
            if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
                received = json.dumps(file)
                raise encoder_error(index, f"expected a safetensors file beside it for `{name}`, received {received}")
            shards.setdefault(folder / file, []).append(name)
        return index, shards
    others = [name for name in _OTHER_WEIGHTS if (folder / name).exists()]
    received = f"only {others[0]}, a format that is not read; convert it to safetensors" if others else "neither"
    raise encoder_error(folder, f"expected {WEIGHTS_FILE} or {INDEX_FILE}, received {received}")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    It is remembered until the file's size or its time of modification changes.
    """
    state = path.stat()
    key = (str(path.resolve()), state.st_mtime_ns, state.st_size)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[key]


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file of a checkpoint holds.

    Raises:
        EncoderError: the file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise encoder_error(path, "expected a file, received none") from None
    except (OSError, ValueError, RecursionError) as error:
        raise encoder_error(path, f"expected a JSON file, received {one_line(error)}") from None
    if not isinstance(content, dict):
        raise encoder_error(path, f"expected a JSON object, received {json.dumps(content)[:40]}")
    return content


def encoder_error(place: Path, message: str) -> EncoderError:
    """Return an error about one place."""
    return EncoderError([Problem(str(place), message)])


def one_line(error: Exception) -> str:
    """Return what an exception of another library says, without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
