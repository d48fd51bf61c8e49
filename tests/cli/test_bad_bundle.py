"""A bundle that is not whole, or none at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, CommandLine, contents, told


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """Return a bundle that a test may alter."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


FILES = ("README.md", "known_entities.json", "metrics.json", "recipe.yaml", "tags.json", "vocabularies.json")


@pytest.mark.parametrize("file", [*FILES, "weights.safetensors"])
@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (Path.unlink, "expected a file of the bundle, received none"),
        (_cut, "expected {size} bytes, received {cut}: the file is not whole"),
        (_alter, "expected the digest {digest}..., received another: the file was altered"),
    ],
    ids=["missing", "cut", "altered"],
)
def test_each_file_is_missed(
    bundle: Path, command: CommandLine, tmp_path: Path, file: str, harm: Callable[[Path], None], expected: str
) -> None:
    entry = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["files"][file]
    harm(bundle / file)
    outcome = command("inspect", bundle)
    message = expected.format(size=entry["size"], cut=entry["size"] - 10, digest=entry["sha256"][:12])
    assert (outcome.code, told(outcome, tmp_path)) == (1, [f"bundle/{file}: {message}"])
    assert outcome.out == ""


def test_all_files_that_are_amiss_are_told_at_once(bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (bundle / "tags.json").unlink()
    _cut(bundle / "weights.safetensors")
    outcome = command("inspect", bundle)
    assert outcome.code == 1
    assert [line.split(": ")[0] for line in told(outcome, tmp_path)] == [
        "bundle/tags.json",
        "bundle/weights.safetensors",
    ]


@pytest.mark.parametrize("name", ["tag", "evaluate", "inspect"])
def test_every_command_refuses_a_bundle_that_is_not_whole(
    bundle: Path, command: CommandLine, tmp_path: Path, name: str
) -> None:
    _alter(bundle / "weights.safetensors")
    (tmp_path / "letter.conll").write_text(GOOD, encoding="utf-8")
    letter = tmp_path / "letter.conll"
    arguments: dict[str, list[str | Path]] = {
        "tag": ["tag", bundle, letter, "--output", tmp_path / "new" / "tagged.conll"],
        "evaluate": ["evaluate", bundle, "--data", letter, "--report", tmp_path / "report"],
        "inspect": ["inspect", bundle, "--json"],
    }
    before = contents(tmp_path)
    outcome = command(*arguments[name])
    assert outcome.code == 1
    assert len(told(outcome, tmp_path)) == 1
    assert told(outcome, tmp_path)[0].endswith("received another: the file was altered")
    assert outcome.out == ""
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("{", "bundle/bundle.json: expected the manifest of a bundle, received something else"),
        ("[]", "bundle/bundle.json: expected the manifest of a bundle, received something else"),
        ("[" * 100_000, "bundle/bundle.json: expected the manifest of a bundle, received something else"),
        ('{"format": 1}', "bundle/bundle.json: expected the manifest of a bundle, received something else"),
        (
            '{"format": 1, "files": {"tags.json": 5}}',
            "bundle/bundle.json: expected the manifest of a bundle, received something else",
        ),
        ('{"format": 2, "files": {}}', "bundle/bundle.json: expected a bundle of format 1, received format 2"),
        (
            '{"format": 1, "task": "juggling", "files": {}}',
            "bundle: expected the bundle of a tagger, received that of 'juggling'",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    bundle: Path, command: CommandLine, tmp_path: Path, manifest: str, expected: str
) -> None:
    (bundle / "bundle.json").write_text(manifest, encoding="utf-8")
    outcome = command("inspect", bundle)
    assert (outcome.code, told(outcome, tmp_path)) == (1, [expected])


def test_what_is_no_bundle_is_refused(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    (tmp_path / "run" / "bundle" / "bundle.json").touch()
    for name, received in (
        ("run", "expected a bundle, received a folder without bundle.json; that of this run is run/bundle"),
        ("none", "expected a bundle, received nothing: there is no such folder"),
        ("file", "expected a bundle, which is a folder, received a file"),
        ("folder", "expected a bundle, received a folder without bundle.json"),
        ("file/below", "expected a bundle, received nothing: there is no such folder"),
    ):
        outcome = command("inspect", tmp_path / name)
        assert (outcome.code, told(outcome, tmp_path)) == (1, [f"{name}: {received}"])


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        (
            "tags.json",
            "{}",
            "bundle: expected a bundle that this version of nlp_pipeline can read, received: 'entity_types'",
        ),
        (
            "vocabularies.json",
            "[1]",
            "bundle: expected a bundle that this version of nlp_pipeline can read, received: ",
        ),
        (
            "recipe.yaml",
            "task: parsing\n",
            "bundle: expected a bundle that this version of nlp_pipeline can read, received: ",
        ),
        (
            "weights.safetensors",
            "none",
            "bundle: expected a bundle that this version of nlp_pipeline can read, received: ",
        ),
        (
            "tags.json",
            '{"entity_types": ["PER"], "scheme": "IOBES"}',
            "bundle/weights.safetensors: expected tagger/emission/kernel of shape ",
        ),
    ],
)
def test_a_bundle_that_is_whole_but_makes_no_sense_is_refused(
    bundle: Path, command: CommandLine, tmp_path: Path, file: str, content: str, expected: str
) -> None:
    from nlp_pipeline.serving.manifest import write_manifest

    (bundle / file).write_text(content, encoding="utf-8")
    (bundle / "bundle.json").unlink()
    write_manifest(bundle, "tagging")
    outcome = command("inspect", bundle)
    assert outcome.code == 1
    assert len(told(outcome, tmp_path)) == 1
    assert told(outcome, tmp_path)[0].startswith(expected)
