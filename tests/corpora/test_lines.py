"""Lines: what ends one, what is dropped, and all that can be wrong with a file."""

from __future__ import annotations

import gzip
import io
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.corpora.lines import name_of, read_lines
from nlp_pipeline.errors import Problems


def lines_of(path: Path | str, may_be_empty: bool = False) -> tuple[list[tuple[int, str]], list[str]]:
    problems = Problems()
    lines = list(read_lines(path, problems, may_be_empty))
    return lines, [str(problem) for problem in problems.listed]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff")), min_size=1))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_bytes("".join(f"{text}\n" for text in texts).encode())
    assert lines_of(path) == (list(enumerate(texts, start=1)), [])


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\n", [""]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        ("a\u2028b\x0bc\x0cd\x85e\x1cf\rg\n".encode(), ["a\u2028b\x0bc\x0cd\x85e\x1cf\rg"]),
    ],
)
def test_what_ends_a_line(path: Path, content: bytes, lines: list[str]) -> None:
    path.write_bytes(content)
    assert lines_of(path) == (list(enumerate(lines, start=1)), [])


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert lines_of(path)[1] == [f"{path}: expected lines, received an empty file"]
    assert lines_of(path, may_be_empty=True)[1] == []


def test_a_line_that_is_not_text_is_told_and_left_out(path: Path) -> None:
    path.write_bytes(b"a\nab\xff\nb\x00\n\xc3\nc\xed\xa0\x80\nd\n")
    lines, problems = lines_of(path)
    assert lines == [(1, "a"), (6, "d")]
    assert problems == [
        f"{path}:2: expected UTF-8, received byte 0xff (byte 3 of the line)",
        f"{path}:3: expected text, received a NUL (byte 2 of the line)",
        f"{path}:4: expected UTF-8, received byte 0xc3 (byte 1 of the line)",
        f"{path}:5: expected UTF-8, received byte 0xed (byte 2 of the line)",
    ]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    missing, long = tmp_path / "none.txt", tmp_path / ("x" * 300)
    nothing = "expected a file, received nothing: there is no such file"
    assert lines_of(missing) == ([], [f"{missing}: {nothing}"])
    assert lines_of(tmp_path) == ([], [f"{tmp_path}: expected a file, received a directory"])
    assert lines_of(missing / "a") == ([], [f"{missing / 'a'}: {nothing}"])
    assert lines_of(long) == ([], [f"{long}: cannot be read: File name too long"])
    assert lines_of("a\0b") == ([], [f"a\0b: {nothing}"])


def test_a_name_that_is_no_unicode_is_told_in_unicode(tmp_path: Path) -> None:
    path = tmp_path / "a\udcff.txt"
    path.write_bytes(b"\xff\n")
    name = f"{tmp_path}/a\\udcff.txt"
    assert (name_of(path), name_of("-")) == (name, "<stdin>")
    assert lines_of(path) == ([], [f"{name}:1: expected UTF-8, received byte 0xff (byte 1 of the line)"])


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    whole = gzip.compress("é\nb\n".encode() * 5000)
    path.write_bytes(whole)
    lines, problems = lines_of(path)
    assert (len(lines), lines[:2], problems) == (10_000, [(1, "é"), (2, "b")], [])
    for broken in (b"plain\n", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        _, problems = lines_of(path)
        assert len(problems) == 1
        assert problems[0].startswith(f"{path}: expected a whole gzip file, received: ")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n\xff\n")))
    lines, problems = lines_of("-")
    assert lines == [(1, "a")]
    assert problems == ["<stdin>:2: expected UTF-8, received byte 0xff (byte 1 of the line)"]


def test_memory_stays_flat(path: Path) -> None:
    path.write_bytes(b"a line of some thirty characters\n" * 100_000)
    problems = Problems()
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_lines(path, problems))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 500_000, "the file has 3.3 MB"
