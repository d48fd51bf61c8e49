"""JSON lines: both forms there and back, and every object that is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.corpora.jsonl import JsonRecord, read_jsonl, record_of, write_jsonl, write_jsonl_texts
from nlp_pipeline.errors import Problems
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity
from tests.corpora.drawn_sentences import bare, corpora


def read(path: Path, content: str, **options: Any) -> tuple[list[Sentence], list[str]]:
    """Return the sentences of a file and its problems, whose places are `train.jsonl:LINE`."""
    path.write_bytes(content.encode())
    problems = Problems()
    sentences = list(read_jsonl(path, problems, **options))
    return sentences, [str(problem).replace(f"{path.parent}/", "") for problem in problems.listed]


def line_of(**content: Any) -> str:
    return json.dumps(content) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


@given(corpus=corpora, scheme=st.sampled_from(Scheme), ascii_only=st.booleans())
def test_words_and_tags_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[Sentence], scheme: Scheme, ascii_only: bool
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "train.jsonl"
    stream = io.StringIO()
    tags = [tuple(tags_from_entities(one.entities, len(one.words), scheme)) for one in corpus]
    write_jsonl(stream, [Sentence(one.words, given) for one, given in zip(corpus, tags, strict=True)])
    content = stream.getvalue()
    if ascii_only:
        content = "".join(json.dumps(json.loads(line)) + "\n" for line in content.rstrip("\n").split("\n"))
    found, problems = read(path, content, scheme=scheme)
    assert problems == []
    assert bare(found) == bare(corpus)
    assert [(one.document, one.place) for one in found] == [(n, f"{path}:{n + 1}") for n in range(len(corpus))]


@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8"), max_size=20) | st.just("Ana's 😀 cafe\u0301. Bo!"), min_size=1
    ),
    choices=st.data(),
)
def test_texts_and_spans_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], choices: st.DataObject
) -> None:
    corpus: list[tuple[str, list[Sentence]]] = []
    for document, text in enumerate([*texts, "One word at least."]):
        sentences = []
        for offsets in segment(text):
            cuts = sorted(choices.draw(st.sets(st.integers(0, len(offsets)), max_size=4)))
            entities = [Entity(start, end, "X") for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
            tags = tuple(tags_from_entities(entities, len(offsets), Scheme.IOB2))
            words = tuple(text[span.start : span.end] for span in offsets)
            sentences.append(Sentence(words, tags, tuple(offsets), document))
        corpus.append((text, sentences))
    stream = io.StringIO()
    write_jsonl_texts(stream, corpus)
    path = tmp_path_factory.mktemp("jsonl") / "train.jsonl"
    found, problems = read(path, stream.getvalue())
    assert problems == []
    expected = [one for _, sentences in corpus for one in sentences]
    assert bare(found) == bare(expected)
    assert [(one.offsets, one.document) for one in found] == [(one.offsets, one.document) for one in expected]


def test_code_points_are_counted_and_not_bytes_or_utf16(path: Path) -> None:
    text = "😀 É Ana’s\u00a0Oslo. Bo left."
    spans = [{"start": 4, "end": 7, "type": "PER"}, {"start": 16, "end": 18, "label": "PER"}]
    sentences, problems = read(path, line_of(text=text, spans=[spans[1], spans[0]]))
    assert problems == []
    assert [one.words for one in sentences] == [("😀", "É", "Ana", "’s", "Oslo", "."), ("Bo", "left", ".")]
    assert [one.tags for one in sentences] == [("O", "O", "B-PER", "O", "O", "O"), ("B-PER", "O", "O")]
    assert [one.place for one in sentences] == [f"{path}:1"] * 2


def test_other_names_of_the_fields_and_empty_lines(path: Path) -> None:
    content = "\n" + line_of(tokens=["a"], ner_tags=["S-X"], id=3) + "  \n" + line_of(text="b", entities=[])
    sentences, problems = read(path, content)
    assert problems == []
    assert bare(sentences) == [(("a",), ("B-X",)), (("b",), ("O",))]
    assert [(one.document, one.place) for one in sentences] == [(0, f"{path}:2"), (1, f"{path}:4")]


LEFT = "Ana left Oslo."
LINES = "lines that end in LF or CR LF, received a CR within a line"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{bad\n", "expected a JSON object, received: Expecting property name enclosed in double quotes"),
        ("[" * 100_000 + "\n", "expected a JSON object, received: lists or objects that are nested too deeply"),
        ('{"words": ' + "9" * 5000 + "}\n", "expected a JSON object, received: an integer of more than 4300 digits"),
        ("[]\n", "expected a JSON object, received an empty list"),
        ("3\n", "expected a JSON object, received a number"),
        ("null\n", "expected a JSON object, received null"),
        ("{}\n", "expected either 'text' or 'words', received neither among no fields at all"),
        (line_of(x=1), "expected either 'text' or 'words', received neither among 'x'"),
        (line_of(text="a", words=["a"]), "expected either 'text' or 'words', received both"),
        (line_of(text=3), "expected 'text' to be a string, received a number"),
        (line_of(text="a"), "expected 'spans' to be a list, received none"),
        (line_of(text="a", spans={}), "expected 'spans' to be a list, received an object"),
        (line_of(text="a", spans=[3]), "expected a span to be an object, received a number"),
        (line_of(text="a", spans=[{"start": 0}]), 'expected a span with start, end and type, received {"start": 0}'),
        (
            line_of(text="a", spans=[{"start": False, "end": 1, "type": "X"}]),
            'expected a span with start, end and type, received {"start": false, "end": 1, "type": "X"}',
        ),
        (
            line_of(text="a", spans=[{"start": 0, "end": 1, "type": ""}]),
            'expected a span with start, end and type, received {"start": 0, "end": 1, "type": ""}',
        ),
        (
            line_of(text=LEFT, spans=[{"start": 9, "end": 15, "type": "X"}]),
            "expected a span within the 14 characters of the text, received 9 to 15",
        ),
        (
            line_of(text=LEFT, spans=[{"start": 3, "end": 3, "type": "X"}]),
            "expected a span within the 14 characters of the text, received 3 to 3",
        ),
        (
            line_of(text=LEFT, spans=[{"start": -1, "end": 3, "type": "X"}]),
            "expected a span within the 14 characters of the text, received -1 to 3",
        ),
        (
            line_of(text=LEFT, spans=[{"start": 4, "end": 8, "type": "X"}, {"start": 0, "end": 8, "type": "Y"}]),
            "expected spans that do not overlap, received 0 to 8 'Ana left' and 4 to 8 'left'",
        ),
        (
            line_of(text=LEFT, spans=[{"start": 9, "end": 11, "type": "X"}]),
            "expected a span to begin and end with a word, received 9 to 11 'Os', which cuts 'Oslo'",
        ),
        (
            line_of(text=LEFT, spans=[{"start": 1, "end": 8, "type": "X"}]),
            "expected a span to begin and end with a word, received 1 to 8 'na left', which cuts 'Ana'",
        ),
        (
            line_of(text=LEFT, spans=[{"start": 3, "end": 8, "type": "X"}]),
            "expected a span to begin and end with a word, received 3 to 8 ' left' with spaces around it",
        ),
        (
            line_of(text="Ana left. Bo came.", spans=[{"start": 4, "end": 12, "type": "X"}]),
            "expected a span within a sentence, received 4 to 12 'left. Bo', which goes on after its end",
        ),
        (
            line_of(text="Ana  ", spans=[{"start": 3, "end": 5, "type": "X"}]),
            "expected a span with a word in it, received 3 to 5 '  '",
        ),
        (line_of(text="\ud800", spans=[]), "expected 'text' to be Unicode text, received a lone surrogate"),
        (line_of(words=["\ud800"], tags=["O"]), "expected 'words' to be Unicode text, received a lone surrogate"),
        (line_of(words="ab", tags=["O"]), "expected 'words' to be a list of words, received a string"),
        (line_of(words=[], tags=[]), "expected 'words' to be a list of words, received an empty list"),
        (
            line_of(words=["a", ""], tags=["O", "O"]),
            "expected words that are strings, received an empty one as number 1",
        ),
        (line_of(words=["a", 3], tags=["O", "O"]), "expected words that are strings, received a number as number 1"),
        (line_of(words=["a"]), "expected 'tags' to be a list of strings, received none"),
        (line_of(words=["a"], tags={}), "expected 'tags' to be a list of strings, received an object"),
        (line_of(words=["a"], tags=[0]), "expected tags that are strings, received a number as number 0"),
        (line_of(words=["a"], tags=["B-\ud800"]), "expected 'tags' to be Unicode text, received a lone surrogate"),
        (line_of(words=["a"], tags=["O", "O"]), "expected 1 tags, one a word, received 2"),
        ('{"words": ["a"], "tags": ["O"]}\r{"words": ["b"], "tags": ["O"]}\n', f"expected {LINES}"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(path: Path, line: str, expected: str) -> None:
    right = line_of(words=["a"], tags=["B-X"])
    sentences, problems = read(path, right + line + right)
    assert problems == [f"train.jsonl:2: {expected}"]
    assert [one.place for one in sentences] == [f"{path}:1", f"{path}:3"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            line_of(words=["Ana", "left", "Oslo"], tags=["B-PER", "X-PER", "Y-LOC"]),
            [
                "word 1 'left': expected a tag of the scheme IOB2, received 'X-PER'",
                "word 2 'Oslo': expected a tag of the scheme IOB2, received 'Y-LOC'",
            ],
        ),
        (
            line_of(words=["Ana", "Reis", "left"], tags=["B-PERSON NAME", "I-PERSON NAME", "B-A\tB"]),
            [
                "word 0 'Ana': expected an entity type without white space or NUL, received 'PERSON NAME'",
                "word 2 'left': expected an entity type without white space or NUL, received 'A\\tB'",
            ],
        ),
        (
            line_of(words=["Ana", "", 3], tags=["O", None]),
            [
                "expected words that are strings, received an empty one as number 1",
                "expected words that are strings, received a number as number 2",
                "expected tags that are strings, received null as number 1",
                "expected 3 tags, one a word, received 2",
            ],
        ),
        (
            line_of(text=LEFT, spans=[{"start": n, "end": m, "type": "X"} for n, m in ((0, 2), (20, 22), (14, 99))]),
            [
                "expected a span within the 14 characters of the text, received 20 to 22",
                "expected a span within the 14 characters of the text, received 14 to 99",
                "expected a span to begin and end with a word, received 0 to 2 'An', which cuts 'Ana'",
            ],
        ),
        (
            line_of(
                text="\ud800 Ana left. ",
                spans=[
                    3,
                    {"start": 2},
                    {"start": 2, "end": 5, "type": "PERSON NAME"},
                    {"start": 2, "end": 11, "type": "X"},
                    {"start": 6, "end": 10, "type": "X"},
                    {"start": 11, "end": 12, "type": "X"},
                ],
            ),
            [
                "expected 'text' to be Unicode text, received a lone surrogate",
                "expected a span to be an object, received a number",
                'expected a span with start, end and type, received {"start": 2}',
                "expected an entity type without white space or NUL, received 'PERSON NAME' for 2 to 5",
                "expected spans that do not overlap, received 2 to 5 'Ana' and 2 to 11 'Ana left.'",
                "expected spans that do not overlap, received 2 to 11 'Ana left.' and 6 to 10 'left'",
                "expected a span with a word in it, received 11 to 12 ' '",
            ],
        ),
    ],
)
def test_everything_that_is_wrong_with_a_line_is_told(path: Path, line: str, expected: list[str]) -> None:
    right = line_of(words=["a"], tags=["B-X"])
    sentences, problems = read(path, right + line + right)
    assert problems == [f"train.jsonl:2: {message}" for message in expected]
    assert [one.place for one in sentences] == [f"{path}:1", f"{path}:3"]


def test_a_cr_between_the_parts_of_an_object_is_white_space(path: Path) -> None:
    sentences, problems = read(path, '{"words": ["a"],\r"tags": ["O"]}\r\n')
    assert (bare(sentences), problems) == ([(("a",), ("O",))], [])


def test_a_file_without_a_sentence(path: Path) -> None:
    assert read(path, "\n \n")[1] == ["train.jsonl: expected sentences, received only empty lines"]
    only_spaces = line_of(text=" ", spans=[]) + line_of(text="", spans=[])
    assert read(path, only_spaces)[1] == ["train.jsonl: expected sentences, received only texts without a word"]
    assert read(path, "")[1] == ["train.jsonl: expected lines, received an empty file"]


def test_records_need_no_labels(path: Path) -> None:
    records = [record_of(line, "p") for line in (line_of(text="Ana left."), line_of(words=["a", "b"]))]
    assert [(one.text, one.words, one.place) for one in records if isinstance(one, JsonRecord)] == [
        ("Ana left.", None, "p"),
        (None, ("a", "b"), "p"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"n": 1}', "expected either 'text' or 'words', received neither among 'n'"),
        ('{"text": "a", "n": NaN}', "expected numbers of JSON, received NaN"),
        ('{"text": "a", "n": [-Infinity]}', "expected numbers of JSON, received -Infinity"),
        ('{"text": "a", "n": 1e999}', "expected numbers that a float can hold, received 1e999"),
        ('{"text": "a", "n": ' + "9" * 5000 + "}", "received: an integer of more than 4300 digits"),
        ('{"text": "a", "n": ["\\ud800"]}', "expected Unicode text, received a lone surrogate"),
        ('{"text": "\\udfff"}', "expected 'text' to be Unicode text, received a lone surrogate"),
        ('{"text": "a", "n": ' + "[" * 150 + "]" * 150 + "}", "expected a JSON object of at most 100 levels, received"),
        ('{"text": "a", "n": ' + "[" * 90_000 + "]" * 90_000 + "}", "received: lists or objects that are nested too"),
        ('{"words": [1, 2, 3, 4, 5]}', "received a number as number 2; and 2 more"),
    ],
)
def test_what_could_not_be_written_again_is_no_record(line: str, expected: str) -> None:
    reason = record_of(line, "p")
    assert isinstance(reason, str)
    assert expected in reason


def test_a_text_under_another_key() -> None:
    record = record_of('{"text": 5, "body": "a", "words": 7}', "p", "body", with_words=False)
    assert isinstance(record, JsonRecord)
    assert record.text == "a"
    assert record_of('{"text": "a"}', "p", "body", False) == "expected a field 'body', received 'text'"


def test_what_is_written() -> None:
    stream = io.StringIO()
    write_jsonl(stream, [Sentence(("Ána", "left"), ("B-PER", "O")), Sentence(("So",))])
    assert stream.getvalue() == '{"words": ["Ána", "left"], "tags": ["B-PER", "O"]}\n{"words": ["So"]}\n'
    with pytest.raises(ValueError, match="expected sentences cut from a text"):
        write_jsonl_texts(stream, [("a", [Sentence(("a",), ("O",))])])
