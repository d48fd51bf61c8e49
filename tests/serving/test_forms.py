"""What is written: Parquet, brat and pages of HTML say the same as JSON lines, and nothing of a text is markup."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_pipeline.corpora.records import NOTHING, InputRecord, Position, Rejected
from nlp_pipeline.errors import OutputError
from nlp_pipeline.serving import html_form
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.html_form import HtmlForm, escaped, page_path
from nlp_pipeline.serving.stream import TaggedRecord
from nlp_pipeline.serving.tagged_forms import BratForm, ConllForm, TaggedJsonForm, TaggedParquetForm
from nlp_pipeline.serving.tagger import TaggedSentence, sentences_of
from nlp_pipeline.text.sentence import Sentence

HOSTILE = '<script>alert("1")</script> & Ana\'s <b onclick=x>Oslo</b> </p></body> \x00\x1b[31m \u202egnorw\u202c'


def tagged_text(
    text: str, fields: Mapping[str, Any] = NOTHING, kinds: Sequence[str] = ("PER", "LOC"), line: int = 1
) -> TaggedRecord:
    """Return a text in which every word that begins with a capital is an entity, of one kind after the other."""
    sentences, number = [], 0
    for sentence in sentences_of(text):
        tags = []
        for word in sentence.words:
            is_entity = word[0].isupper()
            tags.append(f"B-{kinds[number % len(kinds)]}" if is_entity else "O")
            number += is_entity
        sentences.append(TaggedSentence(sentence, tuple(tags), tuple(0.5 for _ in tags)))
    return TaggedRecord(InputRecord(line, text, None, fields, Position()), tuple(sentences))


def tagged_words(words: Sequence[str], tags: Sequence[str], begins: bool = False) -> TaggedRecord:
    sentence = TaggedSentence(Sentence(tuple(words)), tuple(tags), tuple(0.25 for _ in tags))
    return TaggedRecord(InputRecord(1, None, tuple(words), {}, Position(), begins), (sentence,))


def _written(form: Form, entries: Sequence[TaggedRecord | Rejected], folder: Path) -> list[Path]:
    (spool,) = form.encode(entries)
    (folder / "spool").write_bytes(spool)
    targets = [folder / f"out{suffix}" for suffix in form.suffixes]
    form.finish(folder / "spool", targets)
    return targets


def test_conll_has_a_row_a_word_and_the_borders_between_documents() -> None:
    entries: list[TaggedRecord | Rejected] = [
        tagged_text("Ana left. It rains"),
        Rejected(2, "", Position()),
        tagged_text(" "),
        tagged_words(["a"], ["O"], True),
    ]
    assert ConllForm().encode(entries) == (b"Ana B-PER\nleft O\n. O\n\nIt B-LOC\nrains O\n\n-DOCSTART- O\n\na O\n\n",)


def test_objects_keep_their_other_fields() -> None:
    fields = {"id": 7, "entities": "mine", "text": "no", "tags": 5, "input_tags": 6}
    (lines,) = TaggedJsonForm().encode([tagged_text("Ana", fields)])
    assert json.loads(lines) == {
        "text": "Ana",
        "entities": [{"start": 0, "end": 3, "type": "PER", "text": "Ana", "score": 0.5}],
        "id": 7,
        "input_entities": "mine",
        "input_text": "no",
        "input_input_tags": 5,
        "input_tags": 6,
    }


def test_rows_of_parquet_have_one_type_a_column(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "mixed": 1, "deep": {"a": 1}, "none": None, "empty": {}} for _ in range(1500)
    ]
    rows += [{"n": 2.5, "mixed": "x", "deep": {"b": ["c"]}, "new": True, "huge": 2**80}, {}]
    texts = [tagged_text("Ana left" if number % 2 else "", row) for number, row in enumerate(rows)]
    (target,) = _written(TaggedParquetForm(), texts, tmp_path)
    table = pq.read_table(target)
    assert table.schema.field("n").type == pa.float64()
    assert table.schema.field("mixed").type == table.schema.field("empty").type == pa.string()
    assert table.schema.field("new").type == pa.bool_()
    found = table.to_pylist()
    assert len(found) == 1502
    assert found[1]["entities"] == [{"start": 0, "end": 3, "type": "PER", "text": "Ana", "score": 0.5}]
    assert [found[at]["mixed"] for at in (0, 1500, 1501)] == ["1", '"x"', None]
    assert [found[at]["deep"] for at in (0, 1500, 1501)] == [{"a": 1, "b": None}, {"a": None, "b": ["c"]}, None]
    assert (found[0]["empty"], found[1500]["huge"]) == ("{}", str(2**80))
    assert "words" not in table.schema.names


def test_words_and_nothing_at_all_as_parquet(tmp_path: Path) -> None:
    (target,) = _written(TaggedParquetForm(), [tagged_words(["Ana", "left"], ["B-PER", "O"])], tmp_path)
    (row,) = pq.read_table(target).to_pylist()
    assert (row["words"], row["tags"], row["text"]) == (["Ana", "left"], ["B-PER", "O"], None)
    (target,) = _written(TaggedParquetForm(), [], tmp_path)
    assert pq.read_table(target).to_pylist() == []
    assert pq.read_schema(target).names == ["text", "entities"]


def test_brat_has_offsets_into_its_own_text(tmp_path: Path) -> None:
    entries: list[TaggedRecord | Rejected] = [
        tagged_text("Ana 🚢 left Oslo."),
        Rejected(2, "", Position()),
        tagged_text(""),
        tagged_words(["Eva", "Lund", "met", "Rui"], ["B-PER", "I-PER", "O", "B-PER"]),
        tagged_text("e\u0301 São"),
    ]
    text_file, entity_file = _written(BratForm(), entries, tmp_path)
    text = text_file.read_bytes().decode("utf-8")
    assert text == "Ana 🚢 left Oslo.\n\nEva Lund met Rui\ne\u0301 São\n"
    rows = [line.split("\t") for line in entity_file.read_bytes().decode("utf-8").splitlines()]
    assert [row[0] for row in rows] == ["T1", "T2", "T3", "T4", "T5"]
    assert [row[2] for row in rows] == ["Ana", "Oslo", "Eva Lund", "Rui", "São"]
    for _, place, surface in rows:
        _, start, end = place.split(" ")
        assert text[int(start) : int(end)] == surface


def test_an_entity_on_two_lines_is_two_fragments_for_brat(tmp_path: Path) -> None:
    sentence = Sentence(("New", "York"), offsets=sentences_of("New York")[0].offsets)
    tagged = TaggedSentence(sentence, ("B-LOC", "I-LOC"), (0.5, 0.5))
    record = InputRecord(1, "New\nYork", None, {}, Position())
    text_file, entity_file = _written(BratForm(), [TaggedRecord(record, (tagged,))], tmp_path)
    assert text_file.read_bytes() == b"New\nYork\n"
    assert entity_file.read_bytes() == b"T1\tLOC 0 3;4 8\tNew York\n"


class _Page(HTMLParser):
    """What a browser would make of a page: its elements, and the text of each record."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.records: list[str] = []
        self.marks: list[str] = []
        self.scores: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self._open.append(tag)
        if tag == "p" and "ol" in self._open:
            self.records.append("")
        if tag == "mark" and "ol" in self._open:
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "p" in self._open and "ol" in self._open and self._open[-1] != "small":
            self.records[-1] += data
            if self._open[-1] == "mark":
                self.marks[-1] += data
        if self._open and self._open[-1] == "small":
            self.scores.append(data)


def test_a_page_shows_the_text_and_runs_nothing_of_it(tmp_path: Path) -> None:
    entries = [tagged_text(HOSTILE), tagged_text("Ana"), tagged_words(["Eva", "Lund"], ["B-PER", "I-PER"])]
    (target,) = _written(HtmlForm(), [*entries, Rejected(9, "", Position())], tmp_path)
    page = _Page(target.read_text(encoding="utf-8"))
    assert page.records == [HOSTILE.replace("\x00", "\u2400").replace("\x1b", "\u241b"), "Ana", "Eva Lund"]
    assert page.marks == ["Ana", "Oslo", "Ana", "Eva Lund"]
    assert not {"script", "b onclick", "img", "link", "iframe", "a"} & set(page.elements)
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | ({"src", "href"} & names)
    told = dict(page.attributes)
    assert ("data-type", "PER") in page.attributes
    assert page.scores == ["PER 50 %", "LOC 50 %", "PER 50 %", "PER 25 %"]
    assert ("aria-label", "PER 50 %: Ana") in page.attributes
    assert told["tabindex"] == "0"
    content = dict(page.attributes)["content"]
    assert content == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_hostile_type_and_name_are_text_too(tmp_path: Path) -> None:
    form = HtmlForm()
    (spool,) = form.encode([tagged_text("Ana", kinds=['"><script>'])])
    (tmp_path / "spool").write_bytes(spool)
    form.finish(tmp_path / "spool", [tmp_path / "<i>&.html"])
    page = _Page((tmp_path / "<i>&.html").read_text(encoding="utf-8"))
    assert not {"script", "i"} & set(page.elements)


def test_much_is_cut_into_pages_that_lead_to_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_form, "PAGE_RECORDS", 4)
    monkeypatch.setattr(html_form, "PAGE_CHARACTERS", 1000)
    texts = ["Ana left"] * 9 + ["x" * 5000, "Oslo"]
    (target,) = _written(HtmlForm(), [tagged_text(text, line=at) for at, text in enumerate(texts)], tmp_path)
    pages = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html"))
    assert pages == ["out.html", *(f"out.html.pages/{number}.html" for number in range(2, 6))]
    parsed = [_Page(page_path(target, number).read_text(encoding="utf-8")) for number in range(1, 6)]
    assert [text for page in parsed for text in page.records] == texts
    assert [value for name, value in parsed[1].attributes if name == "href"] == [
        *("./../out.html", "./../out.html", "./3.html", "./5.html"),
        *("./../out.html", "./../out.html", "./3.html", "./5.html"),
    ]
    assert [value for name, value in parsed[0].attributes if name == "href"][:2] == [
        *("./out.html.pages/2.html", "./out.html.pages/5.html"),
    ]
    assert "page 2 of 5" in page_path(target, 2).read_text(encoding="utf-8")
    # Nobody else's page is taken, and a shorter output leaves none of the longer one.
    mine = tmp_path / "out.html.pages" / "notes.html"
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"out\.html\.pages: expected a folder of further pages .* notes\.html"):
        _written(HtmlForm(), [tagged_text("Ana")], tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    mine.unlink()
    _written(HtmlForm(), [tagged_text("Ana")], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")] == ["out.html"]


def test_a_page_without_any_record(tmp_path: Path) -> None:
    (target,) = _written(HtmlForm(), [], tmp_path)
    assert "No entity was found." in target.read_text(encoding="utf-8")


def test_what_html_has_no_place_for() -> None:
    assert escaped("a\x07\x7f\x85\ufffe\r\n\t<&\"'") == "a\u2407\u2421\ufffd\ufffd&#13;\n\t&lt;&amp;&quot;&#x27;"


def _luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("ink", "grounds"),
    [("#111111", (*html_form.COLOURS, "#ffffff")), ("#f2f2f2", (*html_form.DARK_COLOURS, "#161616"))],
    ids=["light", "dark"],
)
def test_letters_stand_out_from_every_colour(ink: str, grounds: Sequence[str]) -> None:
    for ground in grounds:
        low, high = sorted((_luminance(ink), _luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 7, ground


def test_32_types_have_a_look_of_their_own_and_one_place_in_the_legend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [f"T{number:02}" for number in range(32)]
    text = " ".join(["Name"] * 64)
    (target,) = _written(HtmlForm(), [tagged_text(text, kinds=kinds)], tmp_path)
    page = target.read_text(encoding="utf-8")
    looks = re.findall(r"^\.k\d+ { background: (#\w+); border-bottom-style: (\w+); }$", page, re.MULTILINE)
    assert len(set(looks)) == 32
    # Of fewer colours there are as many rounds as lines.
    for name in ("COLOURS", "DARK_COLOURS"):
        monkeypatch.setattr(html_form, name, getattr(html_form, name)[:3])
    (fewer,) = _written(HtmlForm(), [tagged_text(text, kinds=kinds[:12])], tmp_path)
    looks = re.findall(
        r"^\.k\d+ { background: (#\w+); border-bottom-style: (\w+); }$", fewer.read_text("utf-8"), re.MULTILINE
    )
    assert len(set(looks)) == 12
    legend = re.findall(r'<li><mark class="(k\d+)">(T\d\d)</mark> (\d+)</li>', page)
    assert legend == [(f"k{number}", kind, "2") for number, kind in enumerate(kinds)]
