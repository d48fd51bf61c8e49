"""CoNLL columns: there and back in every scheme, every layout of columns, and every row that is wrong."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.corpora.conll import read_conll, write_conll
from nlp_pipeline.errors import CorpusError, Problems
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from tests.corpora.drawn_sentences import bare, corpora


def read(path: Path, content: str, **options: Any) -> tuple[list[Sentence], list[str]]:
    """Return the sentences of a file and its problems, whose places are `train.conll:LINE`."""
    path.write_bytes(content.encode())
    problems = Problems()
    sentences = list(read_conll(path, problems, **options))
    return sentences, [str(problem).replace(f"{path.parent}/", "") for problem in problems.listed]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.conll"


@given(
    corpus=corpora,
    documents=st.lists(st.integers(0, 1), min_size=6, max_size=6),
    scheme=st.sampled_from(Scheme),
    separator=st.sampled_from([" ", "\t"]),
)
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: list[Sentence],
    documents: list[int],
    scheme: Scheme,
    separator: str,
) -> None:
    numbers = [sum(documents[1 : number + 1]) for number in range(len(corpus))]
    corpus = [replace(one, document=number) for one, number in zip(corpus, numbers, strict=True)]
    written = [replace(one, tags=tuple(tags_from_entities(one.entities, len(one.words), scheme))) for one in corpus]
    stream = io.StringIO()
    write_conll(stream, written, separator=separator)
    path = tmp_path_factory.mktemp("conll") / "train.conll"
    name: Any = "tab" if separator == "\t" else "space"
    found, problems = read(path, stream.getvalue(), scheme=scheme, separator=name)
    assert problems == []
    assert bare(found) == bare(corpus)
    assert [one.document for one in found] == numbers
    detected, problems = read(path, stream.getvalue())
    assert problems == []
    assert [one.words for one in detected] == [one.words for one in corpus]
    untagged, _ = read(path, stream.getvalue(), tag_column=None, separator=name)
    assert bare(untagged) == [(one.words, None) for one in corpus]


def test_a_sentence_knows_where_it_stands(path: Path) -> None:
    content = "\n-DOCSTART- -X- O\n\nAna NNP B-PER\nleft VBD O\n\n\n-DOCSTART- -X- O\n\n# # O\n"
    sentences, problems = read(path, content)
    assert problems == []
    assert sentences == [
        Sentence(("Ana", "left"), ("B-PER", "O"), document=0, place=f"{path}:4"),
        Sentence(("#",), ("O",), document=1, place=f"{path}:10"),
    ]


@pytest.mark.parametrize(
    ("content", "options", "words", "tags"),
    [
        ("Ana B-PER\nleft O\n", {}, ("Ana", "left"), ("B-PER", "O")),
        ("Ana B-PER\nleft O", {}, ("Ana", "left"), ("B-PER", "O")),
        ("\ufeffAna B-PER\r\nleft O\r\n\r\n", {}, ("Ana", "left"), ("B-PER", "O")),
        ("Ana   B-PER \nleft  O\n", {}, ("Ana", "left"), ("B-PER", "O")),
        ("New York\tB-LOC\nnow\tO\n", {}, ("New York", "now"), ("B-LOC", "O")),
        ("-DOCSTART-\n\nNew York\tB-LOC\n", {}, ("New York",), ("B-LOC",)),
        ("New\tYork B-LOC\n", {"separator": "space"}, ("New",), ("B-LOC",)),
        ("1\tAna\tB-PER\t_\n", {"word_column": 1, "tag_column": 2}, ("Ana",), ("B-PER",)),
        ("1 Ana B-PER _\n", {"word_column": -3, "tag_column": -2}, ("Ana",), ("B-PER",)),
        ("B-PER Ana\n", {"word_column": -1, "tag_column": 0}, ("Ana",), ("B-PER",)),
        ("B-PER Ana x\n", {"word_column": 1, "tag_column": -3}, ("Ana",), ("B-PER",)),
        ("a\u00a0b\u2028c O\n", {}, ("a\u00a0b\u2028c",), ("O",)),
        ("a B-X\nb E-X\n", {}, ("a", "b"), ("B-X", "I-X")),
        ("a B-X\nb L-X\nc U-Y\n", {}, ("a", "b", "c"), ("B-X", "I-X", "B-Y")),
        ("a I-X\nb B-X\n", {}, ("a", "b"), ("B-X", "B-X")),
        ("# O\n#x O\n", {}, ("#", "#x"), ("O", "O")),
        ("Ana\tB-PER\nleft\tO\t \t\n", {}, ("Ana", "left"), ("B-PER", "O")),
        ("Ana\tB-PER\tx\nleft\tO\t\n", {"tag_column": 1}, ("Ana", "left"), ("B-PER", "O")),
        ("-DOCSTART- -X- O O\n\nAna NNP B-PER\n", {}, ("Ana",), ("B-PER",)),
    ],
)
def test_columns_and_schemes(
    path: Path, content: str, options: dict[str, Any], words: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    sentences, problems = read(path, content, **options)
    assert problems == []
    assert bare(sentences) == [(words, tags)]


def test_a_border_between_documents_ends_a_sentence(path: Path) -> None:
    sentences, problems = read(path, "a O\n-DOCSTART- O\nb O\n")
    assert problems == []
    assert [(one.words, one.document) for one in sentences] == [(("a",), 0), (("b",), 1)]


@pytest.mark.parametrize(
    ("border", "options"),
    [
        ("0 -DOCSTART- O", {"word_column": 1}),
        ("0\t-DOCSTART-\tO", {"word_column": 1}),
        ("-DOCSTART- -X- O", {"word_column": 1}),
        ("-DOCSTART-\t-X-\tO", {"word_column": -2}),
        ("-DOCSTART-", {"word_column": 1, "separator": "tab"}),
        ("O -DOCSTART-", {"word_column": -1, "tag_column": -2}),
    ],
)
def test_a_border_is_looked_for_in_the_first_column_and_in_that_of_the_words(
    path: Path, border: str, options: dict[str, Any]
) -> None:
    separator = "\t" if "\t" in border or options.get("separator") else " "
    row = separator.join(["O", "x", "O"] if len(border.split()) != 2 else ["O", "x"])
    sentences, problems = read(path, f"{border}\n{row}\n{border}\n\n{row}\n", **options)
    assert problems == []
    assert [(one.words, one.document) for one in sentences] == [(("x",), 0), (("x",), 1)]


def test_every_row_has_as_many_columns_as_the_first(path: Path) -> None:
    content = "-DOCSTART- -X- O O\n\nAna B-PER\nNew York B-LOC\n\nx O\n\nNew York now B-LOC\n"
    sentences, problems = read(path, content)
    assert problems == [f"train.conll:{n}: expected 2 columns, as in line 3, received {m}" for n, m in ((4, 3), (8, 4))]
    assert bare(sentences) == [(("x",), ("O",))]
    _, problems = read(path, "Ana\nNew York\n", tag_column=None)
    assert problems == ["train.conll:2: expected 1 columns, as in line 1, received 2"]
    _, problems = read(path, "a\nAna\tNNP\tB-PER\nleft\tO\n", separator="tab")
    assert problems == [
        "train.conll:1: expected at least 2 columns, received 1",
        "train.conll:3: expected 3 columns, as in line 2, received 2",
    ]


@pytest.mark.parametrize("end", ["\r", "\r\r\n"])
def test_a_cr_that_ends_no_line_is_told(path: Path, end: str) -> None:
    sentences, problems = read(path, f"A B-PER{end}B O{end}")
    message = "expected lines that end in LF or CR LF, received a CR within a line"
    assert problems == [f"train.conll:{line + 1}: {message}" for line in range(1 if end == "\r" else 2)]
    assert sentences == []


def test_a_type_that_no_column_can_hold_is_refused(path: Path) -> None:
    sentences, problems = read(path, "Ana\tB-PERSON NAME\nReis\tI-PERSON NAME\n\nBo\tB-PER\n")
    assert problems == ["train.conll:1: expected an entity type without white space or NUL, received 'PERSON NAME'"]
    assert bare(sentences) == [(("Bo",), ("B-PER",))]


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("Ana B-PER\nleft\n", {}, ["train.conll:2: expected at least 2 columns, received 1"]),
        ("O\n", {}, ["train.conll:1: expected at least 2 columns, received 1"]),
        ("a O\n", {"word_column": 2}, ["train.conll:1: expected at least 4 columns, received 2"]),
        ("a O\n", {"tag_column": -4}, ["train.conll:1: expected at least 5 columns, received 2"]),
        ("a\n", {"word_column": 1, "tag_column": None}, ["train.conll:1: expected at least 2 columns, received 1"]),
        ("Ana\tO\n \tO\n", {}, ["train.conll:2: expected a word in column 0, received nothing"]),
        ("a O\nb X-PER\n", {}, ["train.conll:2: expected a tag of the scheme IOB2, received 'X-PER'"]),
        ("a B-\n", {}, ["train.conll:1: expected a tag of the scheme IOB2, received 'B-'"]),
        ("a\tO\nb\t\n", {}, ["train.conll:2: expected a tag of the scheme IOB2, received ''"]),
        (
            "a O\nb I-PER\n",
            {"scheme": Scheme.IOB2},
            ["train.conll:2: expected 'I-PER' to follow its beginning in IOB2, received none"],
        ),
        (
            "a B-X\nb O\n",
            {"scheme": Scheme.IOBES},
            ["train.conll:2: expected the X that is open in IOBES to go on, received 'O'"],
        ),
        (
            "a O\nb B-X\n",
            {"scheme": Scheme.BILOU},
            ["train.conll:2: expected the end of the X in BILOU, received 'B-X'"],
        ),
        (
            "a B-X\n",
            {"scheme": Scheme.IOB1},
            ["train.conll:1: expected 'B-' in IOB1 only behind its own type, received 'B-X'"],
        ),
        ("\n \n\t\n", {}, ["train.conll: expected sentences, received only empty lines"]),
        ("-DOCSTART- O\n\n", {}, ["train.conll: expected sentences, received only empty lines"]),
        ("", {}, ["train.conll: expected lines, received an empty file"]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    path: Path, content: str, options: dict[str, Any], expected: list[str]
) -> None:
    sentences, problems = read(path, content, **options)
    assert problems == expected
    assert sentences == []


def test_every_row_that_is_wrong_is_told_under_the_scheme_that_fits_most(path: Path) -> None:
    content = "a B-X\nb I-X\n\nc B-X\nd B-X\n\ne O\nf I-X\ng I-X\nh O\ni Q\nj B-X\nk I-Y\n"
    sentences, problems = read(path, content)
    missing = "to follow its beginning in IOB2, received none"
    assert problems == [
        f"train.conll:8: expected 'I-X' {missing}",
        f"train.conll:9: expected 'I-X' {missing}",
        "train.conll:11: expected a tag of the scheme IOB2, received 'Q'",
        f"train.conll:13: expected 'I-Y' {missing}",
    ]
    assert [one.place for one in sentences] == [f"{path}:1", f"{path}:4"]


def test_the_problems_of_a_file_come_together(path: Path) -> None:
    _, problems = read(path, "a\nb O\n\nc O\n\nd\n")
    assert problems == [f"train.conll:{line}: expected at least 2 columns, received 1" for line in (1, 6)]


def test_words_alone_are_a_stream(path: Path) -> None:
    path.write_bytes(b"a\nb\n\nc\n\n")
    stream = read_conll(path, Problems(), tag_column=None)
    assert next(stream).words == ("a", "b")
    with path.open("ab") as file:
        file.write(b"d\n")
    assert [one.words for one in stream] == [("c",), ("d",)]


@pytest.mark.parametrize(
    ("word", "tag", "message"),
    [
        ("New York", "O", "p.jsonl:3: expected a word without white space or NUL for a column, received 'New York'"),
        ("a\n", "O", "p.jsonl:3: expected a word without white space or NUL for a column, received 'a\\n'"),
        ("a\0", "O", "p.jsonl:3: expected a word without white space or NUL for a column, received 'a\\x00'"),
        ("a", "B-A B", "p.jsonl:3: expected a tag without white space or NUL for a column, received 'B-A B'"),
        ("-DOCSTART-", "O", "p.jsonl:3: expected a word that is no border between documents, received '-DOCSTART-'"),
    ],
)
def test_what_would_not_come_back_is_not_written(word: str, tag: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        write_conll(io.StringIO(), [Sentence((word,), (tag,), place="p.jsonl:3")])
    assert str(caught.value) == message


def test_a_first_word_that_looks_like_a_byte_order_mark_comes_back(path: Path) -> None:
    corpus = [Sentence(("\ufeffAna", "\ufeff"), ("B-PER", "O")), Sentence(("\ufeff",), ("O",))]
    stream = io.StringIO()
    write_conll(stream, corpus)
    sentences, problems = read(path, stream.getvalue())
    assert problems == []
    assert bare(sentences) == bare(corpus)


def test_what_is_written() -> None:
    stream = io.StringIO()
    write_conll(stream, [Sentence(("Ana", "left"), ("B-PER", "O")), Sentence(("So",), ("O",), document=1)])
    assert stream.getvalue() == "Ana B-PER\nleft O\n\n-DOCSTART- O\n\nSo O\n\n"
    stream = io.StringIO()
    write_conll(stream, [Sentence(("Ana",)), Sentence(("left",), document=4)])
    assert stream.getvalue() == "Ana\n\n-DOCSTART-\n\nleft\n\n"
