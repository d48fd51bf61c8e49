"""Parquet: a column for whatever records bring along, and no name or value by which a run fails in the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_pipeline.corpora.records import InputRecord, Position
from nlp_pipeline.inputs.translation import SourcePlaces
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.parquet_form import ParquetForm
from nlp_pipeline.serving.stream import TaggedRecord
from nlp_pipeline.serving.tagged_forms import TaggedJsonForm, TaggedParquetForm
from nlp_pipeline.serving.translated_forms import TranslatedJsonForm, TranslatedParquetForm, TranslatedRecord
from nlp_pipeline.serving.translator import Hypothesis, Translation

_BEYOND = 2**60 + 1


def _record(fields: dict[str, Any]) -> InputRecord:
    return InputRecord(1, "", None, fields, Position())


def _tagged(fields: dict[str, Any]) -> TaggedRecord:
    return TaggedRecord(_record(fields), ())


def _translated(fields: dict[str, Any]) -> TranslatedRecord:
    translation = Translation("Ana", SourcePlaces((), (), (), ()), (Hypothesis("Anna", (), -0.5, -0.5, None),), 1)
    return TranslatedRecord(_record(fields), translation)


def _written(form: ParquetForm, results: Sequence[Any], folder: Path, name: str = "out.parquet") -> Any:
    (spool,) = form.encode(results)
    (folder / "spool").write_bytes(spool)
    form.finish(folder / "spool", [folder / name])
    with (folder / name).open("rb") as file:
        return pq.read_table(file)


@pytest.mark.parametrize("value", [5, "news", ["news", "x"], [1.5], {"a": [1]}, True])
def test_a_field_with_a_name_of_ours_is_kept_under_another(tmp_path: Path, value: Any) -> None:
    forms: list[tuple[ParquetForm, Form, Callable[[dict[str, Any]], Any]]] = [
        (TaggedParquetForm(), TaggedJsonForm(), _tagged),
        (TranslatedParquetForm(lambda _: ""), TranslatedJsonForm(lambda _: ""), _translated),
    ]
    for form, lines, result_of in forms:
        results = [result_of(dict.fromkeys(form.own_columns().names, value))]
        (row,) = _written(form, results, tmp_path).to_pylist()
        assert {row.pop(f"input_{name}") == value for name in form.own_columns().names} == {True}
        (line,) = lines.encode(results)
        content = json.loads(line)
        assert {content.pop(f"input_{name}") == value for name in form.own_columns().names} == {True}
        assert row == content
        assert set(row) <= set(form.own_columns().names)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_integers_that_no_float_holds_become_text_beside_fractions(tmp_path: Path, turned: bool, apart: bool) -> None:
    first, last = (1.5, _BEYOND) if turned else (_BEYOND, 1.5)
    numbers = [first] * (1000 if apart else 1) + [last]
    rows = [{"n": n, "in": {"a": [n]}, "whole": _BEYOND, "small": 3 if n == _BEYOND else n} for n in numbers]
    table = _written(TaggedParquetForm(), [_tagged(row) for row in rows], tmp_path)
    assert [table.schema.field(name).type for name in ("n", "in", "whole", "small")] == [
        pa.string(),
        pa.string(),
        pa.int64(),
        pa.float64(),
    ]
    read = table.to_pylist()
    assert [(json.loads(row["n"]), json.loads(row["in"])) for row in read] == [(n, {"a": [n]}) for n in numbers]
    assert [row["small"] for row in read] == [row["small"] for row in rows]


def test_an_unsigned_integer_and_negative_ones_in_windows_of_their_own(tmp_path: Path) -> None:
    rows = [{"n": 2**63}] * 1000 + [{"n": -1}] * 1000
    found = _written(TaggedParquetForm(), [_tagged(row) for row in rows], tmp_path).column("n").to_pylist()
    assert found == [str(2**63)] * 1000 + ["-1"] * 1000


@pytest.mark.parametrize("depth", [30, 99])
def test_what_is_deep_can_be_read_again(tmp_path: Path, depth: int) -> None:
    lists: Any = 1
    objects: Any = 1
    for _ in range(depth):
        lists, objects = [lists], {"a": objects}
    (row,) = _written(TaggedParquetForm(), [_tagged({"lists": lists, "objects": objects})], tmp_path).to_pylist()
    if depth == 99:
        row |= {name: json.loads(row[name]) for name in ("lists", "objects")}
    assert (row["lists"], row["objects"]) == (lists, objects)


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    table = _written(TaggedParquetForm(), [_tagged({"id": 7})], tmp_path, os.fsdecode(b"caf\xe9.parquet"))
    assert table.to_pylist() == [{"text": "", "entities": [], "id": 7}]
