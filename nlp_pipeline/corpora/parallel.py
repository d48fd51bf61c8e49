"""A parallel corpus, whatever its format: pairs of a sentence and its translation."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from nlp_pipeline.corpora.aligned import read_aligned
from nlp_pipeline.corpora.hub import HUB_PREFIX, read_dataset_pairs
from nlp_pipeline.corpora.lines import name_of, read_lines
from nlp_pipeline.corpora.sides import BOTH_EMPTY, Empty, SideCheck
from nlp_pipeline.errors import CorpusError, Problem, Problems
from nlp_pipeline.text.pair import SentencePair

PairFormat = Literal["auto", "tsv", "jsonl", "dataset"]
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOTHING = "expected sentence pairs, received only empty lines"


def read_parallel(
    *,
    source: str | None = None,
    target: str | None = None,
    pairs: str | None = None,
    format: PairFormat = "auto",  # noqa: A002 - it is the recipe's word for it
    split: str = "test",
    config: str | None = None,
    source_field: str = "source",
    target_field: str = "target",
    empty: Empty = "refuse",
) -> tuple[list[SentencePair], dict[str, int]]:
    """Read a parallel corpus: either `source` and `target`, or `pairs`.

    Args:
        source: a file of sentences, one a line.
        target: the file of their translations.
        pairs: one file of both, a folder of Parquet files, or `hub:owner/name`.
        format: of `pairs`: `tsv`, `jsonl`, `dataset`, or `auto` for what the name says: `.jsonl` and `.json`; a folder,
            `.parquet` and `hub:`; anything else has tab-separated columns.
        split: of a dataset.
        config: of a dataset on the hub; of a folder, its sub-folder.
        source_field: where the source is: the key of a JSON object, or the column of a dataset (`translation.en` for a
            key within another), or the number, from 0, of a tab-separated column (`source` is 0).
        target_field: where the target is, likewise (`target` is 1).
        empty: whether a pair with one empty side is a problem, or dropped.

    Returns:
        The pairs, and how many were dropped, as `one_empty` and `both_empty`.

    Raises:
        CorpusError: with every problem, the first 20 word for word.
        ValueError: for neither or both of the two ways.
    """
    problems, dropped = Problems(), Counter({"one_empty": 0, BOTH_EMPTY: 0})
    choice: dict[str, Any] = {"empty": empty, "dropped": dropped}
    if pairs is None:
        if source is None or target is None:
            raise ValueError("expected source and target, or pairs. Received: neither")
        found = list(read_aligned(source, target, problems, **choice))
    elif source is not None or target is not None:
        raise ValueError("expected source and target, or pairs. Received: both")
    else:
        chosen = _format_of(pairs) if format == "auto" else format
        if chosen == "jsonl":
            found = list(read_pairs_jsonl(pairs, problems, source_field, target_field, **choice))
        elif chosen == "dataset":
            fields = {"source_field": source_field, "target_field": target_field}
            rows = read_dataset_pairs(pairs, problems, split=split, config=config, **fields)
            shown = (f"'{source_field}'", f"'{target_field}'")
            found = list(_with_both_sides(rows, f"{pairs}:{split}", shown, problems, empty, dropped))
        else:
            columns = _column(source_field, "source", pairs), _column(target_field, "target", pairs)
            if columns[0] == columns[1]:
                message = f"expected two columns (source_field, target_field), received {columns[0]} for both"
                raise CorpusError([Problem(name_of(pairs), message)])
            found = list(read_tsv(pairs, problems, *columns, **choice))
    if not found and not problems.count:
        problems.add(name_of(source or pairs or ""), "expected sentence pairs, received none")
    problems.raise_if_any()
    return found, dict(dropped)


def _format_of(pairs: str) -> PairFormat:
    path = Path(pairs)
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix
    # os.path, since Path.is_dir() raises where a name is too long.
    if pairs.startswith(HUB_PREFIX) or suffix == ".parquet" or os.path.isdir(pairs):  # noqa: PTH112
        return "dataset"
    return "jsonl" if suffix in (".jsonl", ".json") else "tsv"


def _column(field: str, side: str, pairs: str) -> int:
    """Return the number of a tab-separated column."""
    if field == side:
        return 0 if side == "source" else 1
    if not re.fullmatch("[0-9]{1,4}", field):
        message = f"expected the number, from 0, of the {side}'s column ({side}_field), received '{field}'"
        raise CorpusError([Problem(name_of(pairs), message)])
    return int(field)


def read_tsv(
    source: str | Path,
    problems: Problems,
    source_column: int = 0,
    target_column: int = 1,
    *,
    empty: Empty = "refuse",
    dropped: Counter[str] | None = None,
) -> Iterator[SentencePair]:
    """Yield the pairs of a file of tab-separated columns, as Tatoeba's are; further columns are free, and quotes text.

    Args:
        source: a file, perhaps gzipped; `-` is standard input.
        problems: takes what is wrong, each with its line; such a line is left out.
        source_column: the source's, from 0.
        target_column: the target's.
        empty: whether a pair with one empty side is a problem, or dropped. One with two is always dropped.
        dropped: counts what is dropped, as `one_empty` and `both_empty`; an empty line is the latter.
    """
    dropped = Counter() if dropped is None else dropped
    rows = _tsv_rows(source, problems, source_column, target_column, dropped)
    shown = (f"column {source_column}", f"column {target_column}")
    yield from _with_both_sides(rows, name_of(source), shown, problems, empty, dropped)


def _tsv_rows(
    source: str | Path, problems: Problems, source_column: int, target_column: int, dropped: Counter[str]
) -> Iterator[SentencePair]:
    name = name_of(source)
    needed = max(source_column, target_column) + 1
    found, before = False, problems.count
    for number, line in read_lines(source, problems):
        if not line.strip():
            dropped[BOTH_EMPTY] += 1
            continue
        found = True
        columns = line.split("\t")
        if len(columns) < needed:
            received = f"{len(columns)}: {line[:40]!r}"
            problems.add(f"{name}:{number}", f"expected at least {needed} tab-separated columns, received {received}")
            continue
        yield SentencePair(columns[source_column], columns[target_column], f"{name}:{number}")
    if not found and problems.count == before:
        problems.add(name, _NOTHING)


def read_pairs_jsonl(
    source: str | Path,
    problems: Problems,
    source_field: str = "source",
    target_field: str = "target",
    *,
    empty: Empty = "refuse",
    dropped: Counter[str] | None = None,
) -> Iterator[SentencePair]:
    """Yield the pairs of a file of JSON lines, such as `{"source": "Hi.", "target": "Salut."}`.

    Args:
        source: a file, perhaps gzipped; `-` is standard input.
        problems: takes what is wrong, each with its line; such a line is left out.
        source_field: the key of the source; `translation.en` for `{"translation": {"en": "Hi.", "fr": "Salut."}}`.
        target_field: the key of the target.
        empty: whether a pair with one empty side is a problem, or dropped. One with two is always dropped.
        dropped: counts what is dropped, as `one_empty` and `both_empty`; an empty line is the latter.
    """
    dropped = Counter() if dropped is None else dropped
    rows = _json_rows(source, problems, (source_field, target_field), dropped)
    shown = (f"'{source_field}'", f"'{target_field}'")
    yield from _with_both_sides(rows, name_of(source), shown, problems, empty, dropped)


def _json_rows(
    source: str | Path, problems: Problems, fields: tuple[str, str], dropped: Counter[str]
) -> Iterator[SentencePair]:
    name = name_of(source)
    found, before = False, problems.count
    for number, line in read_lines(source, problems):
        if not line.strip():
            dropped[BOTH_EMPTY] += 1
            continue
        found = True
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "what cannot be read"
            problems.add(f"{name}:{number}", f"expected a JSON object, received: {reason}")
            continue
        try:
            one, other = (_text_at(content, field) for field in fields)
        except ValueError as error:
            problems.add(f"{name}:{number}", str(error))
        else:
            yield SentencePair(one, other, f"{name}:{number}")
    if not found and problems.count == before:
        problems.add(name, _NOTHING)


def _text_at(content: Any, field: str) -> str:
    """Return the text of a key, or of a key within another.

    Raises:
        ValueError: says what was expected.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, received {_shown(content)}")
    found: Any = content
    for key in [field] if field in content else field.split("."):
        if not isinstance(found, dict) or key not in found:
            received = ", ".join(map(repr, list(found)[:5])) if isinstance(found, dict) else _shown(found)
            raise ValueError(f"expected the key '{field}', received {received[:120] or 'no keys at all'}")
        found = found[key]
    if not isinstance(found, str):
        raise ValueError(f"expected '{field}' to be a string, received {_shown(found)}")
    if _SURROGATE.search(found):
        raise ValueError(f"expected '{field}' to be Unicode text, received a lone surrogate")
    return found


def _shown(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _with_both_sides(
    pairs: Iterable[SentencePair],
    name: str,
    fields: tuple[str, str],
    problems: Problems,
    empty: Empty,
    dropped: Counter[str],
) -> Iterator[SentencePair]:
    """Yield the pairs of which both sides hold a sentence."""
    nothing = [Problem(name, f"expected sentences in {field}, received only empty ones") for field in fields]
    check = SideCheck((nothing[0], nothing[1]), problems, empty, dropped)
    for pair in pairs:
        if check.keeps(pair.source, pair.target, partial(_empty_field, pair.place, fields)):
            yield pair
    check.finish()


def _empty_field(place: str, fields: tuple[str, str], side: int) -> Problem:
    message = f"expected a sentence in {fields[side]}, received an empty one; {fields[1 - side]} holds one"
    return Problem(place, message)


def filter_pairs(
    pairs: Iterable[SentencePair], longest_words: int | None, longest_characters: int | None, ratio: float | None
) -> tuple[list[SentencePair], dict[str, int]]:
    """Leave out pairs that are too long, or of which one side is too long for the other.

    Args:
        pairs: in any order, which stays.
        longest_words: how many words, between white space, a side has at most; None for no limit.
        longest_characters: how many code points likewise.
        ratio: how many times the code points of the shorter side the longer one has at most.

    Returns:
        What is left, and how many each rule left out; a pair counts for the first of the rules that it breaks.
    """
    kept: list[SentencePair] = []
    left_out = {"longest_words": 0, "longest_characters": 0, "ratio": 0}
    for pair in pairs:
        shorter, longer = sorted((len(pair.source), len(pair.target)))
        if longest_words is not None and any(len(side.split()) > longest_words for side in (pair.source, pair.target)):
            left_out["longest_words"] += 1
        elif longest_characters is not None and longer > longest_characters:
            left_out["longest_characters"] += 1
        elif ratio is not None and longer > ratio * shorter:
            left_out["ratio"] += 1
        else:
            kept.append(pair)
    return kept, left_out
