"""`export`: what it writes runs by itself, and what it will not write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

import nlp_pipeline
from nlp_pipeline.cli.main import main
from nlp_pipeline.jobs import export as module
from nlp_pipeline.jobs.check_export import Checked
from nlp_pipeline.serving.tagger import LoadedTagger

CLIENT = Path(__file__).parents[2] / "examples" / "serving_client.py"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def client(folder: Path, *texts: str) -> str:
    # -I: nothing of the working directory or of PYTHONPATH can be imported.
    command = [sys.executable, "-I", str(CLIENT), str(folder), *texts]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_a_tagger_leaves_the_house(tiny_bundle: Path, exported_tagger: Path) -> None:
    target = exported_tagger
    about = json.loads((target / "assets.extra" / "export.json").read_text(encoding="utf-8"))
    assert about["task"] == "tagging"
    assert about["signatures"] == ["serving_default", "tag_words", "tag_text"]
    assert (target / "assets" / "tags.txt").read_text(encoding="utf-8").startswith("O\n")
    assert (target / "assets" / "characters.txt").is_file()
    definition = SavedModel.FromString((target / "saved_model.pb").read_bytes()).meta_graphs[0]
    assert {asset.filename for asset in definition.asset_file_def} == {"characters.txt", "tags.txt", "words.txt"}
    texts = ["Ana Reis lives in Oslo.", "É Rui left New York – for Lima.", ""]
    blocks = client(target, *texts).split("\n\n")
    tagger = nlp_pipeline.load(tiny_bundle)
    assert isinstance(tagger, LoadedTagger)
    for text, block in zip(texts, blocks, strict=False):
        found = [line.split("\t") for line in block.splitlines() if line]
        own = tagger.tag_text(text).entities
        assert [(entity_type, surface) for _, _, entity_type, _, surface in found] == [
            (entity.entity_type, entity.surface) for entity in own
        ]
        assert [text.encode()[int(start) : int(end)].decode() for start, end, *_ in found] == [
            entity.surface for entity in own
        ]
        assert [float(score) for *_, score, _ in found] == pytest.approx([one.score for one in own], abs=0.01)
    assert "\tPER\t" in blocks[0]


def test_a_translator_leaves_the_house(
    translator_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "export"
    main(
        [
            "export",
            str(translator_folder / "run" / "bundle"),
            str(target),
            "--check",
            str(translator_folder / "train.en"),
        ]
    )
    assert "serving_default, translate_text; float32" in (told := capsys.readouterr().out)
    assert "all as the bundle's" in told
    found = client(target, "the red dog sleeps .")
    assert found.splitlines()[0] == "le chien rouge dort ."
    assert "▁chien\t<- ▁dog" in found


def test_another_precision_is_told_how_it_differs(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["export", str(tiny_bundle), str(tmp_path / "x"), "--signatures", "words", "--precision", "bfloat16"])
    told = capsys.readouterr().out
    assert "x: tag_words; bfloat16" in told
    assert "as the bundle's" in told


@pytest.mark.parametrize(
    ("signatures", "expected"),
    [("ids,sound", "expected some of ids, words, text for this bundle, received sound"), ("", "received ''")],
)
def test_signatures_that_there_are_not(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], signatures: str, expected: str
) -> None:
    code, told = refused(capsys, "export", str(tiny_bundle), str(tmp_path / "x"), "--signatures", signatures)
    assert code == 2
    assert expected in told
    assert not (tmp_path / "x").exists()


def test_what_differs_is_not_kept(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(*_arguments: Any) -> Checked:
        checked = Checked()
        checked.compare("Ana left", ["B-PER", "O"], ["O", "O"])
        return checked

    monkeypatch.setattr(module, "check_tagger", differs)
    code, told = refused(capsys, "export", str(tiny_bundle), str(tmp_path / "x"), "--signatures", "words")
    assert code == 1
    assert "expected what the bundle gives, received something else for 1 of 2" in told
    assert """'Ana left': expected ["B-PER", "O"], received ["O", "O"]""" in told
    assert not list(tmp_path.iterdir())


def test_a_folder_of_another_kind_is_left_alone(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("Dear", encoding="utf-8")
    code, told = refused(capsys, "export", str(tiny_bundle), str(tmp_path))
    assert code == 1
    assert (
        "expected a new folder, or one with assets.extra/export.json to replace, received one with letter.txt" in told
    )


def test_data_that_is_not_there(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = refused(capsys, "export", str(tiny_bundle), str(tmp_path / "x"), "--check", str(tmp_path / "no.conll"))
    assert code == 1
    assert "expected a file, received nothing" in told
    assert not (tmp_path / "x").exists()
