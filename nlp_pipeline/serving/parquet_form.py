"""Results as the rows of a Parquet file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.records import Rejected
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.forms import Form, json_line, json_lines_of, results_of

_ROWS = 1000
"""Rows that are held at once."""


class ParquetForm(Form):
    """A row a result.

    Columns that records bring along get a type that holds all their values; where there is none, such as for numbers
    and texts mixed, they are JSON as text.
    """

    name = "parquet"
    suffixes = (".parquet",)
    is_spooled = True

    def own_columns(self) -> Any:
        """Return the schema of our own columns; a column that no row has is left out, but for the first two."""
        raise NotImplementedError

    def row_of(self, result: Any) -> dict[str, Any]:
        """Return a result as a row."""
        raise NotImplementedError

    def encode(self, entries: Sequence[Any | Rejected]) -> tuple[bytes, ...]:
        """Return a line of JSON for each result."""
        return (b"".join(json_line(self.row_of(result)) for result in results_of(entries)),)

    def finish(self, spool: Path, targets: Sequence[Path]) -> None:
        """Write the file, some rows at a time: once through all of them for the types, once more to write."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        own = self.own_columns()
        schema, as_json = _schema_of(spool, own)
        with new_file(targets[0]) as path, pq.ParquetWriter(path, schema) as writer:
            for rows in _batches(spool):
                for row in rows:
                    for name in as_json & row.keys():
                        row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
                writer.write_table(pa.Table.from_pylist(rows, schema))


def _batches(spool: Path) -> Iterator[list[dict[str, Any]]]:
    lines = json_lines_of(spool)
    while rows := list(itertools.islice(lines, _ROWS)):
        yield rows


def _schema_of(spool: Path, own: Any) -> tuple[Any, set[str]]:
    """Return the columns of all rows, and which of them hold JSON."""
    import pyarrow as pa

    types: dict[str, Any] = {}
    found = set(own.names[:2])
    as_json: set[str] = set()
    for rows in _batches(spool):
        names = dict.fromkeys(name for row in rows for name in row)
        found |= set(names) & set(own.names)
        for name in names:
            if name in own.names or name in as_json:
                continue
            kind = _type_of([row.get(name) for row in rows], types.get(name))
            if kind is None:
                as_json.add(name)
            types[name] = pa.string() if kind is None else kind
    fields = [field for field in own if field.name in found]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in types.items())]), as_json


def _type_of(values: Sequence[Any], before: Any) -> Any:
    """Return a type that holds values and those of an earlier type; None where there is none."""
    import pyarrow as pa

    try:
        kind = pa.array(values).type
        if before is not None:
            both = [pa.schema({"column": one}) for one in (before, kind)]
            kind = pa.unify_schemas(both, promote_options="permissive").field(0).type
    except (pa.ArrowException, OverflowError):
        return None
    return None if _is_empty(kind) else kind


def _is_empty(kind: Any) -> bool:
    """Return whether a type holds objects without any field, which Parquet has no place for."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(_is_empty(kind.field(at).type) for at in range(kind.num_fields))
    return pa.types.is_list(kind) and _is_empty(kind.value_type)
