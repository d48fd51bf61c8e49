"""What is wrong with the files that a bundle is to tag or to be scored on."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, CommandLine, contents, json_lines, told


@pytest.mark.parametrize(
    ("form", "content", "expected", "good"),
    [
        ("text", b"", [(1, "expected lines of text, received an empty file")], []),
        (
            "text",
            b"Ana left.\nJos\xe9\n",
            [(2, "expected UTF-8, received byte 0xe9 (byte 4 of the line)")],
            ["Ana left."],
        ),
        ("text", b"Ana\n\n\0\n", [(3, "expected text, received a NUL (byte 1 of the line)")], ["Ana", ""]),
        ("conll", b"\n\n", [(1, "expected lines of words, received only empty lines")], []),
        (
            "jsonl",
            b'{"text": "Ana left."}\n{"txt": "Ana"}\n["Ana"]\n'
            b'{"words": []}\n{"words": ["Ana", 5]}\n{"text": "\\ud800"}\n{"text": 7}\n{"text": "Rui"}',
            [
                (2, "expected either 'text' or 'words', received neither among 'txt'"),
                (3, "expected a JSON object, received a list"),
                (4, "expected 'words' to be a list of words, received an empty list"),
                (5, "expected words that are strings, received a number as number 1"),
                (6, "expected 'text' to be Unicode text, received a lone surrogate"),
                (7, "expected 'text' to be a string, received a number"),
            ],
            ["Ana left.", "Rui"],
        ),
    ],
)
def test_what_cannot_be_read_is_rejected_and_all_else_tagged(
    tiny_bundle: Path,
    command: CommandLine,
    tmp_path: Path,
    form: str,
    content: bytes,
    expected: list[tuple[int, str]],
    good: list[str],
) -> None:
    (tmp_path / "input").write_bytes(content)
    arguments = ("tag", tiny_bundle, tmp_path / "input", "--input-format", form, "--output-format", "jsonl")
    outcome = command(*arguments, "--output", tmp_path / "new/folder/tagged")
    assert outcome.code == 3
    count = "1 record was" if len(expected) == 1 else f"{len(expected)} records were"
    assert told(outcome, tmp_path)[-1] == f"{count} rejected: new/folder/tagged.rejected.jsonl"
    rejected = json_lines(tmp_path / "new/folder/tagged.rejected.jsonl")
    assert [(one["line"], one["reason"]) for one in rejected] == expected
    assert {one["file"] for one in rejected} == {str(tmp_path / "input")}
    assert [one["text"] for one in json_lines(tmp_path / "new/folder/tagged")] == good
    # Where nothing is rejected, what an earlier run has left goes.
    (tmp_path / "input").write_text("Ana\n", encoding="utf-8")
    outcome = command("tag", tiny_bundle, tmp_path / "input", "--output", tmp_path / "new/folder/tagged")
    assert outcome.code == 0
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["tagged"]


def test_what_is_rejected_of_a_stream_is_told_or_written_as_asked(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(b"Ana\n\xff\n")
    outcome = command("tag", tiny_bundle, tmp_path / "input", "--output", "-", "--quiet")
    message = "expected UTF-8, received byte 0xff (byte 1 of the line)"
    assert (outcome.code, told(outcome, tmp_path)) == (3, [f"input:2: {message}", "1 record was rejected"])
    assert outcome.out.startswith("Ana ")
    arguments = ("--quiet", "--rejected", tmp_path / "wrong.jsonl")
    outcome = command("tag", tiny_bundle, tmp_path / "input", "--output", "-", *arguments)
    assert (outcome.code, told(outcome, tmp_path)) == (3, [f"input:2: {message}", "1 record was rejected: wrong.jsonl"])
    (line,) = json_lines(tmp_path / "wrong.jsonl")
    assert line == {"file": str(tmp_path / "input"), "line": 2, "reason": message}


def test_too_few_columns_of_the_file_to_tag(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("1 Ana\n2\n\n1 Oslo\n", encoding="utf-8")
    arguments = ["tag", tiny_bundle, tmp_path / "input", "--output", tmp_path / "tagged.conll"]
    outcome = command(*arguments, "--input-format", "conll", "--word-column", "1")
    assert outcome.code == 3
    (line,) = json_lines(tmp_path / "tagged.conll.rejected.jsonl")
    assert line["line"] == 2
    assert line["reason"] == (
        "expected at least 2 columns, received 1; its sentence, which begins in line 1, is left out"
    )
    assert (tmp_path / "tagged.conll").read_text(encoding="utf-8").startswith("Oslo ")


def test_of_several_inputs_each_is_written_as_far_as_it_can_be_read(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "one.txt").write_text("Ana left.\n", encoding="utf-8")
    (tmp_path / "two.txt").write_bytes(b"\xff\nRui\n")
    inputs = (tmp_path / "one.txt", tmp_path / "two.txt")
    outcome = command("tag", tiny_bundle, *inputs, "--output", tmp_path / "tagged")
    assert (outcome.code, told(outcome, tmp_path)[-1]) == (3, "1 record was rejected: tagged.rejected.jsonl")
    assert sorted(contents(tmp_path / "tagged")) == ["one.conll", "two.conll"]
    assert (tmp_path / "tagged" / "two.conll").read_text(encoding="utf-8").startswith("Rui ")
    (line,) = json_lines(tmp_path / "tagged.rejected.jsonl")
    assert line["file"] == str(tmp_path / "two.txt")


def test_inputs_that_are_no_files(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("none.txt", "expected a file, received nothing: there is no such file"),
        ("folder", "expected files, received a folder without any"),
        ("*.txt", "expected files, received a pattern that matches none"),
    ):
        outcome = command("tag", "bundle", tmp_path / name, "--output", tmp_path / "tagged.conll")
        assert (outcome.code, told(outcome, tmp_path)) == (2, [f"{name}: {message}"])
    (tmp_path / "torn.txt.gz").write_bytes(b"no gzip")
    (tmp_path / "none.parquet").write_bytes(b"no Parquet")
    for name, message in (
        ("torn.txt.gz", "expected a whole gzip file, received: Not a gzipped file (b'no')"),
        ("none.parquet", "expected a Parquet file, received: "),
    ):
        outcome = command("tag", "bundle", tmp_path / name, "--output", tmp_path / "tagged.conll")
        (line,) = told(outcome, tmp_path)
        assert (outcome.code, line[: len(name + message) + 2]) == (1, f"{name}: {message}")


def test_two_inputs_of_one_name(command: CommandLine, tmp_path: Path) -> None:
    inputs = [tmp_path / "one" / "text.txt", tmp_path / "two" / "text.txt"]
    for file in inputs:
        file.parent.mkdir()
        file.write_text("Ana left.\n", encoding="utf-8")
    outcome = command("tag", "bundle", *inputs, "--output", tmp_path / "tagged")
    message = "tagged: expected inputs with names of their own, received 'text' 2 times"
    assert (outcome.code, told(outcome, tmp_path)) == (2, [message])
    assert not (tmp_path / "tagged").exists()


def test_an_output_that_is_an_input(command: CommandLine, tmp_path: Path) -> None:
    for name in ("one.conll", "two.conll"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    before = contents(tmp_path)
    message = "expected an output that is not an input too, received one that is"
    outcome = command("tag", "bundle", tmp_path / "one.conll", "--output", tmp_path / "one.conll")
    assert (outcome.code, told(outcome, tmp_path)) == (2, [f"one.conll: {message}"])
    outcome = command("tag", "bundle", tmp_path / "one.conll", tmp_path / "two.conll", "--output", tmp_path)
    assert (outcome.code, told(outcome, tmp_path)) == (2, [f"{name}.conll: {message}" for name in ("one", "two")])
    assert contents(tmp_path) == before


def test_standard_input_is_told_by_its_name(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Ana\n\xff\n")))
    outcome = command("tag", tiny_bundle, "-", "--output", tmp_path / "tagged.conll")
    assert outcome.code == 3
    (line,) = json_lines(tmp_path / "tagged.conll.rejected.jsonl")
    assert line["file"] == "<stdin>"


def test_words_that_no_column_can_hold(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "input.jsonl").write_text(json.dumps({"words": ["New York", "rains"]}) + "\n", encoding="utf-8")
    arguments = ["tag", tiny_bundle, tmp_path / "input.jsonl"]
    outcome = command(*arguments, "--output", tmp_path / "tagged.conll")
    assert outcome.code == 3
    (line,) = json_lines(tmp_path / "tagged.conll.rejected.jsonl")
    assert line["reason"] == "expected a word without white space or NUL for a column, received 'New York'"
    assert (tmp_path / "tagged.conll").read_bytes() == b""
    outcome = command(*arguments, "--output", tmp_path / "tagged.jsonl")
    assert outcome.code == 0


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.conll", None, "none.conll: expected a file, received nothing: there is no such file"),
        ("empty.conll", "", "empty.conll: expected lines, received an empty file"),
        ("short.conll", "Ana\n", "short.conll:1: expected at least 2 columns, received 1"),
        (
            "one.conll",
            "Ana O\nleft O\n",
            "one.conll: expected words within and outside entities, received the one tag 'O'",
        ),
        (
            "cut.jsonl",
            '{"text": "Ana left", "spans": [{"start": 0, "end": 2, "type": "PER"}]}\n',
            "cut.jsonl:1: expected a span to begin and end with a word, received 0 to 2 'An', which cuts 'Ana'",
        ),
    ],
)
@pytest.mark.parametrize("name_of_command", ["evaluate", "score"])
def test_a_labelled_file_that_is_wrong_is_told_and_no_report_is_written(
    tiny_bundle: Path,
    command: CommandLine,
    tmp_path: Path,
    name_of_command: str,
    name: str,
    content: str | None,
    expected: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "right.conll").write_text(GOOD, encoding="utf-8")
    before = contents(tmp_path)
    if name_of_command == "score":
        outcome = command("score", tmp_path / name, tmp_path / "right.conll", "--json")
    else:
        outcome = command("evaluate", tiny_bundle, "--data", tmp_path / name, "--report", tmp_path / "report")
    assert (outcome.code, told(outcome, tmp_path)) == (1, [expected])
    assert outcome.out == ""
    assert contents(tmp_path) == before


def test_files_with_other_words_are_not_scored(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "gold.conll").write_text(GOOD, encoding="utf-8")
    (tmp_path / "other.conll").write_text(GOOD.replace("rains", "snows"), encoding="utf-8")
    (tmp_path / "fewer.conll").write_text("Ana B-PER\nReis I-PER\nleft O\n", encoding="utf-8")
    outcome = command("score", tmp_path / "gold.conll", tmp_path / "other.conll")
    message = "other.conll:5: expected the words of gold.conll:5, received others"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    outcome = command("score", tmp_path / "gold.conll", tmp_path / "fewer.conll")
    message = "fewer.conll: expected the 2 sentences of gold.conll, received 1"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
