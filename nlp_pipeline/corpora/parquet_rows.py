"""The rows of a Parquet file: a column of texts, and what else there is; row group by row group, never the whole."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.records import Consumed, InputRecord, Item, Position, ReadOptions, Rejected
from nlp_pipeline.errors import CorpusError, Problem

ROWS = 500
"""Rows that are held at once."""


def open_parquet(path: str, text_field: str) -> Any:
    """Return a Parquet file that has a column of texts.

    Raises:
        CorpusError: where it is none, or has no such column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = name_of(path)
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CorpusError([Problem(name, f"expected a Parquet file, received: {reason}")]) from None
    schema = file.schema_arrow
    if schema.names.count(text_field) != 1:
        columns = ", ".join(map(repr, schema.names[:5])) or "no columns at all"
        raise CorpusError([Problem(name, f"expected a column '{text_field}', received {columns}")])
    kind = schema.field(text_field).type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)):
        raise CorpusError([Problem(name, f"expected the column '{text_field}' to hold strings, received {kind}")])
    return file


def parquet_records(path: str, options: ReadOptions, start: Position, consumed: Consumed | None) -> Iterator[Item]:
    """Yield the rows of a file; as `read_records`.

    Raises:
        CorpusError: as `open_parquet`.
    """
    import pyarrow as pa

    with open_parquet(path, options.text_field) as file:
        size, rows = Path(path).stat().st_size, file.metadata.num_rows
        columns = None if options.with_fields else [options.text_field]
        row = start.line
        try:
            for batch in batches_of(file, row, columns):
                yield from _rows_of(batch, options, row)
                row += batch.num_rows
                if consumed is not None:
                    consumed.count = size * row // rows
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:300]
            message = f"expected a whole Parquet file, received: {reason}; nothing is read from here on"
            yield Rejected(row + 1, message, Position(row, row), True)


def batches_of(file: Any, start: int = 0, columns: list[str] | None = None) -> Iterator[Any]:
    """Yield the rows of an open file from row `start` on, a few at a time, those of one row group together."""
    before = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if before + count > start:
            at = before
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
                if at + batch.num_rows > start:
                    yield batch.slice(max(0, start - at))
                at += batch.num_rows
        before += count


def _rows_of(batch: Any, options: ReadOptions, first: int) -> Iterator[Item]:
    text_field = options.text_field
    texts = batch.column(text_field)
    others = {name: batch.column(name) for name in batch.schema.names if name != text_field}
    for index in range(batch.num_rows):
        row = first + index + 1
        after = Position(row, row)
        try:
            text = texts[index].as_py()
            fields: Mapping[str, Any] = {name: plain(column[index].as_py()) for name, column in others.items()}
        except (UnicodeDecodeError, ValueError, OverflowError) as error:
            reason = "a string that is no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            yield Rejected(row, f"expected values that can be read, received {reason}", after)
            continue
        if text is None:
            yield Rejected(row, f"expected '{text_field}' to be a string, received null", after)
        elif options.for_columns and "\0" in text:
            yield Rejected(row, "expected text without NUL for columns, received one", after)
        else:
            yield InputRecord(row, text, None, fields, after)


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
