"""Parallel corpora in every format: nothing is shifted, and what is wrong is told with its place."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.corpora.aligned import read_aligned
from nlp_pipeline.corpora.parallel import filter_pairs, read_pairs_jsonl, read_parallel, read_tsv
from nlp_pipeline.errors import CorpusError, Problems
from nlp_pipeline.text.pair import SentencePair

PAIRS = [("Go.", "Va !"), ("Hi.", "Salut.")]
sentences = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff\t")).map(lambda text: f"{text}.")


class Files:
    """Writes the two sides into a folder, and reads them."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "a.en", folder / "a.fr"
        self.dropped: Counter[str] = Counter()

    def read(self, source: bytes, target: bytes, **options: Any) -> tuple[list[tuple[str, str, int]], list[str]]:
        """Return the pairs with their lines, and the problems."""
        self.source.write_bytes(source)
        self.target.write_bytes(target)
        problems = Problems()
        pairs = list(read_aligned(self.source, self.target, problems, dropped=self.dropped, **options))
        lines = [int(pair.place.removeprefix(f"{self.source}:")) for pair in pairs]
        found = [(pair.source, pair.target, line) for pair, line in zip(pairs, lines, strict=True)]
        assert problems.count == len(problems.listed)
        return found, [str(problem) for problem in problems.listed]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_two_files_line_by_line(files: Files) -> None:
    received = files.read(b"\xef\xbb\xbfGo.\r\nHi.\n", b"Va !\nSalut.")
    assert received == ([("Go.", "Va !", 1), ("Hi.", "Salut.", 2)], [])
    assert files.dropped == Counter()


@given(pairs=st.lists(st.tuples(sentences, sentences), min_size=1))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    files = Files(tmp_path_factory.mktemp("pairs"))
    source, target = (b"".join(f"{pair[side]}\n".encode() for pair in pairs) for side in (0, 1))
    found, problems = files.read(source, target)
    assert problems == []
    assert found == [(one, other, number) for number, (one, other) in enumerate(pairs, start=1)]


def test_a_line_that_cannot_be_read_shifts_no_other(files: Files) -> None:
    found, problems = files.read(b"a\n\xff\nc\nd\ne\xfe", b"A\nB\nC\n\0\nE")
    assert found == [("a", "A", 1), ("c", "C", 3)]
    assert problems == [
        f"{files.source}:2: expected UTF-8, received byte 0xff (byte 1 of the line)",
        f"{files.target}:4: expected text, received a NUL (byte 1 of the line)",
        f"{files.source}:5: expected UTF-8, received byte 0xfe (byte 2 of the line)",
    ]


@pytest.mark.parametrize(("source", "target"), [(5, 3), (3, 5)])
@pytest.mark.parametrize("last", [b"x", b"\xff"])
def test_a_different_number_of_lines_is_one_problem(files: Files, source: int, target: int, last: bytes) -> None:
    found, problems = files.read(b"x\n" * (source - 1) + last, b"y\n" * target)
    counts = f"{files.source}: expected as many lines as {files.target} has, {target}, received {source}"
    assert problems[-1] == counts
    assert len(problems) == 1 + (last == b"\xff")
    assert {(one, other) for one, other, _ in found} == {("x", "y")}


def test_one_empty_side(files: Files) -> None:
    source, target = b"a\n \t\n\xc2\xa0\ne\nd\n", b"A\nB\n\nE\n\xe2\x80\x8b\n"
    found, problems = files.read(source, target)
    assert found == [("a", "A", 1), ("e", "E", 4)]
    assert problems == [
        f"{files.source}:2: expected a sentence, received an empty line; {files.target}:2 holds one",
        f"{files.target}:5: expected a sentence, received an empty line; {files.source}:5 holds one",
    ]
    assert files.dropped == Counter(both_empty=1)
    files.dropped.clear()
    assert files.read(source, target, empty="drop") == (found, [])
    assert files.dropped == Counter(one_empty=2, both_empty=1)


@pytest.mark.parametrize("empty", ["refuse", "drop"])
def test_a_file_with_only_blank_lines_is_one_problem(files: Files, empty: str) -> None:
    blank = "expected sentences, received only empty lines"
    assert files.read(b"a\nb\n", b"\n \n", empty=empty) == ([], [f"{files.target}: {blank}"])
    assert files.read(b"\n\n", b"\n\n", empty=empty) == ([], [f"{files.source}: {blank}", f"{files.target}: {blank}"])


def test_empty_lines_are_told_beside_other_problems(files: Files) -> None:
    _, problems = files.read(b"a\nb\n\xff\n", b"\n\nC\n")
    assert problems == [
        f"{files.source}:3: expected UTF-8, received byte 0xff (byte 1 of the line)",
        f"{files.target}:1: expected a sentence, received an empty line; {files.source}:1 holds one",
        f"{files.target}:2: expected a sentence, received an empty line; {files.source}:2 holds one",
    ]


def test_a_file_that_is_none_is_told_alone(files: Files, tmp_path: Path) -> None:
    assert files.read(b"", b"a\n")[1] == [f"{files.source}: expected lines, received an empty file"]
    problems = Problems()
    assert list(read_aligned(files.target, tmp_path / "none", problems)) == []
    nothing = "expected a file, received nothing: there is no such file"
    assert [str(one) for one in problems.listed] == [f"{tmp_path / 'none'}: {nothing}"]


def test_packed_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "a.en.gz"
    packed.write_bytes(gzip.compress(b"Go.\nHi.\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Va !\nSalut.\n")))
    problems = Problems()
    pairs = list(read_aligned(packed, "-", problems))
    assert pairs == [SentencePair(*pair, f"{packed}:{number}") for number, pair in enumerate(PAIRS, start=1)]
    assert list(read_aligned("-", "-", problems)) == []
    assert [str(one) for one in problems.listed] == ["<stdin>: expected two files, received standard input for both"]


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a line of some thirty characters\n" * 50_000)
    problems = Problems()
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_aligned(path, path, problems))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, problems.count) == (50_000, 0)
    assert peak < 500_000, "the file has 1.6 MB"


def test_tab_separated_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('Go.\tVa !\tCC-BY 2.0 #1\n\nHi "you".\tSalut.\n', encoding="utf-8")
    problems, dropped = Problems(), Counter[str]()
    assert list(read_tsv(path, problems, dropped=dropped)) == [
        SentencePair("Go.", "Va !", f"{path}:1"),
        SentencePair('Hi "you".', "Salut.", f"{path}:3"),
    ]
    assert (problems.count, dropped) == (0, Counter(both_empty=1))
    assert [pair.source for pair in read_tsv(path, problems, 2, 0)] == ["CC-BY 2.0 #1"]
    expected = f"{path}:3: expected at least 3 tab-separated columns, received 2: 'Hi \"you\".\\tSalut.'"
    assert [str(one) for one in problems.listed] == [expected]


def tsv_problems(path: Path, content: str) -> list[str]:
    path.write_text(content, encoding="utf-8")
    problems = Problems()
    list(read_tsv(path, problems))
    return [str(one).removeprefix(str(path)) for one in problems.listed]


def test_what_is_wrong_with_tab_separated_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    assert tsv_problems(path, "a\tA\nb\t\n") == [
        ":2: expected a sentence in column 1, received an empty one; column 0 holds one"
    ]
    assert tsv_problems(path, "\tA\n\tB\n") == [": expected sentences in column 0, received only empty ones"]
    assert tsv_problems(path, "\n \n") == [": expected sentence pairs, received only empty lines"]
    assert tsv_problems(path, "a A\n") == [":1: expected at least 2 tab-separated columns, received 1: 'a A'"]


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        ([{"source": "Go.", "target": "Va !"}, {"target": "Salut.", "source": "Hi.", "id": 7}], ()),
        ([{"translation": {"en": one, "fr": other}} for one, other in PAIRS], ("translation.en", "translation.fr")),
        ([{"text.en": one, "text": {"fr": other}} for one, other in PAIRS], ("text.en", "text.fr")),
    ],
)
def test_json_lines(tmp_path: Path, rows: list[Any], fields: tuple[str, ...]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    problems, dropped = Problems(), Counter[str]()
    pairs = list(read_pairs_jsonl(path, problems, *fields, dropped=dropped))
    assert pairs == [SentencePair(*PAIRS[0], f"{path}:1"), SentencePair(*PAIRS[1], f"{path}:3")]
    assert (problems.count, dropped) == (0, Counter(both_empty=1))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "expected a JSON object, received: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "expected a JSON object, received: what cannot be read"),
        ("1" * 5_000, "expected a JSON object, received: what cannot be read"),
        ("[1]", "expected a JSON object, received [1]"),
        ("{}", "expected the key 'source', received no keys at all"),
        ('{"source": "a", "x": 1}', "expected the key 'target', received 'source', 'x'"),
        ('{"source": "a", "target": 1}', "expected 'target' to be a string, received 1"),
        ('{"source": null, "target": "A"}', "expected 'source' to be a string, received null"),
        (r'{"source": "\ud800", "target": "A"}', "expected 'source' to be Unicode text, received a lone surrogate"),
        (
            '{"source": "a", "target": ""}',
            "expected a sentence in 'target', received an empty one; 'source' holds one",
        ),
    ],
)
def test_a_line_of_json_that_is_wrong(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"source": "Go.", "target": "Va !"}}\n{line}\n', encoding="utf-8")
    problems = Problems()
    assert [pair.source for pair in read_pairs_jsonl(path, problems)] == ["Go."]
    assert [str(one) for one in problems.listed] == [f"{path}:2: {expected}"]


def test_a_key_within_what_is_no_object(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"translation": "Go."}\n{"translation": {"de": "Los."}}\n', encoding="utf-8")
    problems = Problems()
    assert list(read_pairs_jsonl(path, problems, "translation.en", "translation.fr")) == []
    assert [str(one) for one in problems.listed] == [
        f"{path}:1: expected the key 'translation.en', received \"Go.\"",
        f"{path}:2: expected the key 'translation.en', received 'de'",
    ]
    path.write_text("\n\n", encoding="utf-8")
    problems = Problems()
    assert list(read_pairs_jsonl(path, problems)) == []
    assert [str(one) for one in problems.listed] == [f"{path}: expected sentence pairs, received only empty lines"]


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a.tsv.gz", "a.jsonl", "a.json.gz", "a.parquet", "folder"])
def test_the_format_by_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.startswith("a.j"):
        content = "".join(json.dumps({"source": one, "target": other}) + "\n" for one, other in PAIRS)
    else:
        content = "".join(f"{one}\t{other}\n" for one, other in PAIRS)
    if name in ("a.parquet", "folder"):
        import pyarrow as arrow
        import pyarrow.parquet

        path.mkdir() if name == "folder" else None
        table = arrow.table({"source": [one for one, _ in PAIRS], "target": [other for _, other in PAIRS]})
        arrow.parquet.write_table(table, path / "test.parquet" if name == "folder" else path)
    else:
        path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    pairs, dropped = read_parallel(pairs=str(path))
    assert [(pair.source, pair.target) for pair in pairs] == PAIRS
    assert dropped == {"one_empty": 0, "both_empty": 0}


def test_a_chosen_format_and_other_fields(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    path.write_text('{"t": {"fr": "Va !", "en": "Go."}}\n{"t": {"fr": "", "en": "Hi."}}\n', encoding="utf-8")
    options: dict[str, Any] = {"source_field": "t.en", "target_field": "t.fr", "empty": "drop"}
    pairs, dropped = read_parallel(pairs=str(path), format="jsonl", **options)
    assert pairs == [SentencePair("Go.", "Va !", f"{path}:1")]
    assert dropped == {"one_empty": 1, "both_empty": 0}
    path.write_text("Va !\t7\tGo.\n", encoding="utf-8")
    pairs, _ = read_parallel(pairs=str(path), source_field="2", target_field="0")
    assert pairs == [SentencePair("Go.", "Va !", f"{path}:1")]
    with pytest.raises(CorpusError) as caught:
        read_parallel(pairs=str(path), source_field="t.en")
    assert (
        str(caught.value)
        == f"{path}: expected the number, from 0, of the source's column (source_field), received 't.en'"
    )


def test_every_problem_is_counted(files: Files) -> None:
    files.source.write_bytes(b"a\n" + b"\n" * 30)
    files.target.write_bytes(b"A\n" * 31)
    with pytest.raises(CorpusError) as caught:
        read_parallel(source=str(files.source), target=str(files.target))
    assert (len(caught.value.problems), caught.value.omitted) == (20, 10)
    pairs, dropped = read_parallel(source=str(files.source), target=str(files.target), empty="drop")
    assert (len(pairs), dropped) == (1, {"one_empty": 30, "both_empty": 0})


def test_a_corpus_of_which_nothing_is_left(files: Files) -> None:
    files.source.write_bytes(b"a\n\n")
    files.target.write_bytes(b"\nB\n")
    with pytest.raises(CorpusError) as caught:
        read_parallel(source=str(files.source), target=str(files.target), empty="drop")
    assert str(caught.value) == f"{files.source}: expected sentence pairs, received none"


def test_one_way_of_two() -> None:
    for given_, received in (({}, "neither"), ({"source": "a"}, "neither"), ({"source": "a", "pairs": "b"}, "both")):
        with pytest.raises(ValueError, match=f"Received: {received}"):
            read_parallel(**given_)  # type: ignore[arg-type]


def test_what_the_filter_leaves_out() -> None:
    right = SentencePair("a b c", "A B C")
    long = SentencePair("a b c d", "A")
    wide = SentencePair("a", "A" * 11)
    uneven = SentencePair("a", "AAA B")
    empty = SentencePair("a", "")
    pairs = [right, long, wide, uneven, empty, right]
    kept, left_out = filter_pairs(pairs, longest_words=3, longest_characters=10, ratio=4.0)
    assert kept == [right, right]
    assert left_out == {"longest_words": 1, "longest_characters": 1, "ratio": 2}
    assert filter_pairs(pairs, None, None, None) == (pairs, {"longest_words": 0, "longest_characters": 0, "ratio": 0})
    assert filter_pairs(pairs, None, None, 5.0)[0] == [right, uneven, right]
