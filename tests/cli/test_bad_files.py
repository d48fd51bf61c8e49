"""Names of files that cannot be, and outputs that must not be taken."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, contents, json_lines, told


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a file of a good and a bad line."""
    path = tmp_path / "in" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(b"Ana left.\n\xff\n")
    return path


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--output", ""], 2, "--output: expected a file's name, received an empty one"),
        (["--output", "out.jsonl.gz"], 1, "out.jsonl.gz: expected an output that is not packed, received one in .gz"),
        (["--output", "o", "--rejected", ""], 2, "--rejected: expected a file's name, received an empty one"),
        (["--output", "o", "--rejected", "-"], 2, "--rejected: expected a file's name, received - for standard output"),
        (["--output", "o", "--rejected", "in"], 1, "in: expected a file for rejected records, received a folder"),
    ],
)
def test_names_that_no_output_can_have(
    tiny_bundle: Path,
    command: CommandLine,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(source.parent.parent)
    before = contents(source.parent.parent)
    outcome = command("tag", tiny_bundle, "in/a.txt", *options)
    assert (outcome.code, told(outcome, source.parent.parent)) == (code, [message])
    assert contents(source.parent.parent) == before
    assert command("tag", tiny_bundle, "", "--output", "x").code == 2


def test_a_file_of_rejected_records_that_is_named_is_there_and_a_stream_stays_one(
    tiny_bundle: Path, command: CommandLine, source: Path, tmp_path: Path
) -> None:
    named = tmp_path / "rejected.jsonl"
    named.write_text("of an earlier run\n", encoding="utf-8")
    assert command("tag", tiny_bundle, source, "--output", tmp_path / "o", "--rejected", named).code == 3
    assert [record["line"] for record in json_lines(named)] == [2]
    source.write_text("Ana left.\n", encoding="utf-8")
    assert command("tag", tiny_bundle, source, "--output", tmp_path / "o", "--rejected", named).code == 0
    assert named.read_bytes() == b""

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source.write_bytes(b"Ana left.\n\xff\n")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert command("tag", tiny_bundle, source, "--output", tmp_path / "o", "--rejected", pipe).code == 3
    reader.join(30)
    assert b'"line": 2' in read[0]
    assert pipe.is_fifo()


def test_a_run_into_the_folder_above_what_it_reads_can_be_had_again(
    tiny_bundle: Path, command: CommandLine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(source, source.with_name("b.txt"))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        # The rejected records of the first time lie where the second one reads.
        assert command("tag", tiny_bundle, "in", "--output", "in/out").code == 3
    assert sorted(path.name for path in (tmp_path / "in" / "out").iterdir()) == ["a.conll", "b.conll"]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    outcome = command("tag", tiny_bundle, "../in/*.txt", "--output", ".")
    assert outcome.code == 3, outcome.err
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["a.conll", "b.conll"]
    assert len(json_lines(tmp_path / "here.rejected.jsonl")) == 2
    monkeypatch.chdir(tmp_path)
    outcome = command("tag", tiny_bundle, "in/*.txt", "--output", "in")
    message = "in/*.txt: expected files, received a pattern that matches none but what lies in the place of the output"
    assert (outcome.code, told(outcome, tmp_path)) == (2, [message])


def test_pages_of_one_input_are_not_those_of_another(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp_pipeline.serving.html_form.PAGE_RECORDS", 2)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("Ana left.\n" * 5, encoding="utf-8")
    (folder / "a.2.txt").write_text("Rui left.\n", encoding="utf-8")
    call = ["tag", tiny_bundle, folder, "--output", tmp_path / "out", "--output-format", "html"]
    assert command(*call).code == 0
    assert sorted(name for name in contents(tmp_path / "out") if name.endswith(".html")) == [
        *("a.2.html", "a.html", "a.html.pages/2.html", "a.html.pages/3.html")
    ]
    assert "Rui" in (tmp_path / "out" / "a.2.html").read_text(encoding="utf-8")


def test_an_export_takes_nothing_but_an_export(
    exported_tagger: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / "model"
    shutil.copytree(exported_tagger, target)
    (target / "precious.txt").write_text("mine", encoding="utf-8")
    outcome = command("export", tiny_bundle, target)
    message = "model: expected an export and nothing else to replace, received one beside precious.txt"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    (target / "precious.txt").unlink()
    shutil.rmtree(target / "assets.extra")
    assert command("export", tiny_bundle, target).code == 1
