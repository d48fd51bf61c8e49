"""A bundle: what goes in comes out, and it replaces one that was there only when it is whole."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nlp_pipeline
from nlp_pipeline.errors import BundleError, OutputError
from nlp_pipeline.outputs import file_digest, new_file, new_folder
from nlp_pipeline.serving.manifest import MANIFEST, read_manifest, write_manifest
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.tagger_bundle import TaggerBundle

WORDS = ["Ana", "Reis", "left", "Lima", "."]


def test_there_and_back(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = TaggerBundle.read(tiny_bundle)
    bundle.write(tmp_path / "again")
    again = TaggerBundle.read(tmp_path / "again")
    assert (again.recipe, again.metrics, again.card) == (bundle.recipe, bundle.metrics, bundle.card)
    assert again.known_entities == bundle.known_entities
    assert again.inputs.tag_set == bundle.inputs.tag_set
    for name, value in bundle.network.named_weights().items():
        np.testing.assert_array_equal(again.network.named_weights()[name], value)
    assert LoadedTagger(again).tag(WORDS) == LoadedTagger(bundle).tag(WORDS)
    names = {path.name for path in tiny_bundle.iterdir()}
    assert {path.name for path in (tmp_path / "again").iterdir()} == names
    for name in names - {MANIFEST}:
        assert file_digest(tmp_path / "again" / name) == file_digest(tiny_bundle / name), name


def test_it_may_move_and_needs_nothing_of_the_run(tiny_bundle: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_bundle, tmp_path / "elsewhere" / "b")
    expected = nlp_pipeline.load(tiny_bundle).tag(WORDS)
    assert nlp_pipeline.load(str(moved)).tag(WORDS) == expected


def test_a_network_without_cudnn_gives_the_same(tiny_bundle: Path) -> None:
    portable = LoadedTagger(TaggerBundle.read(tiny_bundle, use_cudnn=False))
    assert portable.tag(WORDS).tags == nlp_pipeline.load(tiny_bundle).tag(WORDS).tags


def test_a_failure_leaves_the_bundle_that_was_there(tiny_bundle: Path, tmp_path: Path) -> None:
    target = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    bundle = TaggerBundle.read(target)
    before = read_manifest(target)
    with pytest.raises(UnicodeEncodeError):
        replace(bundle, card="\ud800").write(target)
    assert read_manifest(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def _remake(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    (folder / MANIFEST).unlink()
    write_manifest(folder, "tagging")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("recipe.yaml", "task: tagging\n", "expected a bundle that this version of nlp_pipeline can read, received"),
        ("tags.json", "{}", "can read, received: 'entity_types'"),
        ("vocabularies.json", "[]", "can read, received"),
        ("known_entities.json", "5", "can read, received"),
        ("weights.safetensors", "no weights", "can read, received"),
        (
            "tags.json",
            '{"entity_types": ["PER"], "scheme": "IOBES"}',
            "kernel of shape (16, 5), received (16, 9)",
        ),
    ],
)
def test_whole_files_that_do_not_belong_together(
    tiny_bundle: Path, tmp_path: Path, name: str, content: str, expected: str
) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    _remake(folder, name, content)
    with pytest.raises(BundleError) as caught:
        TaggerBundle.read(folder)
    assert expected in str(caught.value)


def test_a_bundle_of_another_task(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "task": "juggling"}), encoding="utf-8")
    with pytest.raises(BundleError, match="expected the bundle of a tagger, received that of 'juggling'"):
        TaggerBundle.read(folder)


def test_new_folder_takes_the_place_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with new_folder(target, "mark") as folder:
        (folder / "mark").write_text("1", encoding="utf-8")
        assert not target.exists()
    with new_folder(target, "mark") as folder:
        (folder / "mark").write_text("2", encoding="utf-8")
        assert (target / "mark").read_text(encoding="utf-8") == "1"
    assert (target / "mark").read_text(encoding="utf-8") == "2"
    assert [path.name for path in target.parent.iterdir()] == ["b"]
    (target / "mark").unlink()
    (target / "theirs").touch()
    with pytest.raises(OutputError, match="received one with theirs"), new_folder(target, "mark"):
        pass
    assert (target / "theirs").exists()


def test_new_file_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    def fail(file: Path) -> None:
        file.write_text("half", encoding="utf-8")
        raise RuntimeError

    with pytest.raises(RuntimeError), new_file(tmp_path / "made" / "file") as file:
        fail(file)
    assert list(tmp_path.iterdir()) == []
