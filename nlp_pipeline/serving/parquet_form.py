"""Results as the rows of a Parquet file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.records import Rejected
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.forms import Form, json_line, json_lines_of, results_of

_ROWS = 1000
"""Rows that are held at once."""

_DEEPEST = 40
"""Levels of lists and objects that a column may have: more can be written, but from 50 lists on not be read again."""


class ParquetForm(Form):
    """A row a result.

    Columns that records bring along get a type that holds all their values; where there is none, such as for numbers
    and texts mixed, or for integers and fractions where a float would round one of the integers, they are JSON as text.
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
        """Write the file, some rows at a time: once through all of them for the types, once more to write.

        Where a column's type turns out not to hold all of its values, the column becomes JSON, and it is written anew.
        """
        own = self.own_columns()
        types, as_json = _types_of(spool, own)
        with new_file(targets[0]) as path:
            while unfit := _write(spool, path, own, types, as_json):
                as_json |= unfit


def _batches(spool: Path) -> Iterator[list[dict[str, Any]]]:
    lines = json_lines_of(spool)
    while rows := list(itertools.islice(lines, _ROWS)):
        yield rows


def _types_of(spool: Path, own: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the type of each column that rows have, and which of them hold JSON."""
    types: dict[str, Any] = {field.name: field.type for field in list(own)[:2]}
    as_json: set[str] = set()
    for rows in _batches(spool):
        for name in dict.fromkeys(name for row in rows for name in row):
            if name in own.names:
                types[name] = own.field(name).type
            elif name not in as_json:
                types[name] = _type_of([row.get(name) for row in rows], types.get(name))
                if types[name] is None:
                    as_json.add(name)
    return types, as_json


def _write(spool: Path, path: Path, own: Any, types: Mapping[str, Any], as_json: Set[str]) -> set[str]:
    """Write a file.

    Args:
        spool: the rows.
        path: the file.
        own: our columns.
        types: the types of all columns.
        as_json: those that hold JSON.

    Returns:
        The columns that cannot be written with their types; where there are any, the file is not whole.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    others = [(name, pa.string() if name in as_json else kind) for name, kind in types.items() if name not in own.names]
    schema = pa.schema([*(field for field in own if field.name in types), *others])
    # A file, since Arrow takes no name that is not Unicode.
    with path.open("wb") as file, pq.ParquetWriter(file, schema) as writer:
        for rows in _batches(spool):
            for row in rows:
                for name in as_json & row.keys():
                    row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
            try:
                writer.write_table(pa.Table.from_pylist(rows, schema))
            except (pa.ArrowException, OverflowError):
                typed = {name: kind for name, kind in others if name not in as_json}
                unfit = {name for name, kind in typed.items() if not _is_fit(kind, [row.get(name) for row in rows])}
                if not typed:
                    raise
                return unfit or set(typed)
    return set()


def _is_fit(kind: Any, values: Sequence[Any]) -> bool:
    import pyarrow as pa

    try:
        pa.array(values, kind)
    except (pa.ArrowException, OverflowError):
        return False
    return True


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
    return kind if _is_writable(kind) else None


def _is_writable(kind: Any, levels: int = _DEEPEST) -> bool:
    """Return whether a Parquet file has a place for a type: none has one for objects without any field."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        inner = [kind.field(at).type for at in range(kind.num_fields)]
        return levels > 0 and bool(inner) and all(_is_writable(one, levels - 1) for one in inner)
    return not pa.types.is_list(kind) or (levels > 0 and _is_writable(kind.value_type, levels - 1))
