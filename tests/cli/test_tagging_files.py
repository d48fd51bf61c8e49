"""`tag` on folders, patterns and packed files, in each form of output, and a run that is asked to end."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import CommandLine, contents, json_lines, told

TEXT = "Ana Reis lives in Oslo.\n\nRui left.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files of several kinds, below each other."""
    root = tmp_path / "in"
    (root / "sub" / ".hidden").mkdir(parents=True)
    (root / "one.txt").write_text(TEXT, encoding="utf-8")
    (root / "sub" / "two.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (root / "sub" / "three.jsonl").write_text('{"text": "Ana left.", "id": 5}\n', encoding="utf-8")
    (root / "four.conll").write_text("Rui O\nleft O\n", encoding="utf-8")
    pq.write_table(pa.table({"text": ["Ana"], "id": [6]}), root / "five.parquet")
    for unfinished in ("sub/.hidden/six.txt", "sub/.seven.txt", "eight.txt.partial"):
        (root / unfinished).write_text("no\n", encoding="utf-8")
    return root


def test_a_folder_becomes_a_folder(tiny_bundle: Path, command: CommandLine, folder: Path, tmp_path: Path) -> None:
    outcome = command("tag", tiny_bundle, folder, "--output", tmp_path / "out", "--output-format", "jsonl", "--quiet")
    assert (outcome.code, outcome.err) == (0, "")
    files = {name for name in contents(tmp_path / "out") if name.endswith("l")}
    assert files == {"one.jsonl", "sub/two.jsonl", "sub/three.jsonl", "four.jsonl", "five.jsonl"}
    one = json_lines(tmp_path / "out" / "one.jsonl")
    assert [record["text"] for record in one] == TEXT.split("\n")[:-1]
    assert json_lines(tmp_path / "out" / "sub" / "two.jsonl") == one
    assert json_lines(tmp_path / "out" / "sub" / "three.jsonl")[0]["id"] == 5
    assert json_lines(tmp_path / "out" / "four.jsonl")[0]["words"] == ["Rui", "left"]
    assert json_lines(tmp_path / "out" / "five.jsonl")[0]["id"] == 6
    # Within the folder that is read, what was written is not read again.
    for _ in range(2):
        outcome = command("tag", tiny_bundle, folder, "--output", folder / "tagged", "--output-format", "jsonl")
        assert outcome.code == 0, outcome.err
        assert not (folder / "tagged" / "tagged").exists()
    assert {name for name in contents(folder / "tagged") if name.endswith("l")} == files


def test_a_pattern_means_what_it_matches(tiny_bundle: Path, command: CommandLine, folder: Path, tmp_path: Path) -> None:
    outcome = command("tag", tiny_bundle, f"{folder}/**/*.txt*", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert sorted(contents(tmp_path / "out")) == ["one.conll", "sub", "sub/two.conll"]
    outcome = command("tag", tiny_bundle, folder / "one.txt", folder / "sub" / "three.jsonl", "--output", "-")
    assert outcome.code == 0
    assert outcome.out.count("Ana B-PER\n") == 2


@pytest.mark.parametrize("name", ["out.conll", "out.jsonl", "out.parquet", "out.html", "out.ann"])
def test_each_form_by_its_name(
    tiny_bundle: Path, command: CommandLine, folder: Path, tmp_path: Path, name: str
) -> None:
    outcome = command("tag", tiny_bundle, folder / "one.txt", "--output", tmp_path / "new" / name)
    assert outcome.code == 0, outcome.err
    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert written == ([name, "out.txt"] if name.endswith(".ann") else [name])
    found = (tmp_path / "new" / name).read_bytes()
    marks = {
        "out.conll": b"Ana B-PER\nReis I-PER\n",
        "out.jsonl": b'"text": "Ana Reis", "score"',
        "out.html": b">Ana Reis<small",
        "out.ann": b"T1\tPER 0 8\tAna Reis\n",
    }
    assert marks.get(name, b"PAR1") in found
    assert command("tag", tiny_bundle, folder, "--output", "-", "--output-format", "html").code == 1


def test_a_column_by_another_name(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["Ana Reis lives in Oslo.", None], "id": [1, 2]}), tmp_path / "in.parquet")
    outcome = command("tag", tiny_bundle, tmp_path / "in.parquet", "--output", tmp_path / "out.parquet")
    message = "in.parquet: expected a column 'text', received 'body', 'id'"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    outcome = command(
        *("tag", tiny_bundle, tmp_path / "in.parquet", "--output", tmp_path / "out.parquet", "--text-field", "body")
    )
    assert outcome.code == 3
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["text"], row["id"], row["entities"][0]["type"]) == ("Ana Reis lives in Oslo.", 1, "PER")
    assert json_lines(Path(f"{tmp_path / 'out.parquet'}.rejected.jsonl"))[0]["line"] == 2


def test_a_run_that_is_asked_to_end_can_be_gone_on_with(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "place" / "out.jsonl"
    source.write_text(TEXT * 20_000, encoding="utf-8")
    call = [sys.executable, "-m", "nlp_pipeline", "tag", str(tiny_bundle), str(source), "--output", str(output)]
    with subprocess.Popen([*call, "--json-progress"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        progress = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read().splitlines()
        assert process.wait() == 143
    assert progress.keys() == {
        *("done_bytes", "total_bytes", "records", "words", "rejected", "words_per_second", "seconds_left")
    }
    assert 0 < progress["done_bytes"] < progress["total_bytes"] == source.stat().st_size
    assert rest[-1].startswith("SIGTERM: stopped after ")
    assert rest[-1].endswith(" records; the same command with --resume goes on from there")
    assert not output.exists()
    outcome = command(*call[3:], "--resume", "--precision", "bfloat16")
    assert (outcome.code, output.exists()) == (2, False)
    outcome = command(*call[3:], "--resume")
    assert outcome.code == 0
    assert "out.jsonl: going on after " in outcome.err
    assert command("tag", tiny_bundle, source, "--output", tmp_path / "whole.jsonl").code == 0
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["out.jsonl"]
