"""Documents: both renderings say all of it, and nothing in it has power over them."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_pipeline.documents.document import (
    Document,
    HeatMap,
    Item,
    Items,
    Mark,
    MarkedLine,
    Meter,
    Quoted,
    Reliability,
    Section,
    Steps,
    TextLine,
    Verdict,
    paragraph,
    table,
)
from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.documents.shown_text import visible
from nlp_pipeline.documents.style import SCRIPT, STYLE

VOID = {"meta", "link", "path", "rect", "circle"}


class _Reader(html.parser.HTMLParser):
    """What a page holds, once it is sure that every element ends where it should."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)


def _document(text: str) -> Document:
    """Return a document that holds a text wherever one may stand."""
    quoted = Quoted(text)
    name = text or "-"
    heat = HeatMap("caption", (quoted,), (quoted, quoted), ((0.25, 0.75),), (("25", "75"),))
    aligned = HeatMap("caption", (quoted,), (quoted, quoted), ((0.25, 0.75),), (("25", "75"),), (1,))
    marks = (Mark(0, 1, name, Verdict.RIGHT), Mark(2, 3, name, Verdict.MISSED), Mark(3, 4, name, Verdict.WRONG))
    line = MarkedLine("gold", (name, "x", name, name, "y"), marks)
    item = Item(("title ", quoted), (line, TextLine("source", text), aligned, table("t", ("", "a"), [(quoted, "1")])))
    blocks = (
        paragraph("says ", quoted),
        table("caption", ("", quoted, "n", "m"), [(quoted, quoted, "1.0", Meter(0.5, 0.4, 0.6))], texts=(1,)),
        heat,
        Reliability("caption", ((0.0, 0.5, 0.25, 0.5), (0.5, 1.0, 0.75, 1.0))),
        Items((item,)),
    )
    return Document(text, (Section("one", blocks), Section("two", (Steps("steps", (item, item)),))))


NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></table>",
    "]]>--><!--",
    "&amp;<b>&#60;",
    "a\u202eb\u2066c",
    "\x00\x07\x1b[31m",
    "\ud800",
    "שלום عربي",
    "東京",
    "# | *x* _y_ `z` [a](b) ![c](d) ~~e~~",
    "\ufe0f",
    "$\\frac{1}{2}$ {{7*7}}",
    "line\nline\r\nline\u2028line",
    "",
)


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_a_text_is_shown_and_is_never_markup(text: str) -> None:
    plain, nasty = _Reader(page_of(_document("plain"))), _Reader(page_of(_document(text)))
    if text:
        assert nasty.tags == plain.tags
    assert [name for name, _ in nasty.attributes] == [name for name, _ in plain.attributes] or not text
    if visible(text).strip():
        shown = [one for one in nasty.texts if visible(text) in one]
        assert len(shown) >= sum("plain" in one for one in plain.texts)
    page_of(_document(text)).encode("utf-8")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=30))
def test_whatever_is_drawn_is_not_markup(text: str) -> None:
    page = page_of(_document(text))
    reader = _Reader(page)
    assert reader.tags.count("script") == 1
    assert not {name for name, _ in reader.attributes if name.startswith("on")}
    markdown = markdown_of(_document(text))
    assert "<" not in markdown
    assert len(markdown.splitlines()) == markdown.count("\n")


def test_both_renderings_hold_every_text() -> None:
    document = _document("plain")
    page, markdown = "".join(_Reader(page_of(document)).texts), markdown_of(document)
    for told in ("says plain", "caption", "one", "two", "title plain", "source", "gold", "1.0", "25", "75"):
        assert told in page, told
        assert told in markdown, told
    assert "**[plain** plain **]** x **(plain missed** plain **)**" in markdown.replace("\\", "")
    assert "- plain ← plain (0.75)" in markdown
    assert "`········==O==········`" in markdown


def test_a_page_asks_for_nothing_and_allows_its_own_script_alone() -> None:
    page = page_of(_document("plain"))
    reader = _Reader(page)
    assert not re.search(r"https?:|url\(|@import|src=", page)
    assert [value for name, value in reader.attributes if name == "href"] == ["data:,", "#s1", "#s2"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in page
    assert f"<script>{SCRIPT}</script>" in page


def test_a_page_can_be_read_without_a_script_and_without_seeing() -> None:
    page = page_of(_document("plain"))
    # All steps are there, and it is the script that takes them away.
    assert page.count('<div class="step">') == 2
    assert '<nav hidden aria-label="Go through' in page
    assert '<html lang="en">' in page
    assert page.count("<table") == page.count("<caption") == page.count('role="region"')
    assert page.count("<h1>") == 1
    for tag in re.findall(r"<th\b[^>]*>", page):
        assert "scope=" in tag
    assert all(tag.endswith('aria-hidden="true">') for tag in re.findall(r"<svg[^>]*>", page))
    assert "prefers-color-scheme: dark" in STYLE
    assert "@media print" in STYLE


def test_a_table_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="rows of 2 cells"):
        table("t", ("a", "b"), [("1",)])


def _luminance(colour: tuple[float, ...]) -> float:
    parts = [value / 255 for value in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour(name: str) -> tuple[float, ...]:
    digits = name.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    return tuple(int(digits[place : place + 2], 16) for place in (0, 2, 4))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_letters_in_heat_maps_can_be_read_at_every_share(scheme: int) -> None:
    root = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[scheme]
    colours = {name: _colour(value) for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]+)", root)}
    for percent in range(101):
        share = percent / 100
        cell = tuple(f * share + p * (1 - share) for f, p in zip(colours["full"], colours["paper"], strict=True))
        heat = HeatMap("", ("a",), ("b",), ((share,),), (("1",),))
        page = page_of(Document("t", (Section("s", (heat,)),)))
        ink = colours["on-full" if 'class="dark"' in page else "on-paper"]
        low, high = sorted((_luminance(cell), _luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, percent


def test_two_sections_do_not_have_one_title() -> None:
    with pytest.raises(ValueError, match="titles that differ"):
        Document("t", (Section("a", ()), Section("a", ())))
