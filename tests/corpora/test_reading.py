"""Files as records: every good one once and in order, every bad one with its line, from any place on."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_pipeline.corpora import lines, reading
from nlp_pipeline.corpora.reading import look_into, read_records
from nlp_pipeline.corpora.records import Consumed, InputRecord, Item, Position, ReadOptions, Rejected
from nlp_pipeline.errors import CorpusError
from tests.corpora.mixed_lines import mixed_objects, mixed_texts

OPTIONS = ReadOptions()
CONLL = (
    "\n-DOCSTART- O\n\nAna O\nleft O\n\n\n-DOCSTART- O\n-DOCSTART- O\n\nRui O\n\nOslo\n\nit O\nrains O\n \t \n"
    "last O extra\n-DOCSTART- O\nfirst O\n\nof O\n"
)


def _items(path: Path, form: str, start: Position | None = None, until: Position | None = None) -> list[Item]:
    return list(read_records(str(path), form, OPTIONS, start, until))


def _texts(items: list[Item]) -> list[str | None]:
    return [item.text for item in items if isinstance(item, InputRecord)]


@pytest.fixture(params=["text", "jsonl", "conll", "text.gz", "parquet"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Return a file with some dozens of records, and its format."""
    if request.param == "parquet":
        table = pa.table({"text": ["a", None, "c"] * 15, "id": list(range(45))})
        pq.write_table(table, tmp_path / "file", row_group_size=7)
    elif request.param == "conll":
        (tmp_path / "file").write_text(CONLL * 3, encoding="utf-8")
    elif request.param == "jsonl":
        (tmp_path / "file").write_bytes(b"\xef\xbb\xbf" + b"\n".join(line for line, _ in mixed_objects(60)))
    else:
        data = b"\xef\xbb\xbf" + b"\n".join(line for line, _ in mixed_texts(60))
        if request.param == "text.gz":
            (tmp_path / "file.gz").write_bytes(gzip.compress(data))
            return tmp_path / "file.gz", "text"
        (tmp_path / "file").write_bytes(data)
    return tmp_path / "file", request.param


def test_from_any_record_on_the_rest_follows(file: tuple[Path, str]) -> None:
    path, form = file
    whole = _items(path, form)
    assert len(whole) > 10
    assert any(isinstance(item, Rejected) for item in whole)
    for place, item in enumerate(whole, start=1):
        start = Position.of_json(json.loads(json.dumps(item.after.to_json())))
        assert _items(path, form, start) == whole[place:]


def test_up_to_any_record_nothing_follows(file: tuple[Path, str]) -> None:
    path, form = file
    whole = _items(path, form)
    for place in range(1, len(whole), 7):
        until = whole[place].after
        assert _items(path, form, whole[place - 1].after, until) == [whole[place]]
        assert _items(path, form, None, until) == whole[: place + 1]


def test_what_was_read_is_counted_to_the_end(file: tuple[Path, str]) -> None:
    path, form = file
    consumed = Consumed()
    seen = [consumed.bytes for _ in read_records(str(path), form, OPTIONS, consumed=consumed)]
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= path.stat().st_size


@pytest.mark.parametrize(("form", "make"), [("text", mixed_texts), ("jsonl", mixed_objects)])
def test_ten_thousand_good_and_bad_lines(tmp_path: Path, form: str, make: object) -> None:
    made = make(10_000)  # type: ignore[operator]
    (tmp_path / "file").write_bytes(b"\n".join(line for line, _ in made) + b"\n")
    items = _items(tmp_path / "file", form)
    expected = [(number, text) for number, (_, text) in enumerate(made, start=1) if text != ""]
    if form == "text":
        expected = [(number, text) for number, (_, text) in enumerate(made, start=1)]
    found = [(item.line, item.text if isinstance(item, InputRecord) else None) for item in items]
    assert found == expected
    assert sum(text is None for _, text in found) > 1000


def test_documents_and_sentences_of_conll(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(CONLL, encoding="utf-8")
    items = _items(tmp_path / "file", "conll")
    assert [(one.words, one.begins_document) for one in items if isinstance(one, InputRecord)] == [
        (("Ana", "left"), False),
        (("Rui",), True),
        (("it", "rains"), False),
        (("first",), True),
        (("of",), False),
    ]
    assert [(one.line, one.reason) for one in items if isinstance(one, Rejected)] == [
        (13, "expected 2 columns, as in line 4, received 1; its sentence, which begins in line 13, is left out"),
        (18, "expected 2 columns, as in line 4, received 3; its sentence, which begins in line 18, is left out"),
    ]


def test_a_line_that_is_too_long_is_told_and_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    monkeypatch.setattr(lines, "_CHUNK", 7)
    data = b"a" * 100 + b"\r\n" + b"b" * 101 + b"\n" + b"c" * 250 + b"\n" + b"d\n" + b"e" * 102
    (tmp_path / "file").write_bytes(data)
    items = _items(tmp_path / "file", "text")
    assert [(one.line, isinstance(one, Rejected)) for one in items] == [
        (1, False),
        (2, True),
        (3, True),
        (4, False),
        (5, True),
    ]
    assert _texts(items) == ["a" * 100, "d"]
    assert items[-1].after.offset == len(data)


def test_a_sentence_that_is_too_long_is_told_and_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 100)
    (tmp_path / "file").write_text("Ana O\n\n" + "word O\n" * 1000 + "\nRui O\n", encoding="utf-8")
    first, wrong, last = _items(tmp_path / "file", "conll")
    assert isinstance(wrong, Rejected)
    assert "expected a sentence of at most 100 characters, received a longer one" in wrong.reason
    assert [one.words for one in (first, last) if isinstance(one, InputRecord)] == [("Ana",), ("Rui",)]


@pytest.mark.parametrize("form", ["text", "conll"])
def test_a_packed_file_that_breaks_in_the_middle(tmp_path: Path, form: str) -> None:
    source = random.Random(3)
    words = ["".join(source.choices("abcdefgh", k=6)) for _ in range(200_000)]
    packed = gzip.compress("\n\n".join(words).encode())
    (tmp_path / "file.gz").write_bytes(packed[: len(packed) // 2])
    items = _items(tmp_path / "file.gz", form)
    last = items[-1]
    assert isinstance(last, Rejected)
    assert last.is_rest
    assert last.reason.startswith("expected a whole gzip file, received: ")
    assert last.reason.endswith("; nothing is read from here on")
    good = [item for item in items[:-1] if isinstance(item, InputRecord)]
    assert len(good) == len(items) - 1 > 10_000
    found = [(item.text or "") if form == "text" else (item.words or ("",))[0] for item in good]
    assert [text for text in found if text] == words[: len([text for text in found if text])]
    # From a place in the middle the break is where it was.
    assert _items(tmp_path / "file.gz", form, items[9_000].after)[-1] == last


def test_rows_that_are_no_text(tmp_path: Path) -> None:
    times = pa.array([0, 1, None], pa.timestamp("s"))
    pq.write_table(
        pa.table({"text": ["a", None, "c\n"], "time": times, "raw": [b"\xff", None, b""]}), tmp_path / "file"
    )
    first, second, third = _items(tmp_path / "file", "parquet")
    assert isinstance(first, InputRecord)
    assert (first.text, first.fields) == ("a", {"time": "1970-01-01T00:00:00", "raw": "/w=="})
    assert isinstance(second, Rejected)
    assert (second.line, second.reason) == (2, "expected 'text' to be a string, received null")
    assert isinstance(third, InputRecord)
    assert third.text == "c\n"


def test_what_cannot_be_opened_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "none.gz").write_bytes(b"text")
    pq.write_table(pa.table({"text": [1, 2], "name": ["a", "b"]}), tmp_path / "numbers.parquet")
    for name, form, options, expected in (
        ("nothing", "text", OPTIONS, "expected a file, received nothing: there is no such file"),
        ("none.gz", "text", OPTIONS, "expected a whole gzip file, received: Not a gzipped file"),
        ("numbers.parquet", "parquet", OPTIONS, "expected the column 'text' to hold strings, received int64"),
        ("numbers.parquet", "parquet", ReadOptions("body"), "expected a column 'body', received 'text', 'name'"),
    ):
        with pytest.raises(CorpusError, match=expected):
            look_into(str(tmp_path / name), form, options)
    look_into(str(tmp_path / "numbers.parquet"), "parquet", ReadOptions("name"))
