"""Files as records: every good one once and in order, every bad one with its line, from any place on."""

from __future__ import annotations

import gzip
import json
import os
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


def test_a_time_that_python_has_no_place_for_is_its_number_and_type(tmp_path: Path) -> None:
    late = pa.array([9_400_000_000_000, 0, None], pa.timestamp("s"))
    nested = pa.array([[9_400_000_000_000, 0], [], None], pa.list_(pa.timestamp("s")))
    table = pa.table(
        {"text": ["a", "b", "c"], "late": late, "nested": nested, "in": pa.StructArray.from_arrays([late], ["a"])}
    )
    pq.write_table(table.append_column("far", pa.array([2**30, 0, None], pa.date32())), tmp_path / "file")
    items = _items(tmp_path / "file", "parquet")
    assert _texts(items) == ["a", "b", "c"]
    assert [item.fields for item in items if isinstance(item, InputRecord)] == [
        {
            "late": "9400000000000000 timestamp[ms]",
            "nested": ["9400000000000000 timestamp[ms]", "1970-01-01T00:00:00"],
            "in": {"a": "9400000000000000 timestamp[ms]"},
            "far": "1073741824 date32[day]",
        },
        {"late": "1970-01-01T00:00:00", "nested": [], "in": {"a": "1970-01-01T00:00:00"}, "far": "1970-01-01"},
        {"late": None, "nested": None, "in": {"a": None}, "far": None},
    ]


def test_after_a_broken_row_group_the_next_one_follows(tmp_path: Path) -> None:
    texts = [f"{number} {random.Random(number).random()}" for number in range(5000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "file", row_group_size=2000, compression="gzip")
    data = bytearray((tmp_path / "file").read_bytes())
    column = pq.ParquetFile(tmp_path / "file").metadata.row_group(1).column(0)
    for at in range(column.data_page_offset, column.data_page_offset + 200):
        data[at] = 0xFF
    (tmp_path / "file").write_bytes(data)
    items = _items(tmp_path / "file", "parquet")
    assert [item.line for item in items] == list(range(1, 5001))
    assert _texts(items) == [*texts[:2000], *texts[4000:]]
    lost = [item for item in items if isinstance(item, Rejected)]
    assert len(lost) == 2000
    for item in lost:
        assert item.reason.startswith("expected a whole Parquet file, received: ")
        assert item.reason.endswith("; rows 2001 to 4000 are lost")
        assert not item.is_rest
    for place in (1, 1999, 2000, 2001, 3700, 4000, 4999, 5000):
        assert _items(tmp_path / "file", "parquet", items[place - 1].after) == items[place:]


def test_a_parquet_file_whose_name_is_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.parquet")
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "file")
    (tmp_path / "file").rename(path)
    look_into(str(path), "parquet", OPTIONS)
    assert _texts(_items(path, "parquet")) == ["a", "b"]


def test_two_columns_of_one_name_are_refused_where_they_are_wanted(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([["a"], [1], [2]], ["text", "id", "id"]), tmp_path / "file")
    with pytest.raises(CorpusError, match="expected columns of different names, received more than one 'id'"):
        look_into(str(tmp_path / "file"), "parquet", OPTIONS)
    items = read_records(str(tmp_path / "file"), "parquet", ReadOptions(with_fields=False))
    assert _texts(list(items)) == ["a"]


def test_a_list_of_objects_is_told_to_be_no_json_lines(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('\n [\n{"text": "a"},\n{"text": "b"}\n]\n', encoding="utf-8")
    first, *others = _items(tmp_path / "file", "jsonl")
    assert isinstance(first, Rejected)
    assert (first.line, first.reason) == (
        2,
        "expected a JSON object, received: Expecting value; JSON lines are expected, an object a line, not one list of"
        " objects",
    )
    assert not any(isinstance(item, Rejected) and "JSON lines" in item.reason for item in others)
    assert _items(tmp_path / "file", "jsonl", first.after) == others


def test_tokens_beside_words_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"words": ["a"], "tokens": [7]}\n{"tokens": ["b"], "id": 1}', encoding="utf-8")
    records = [item for item in _items(tmp_path / "file", "jsonl") if isinstance(item, InputRecord)]
    assert [(one.words, one.fields) for one in records] == [(("a",), {"tokens": [7]}), (("b",), {"id": 1})]


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
