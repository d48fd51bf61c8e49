"""The rows of a Parquet file: a column of texts, and what else there is; row group by row group, never the whole."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.records import Consumed, InputRecord, Item, Position, ReadOptions, Rejected
from nlp_pipeline.errors import CorpusError, Problem

ROWS = 500
"""Rows that are held at once."""


@contextmanager
def open_parquet(path: str, options: ReadOptions) -> Iterator[Any]:
    """Open a Parquet file that has a column of texts.

    Yields:
        the `ParquetFile`.

    Raises:
        CorpusError: where it is none, has no such column, or has two of one name where all of them are wanted.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, text_field = name_of(path), options.text_field
    with ExitStack() as stack:
        try:
            # A file, since Arrow takes no name that is not Unicode.
            file = pq.ParquetFile(stack.enter_context(Path(path).open("rb")))
        except (pa.ArrowException, OSError, ValueError) as error:  # the last for a NUL in the name
            raise CorpusError([Problem(name, f"expected a Parquet file, received: {_told(error)}")]) from None
        schema = file.schema_arrow
        if schema.names.count(text_field) != 1:
            columns = ", ".join(map(repr, schema.names[:5])) or "no columns at all"
            raise CorpusError([Problem(name, f"expected a column '{text_field}', received {columns}")])
        kind = schema.field(text_field).type
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)):
            raise CorpusError([Problem(name, f"expected the column '{text_field}' to hold strings, received {kind}")])
        twice = [f"'{column}'" for column, count in Counter(schema.names).items() if count > 1]
        if options.with_fields and twice:
            message = f"expected columns of different names, received more than one {', '.join(twice[:5])}"
            raise CorpusError([Problem(name, message)])
        yield file


def _told(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def parquet_records(path: str, options: ReadOptions, start: Position, consumed: Consumed | None) -> Iterator[Item]:
    """Yield the rows of a file; as `read_records`.

    Where a row group breaks off, each row that is left of it is rejected, and the next row group follows.

    Raises:
        CorpusError: as `open_parquet`.
    """
    with open_parquet(path, options) as file:
        size, rows, end = Path(path).stat().st_size, file.metadata.num_rows, 0
        for group in range(file.num_row_groups):
            first, end = end, end + file.metadata.row_group(group).num_rows
            if end <= start.line:
                continue
            for item in _group_of(file, group, range(first, end), options, start.line):
                if consumed is not None:
                    consumed.count = size * item.after.line // rows
                yield item


def _group_of(file: Any, group: int, rows: range, options: ReadOptions, start: int) -> Iterator[Item]:
    """Yield the rows of a row group, from row `start` on, a few at a time."""
    import pyarrow as pa

    columns = None if options.with_fields else [options.text_field]
    at = rows.start
    try:
        for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
            passed = max(0, start - at)
            if passed < batch.num_rows:
                yield from _rows_of(batch.slice(passed), options, at + passed)
            at += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        message = f"expected a whole Parquet file, received: {_told(error)}; rows {at + 1} to {rows.stop} are lost"
        for row in range(max(at, start) + 1, rows.stop + 1):
            yield Rejected(row, message, Position(row, row))


def _rows_of(batch: Any, options: ReadOptions, first: int) -> Iterator[Item]:
    import pyarrow as pa

    text_field = options.text_field
    texts = batch.column(text_field)
    others = {name: batch.column(name) for name in batch.schema.names if name != text_field}
    for index in range(batch.num_rows):
        row = first + index + 1
        after = Position(row, row)
        try:
            text = texts[index].as_py()
            fields: Mapping[str, Any] = {name: _value_of(column[index]) for name, column in others.items()}
        except (ValueError, OverflowError, LookupError, pa.ArrowException) as error:
            reason = "a string that is no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            yield Rejected(row, f"expected values that can be read, received {reason}", after)
            continue
        if text is None:
            yield Rejected(row, f"expected '{text_field}' to be a string, received null", after)
        elif options.for_columns and "\0" in text:
            yield Rejected(row, "expected text without NUL for columns, received one", after)
        else:
            yield InputRecord(row, text, None, fields, after)


def _value_of(scalar: Any) -> Any:
    """Return a value of Parquet as `plain` does; what Python cannot hold of it is its number and type as text.

    Python has no time after the year 9999, and without pandas none in nanoseconds; no zone that is not in its database;
    no object in which a name stands twice, which becomes pairs.
    """
    import pyarrow as pa

    try:
        return plain(scalar.as_py())
    except UnicodeDecodeError:
        raise
    except (ValueError, OverflowError, LookupError, pa.ArrowException):
        if isinstance(scalar, pa.MapScalar):
            pairs = (scalar.values[index] for index in range(len(scalar.values)))
            return [[_value_of(pair[0]), _value_of(pair[1])] for pair in pairs]
        if isinstance(scalar, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
            return [_value_of(inner) for inner in scalar.values]
        if isinstance(scalar, pa.StructScalar):
            fields = [[field.name, _value_of(scalar[index])] for index, field in enumerate(scalar.type)]
            by_name = dict(fields)
            return by_name if len(by_name) == len(fields) else fields
        held = getattr(scalar, "value", None)
        if isinstance(held, pa.Scalar):  # of a dictionary, or under a type that somebody made
            return _value_of(held)
        if isinstance(held, int):
            return f"{held} {scalar.type}"
        raise


def plain(value: Any) -> Any:
    """Return a value of Parquet as JSON can hold it: times and decimals as text, bytes in base 64, no NaN."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
