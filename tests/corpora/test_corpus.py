"""A corpus of whatever format: the reader is chosen by name, and all problems come at once."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from nlp_pipeline.corpora import corpus
from nlp_pipeline.corpora.corpus import read_corpus
from nlp_pipeline.errors import CorpusError
from tests.corpora.drawn_sentences import bare
from tests.corpora.test_hub import write_parquet

COLUMNS = "Ana B-PER\nleft O\n"
OBJECT = '{"words": ["Ana", "left"], "tags": ["B-PER", "O"]}\n'
EXPECTED = [(("Ana", "left"), ("B-PER", "O"))]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.conll", COLUMNS, {}),
        ("a", COLUMNS, {}),
        ("a.txt.gz", COLUMNS, {}),
        ("a.jsonl", OBJECT, {}),
        ("a.json", OBJECT, {}),
        ("a.jsonl.gz", OBJECT, {}),
        ("a.txt", OBJECT, {"format": "jsonl"}),
        ("a.jsonl", COLUMNS, {"format": "conll"}),
        ("a.tsv", "1\tAna\tS-PER\tx\n2\tleft\tO\tx\n", {"word_column": 1, "tag_column": -2, "separator": "tab"}),
    ],
)
def test_the_reader_is_chosen_by_name(tmp_path: Path, name: str, content: str, options: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    assert bare(read_corpus(str(path), **options)) == EXPECTED


def test_parquet_and_folders_are_datasets(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "test.parquet", [["Ana", "left"]], [["B-PER", "O"]])
    assert bare(read_corpus(str(path))) == EXPECTED
    assert bare(read_corpus(str(tmp_path), split="test")) == EXPECTED


def test_a_hub_is_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def read_dataset(source: str, problems: object, **options: Any) -> list[Any]:
        asked.append((source, options))
        return []

    monkeypatch.setattr(corpus, "read_dataset", read_dataset)
    read_corpus("hub:owner/name", split="dev", config="en", words="w", tags="t")
    options = {"split": "dev", "config": "en", "words": "w", "tags": "t", "scheme": "auto"}
    assert asked == [("hub:owner/name", options)]


def test_the_first_twenty_problems_are_told_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a O\n" + "b X\n" * 25, encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        read_corpus(str(path))
    lines = str(caught.value).splitlines()
    assert lines[:20] == [f"{path}:{n}: expected a tag of the scheme IOB2, received 'X'" for n in range(2, 22)]
    assert lines[20:] == ["... and 5 more problems of this kind"]


@pytest.mark.parametrize("name", ["none.conll", "none.jsonl", "none.gz"])
def test_a_file_that_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_corpus(str(tmp_path / name))
    assert str(caught.value) == f"{tmp_path / name}: expected a file, received nothing: there is no such file"


@pytest.mark.parametrize("format", ["conll", "jsonl"])
def test_a_directory_where_a_file_is_meant(tmp_path: Path, format: Any) -> None:  # noqa: A002
    with pytest.raises(CorpusError) as caught:
        read_corpus(str(tmp_path), format=format)
    assert str(caught.value) == f"{tmp_path}: expected a file, received a directory"


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(CorpusError, match=r"received nothing|File name too long"):
            read_corpus(str(tmp_path / name))
