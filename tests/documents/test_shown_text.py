"""Texts of users in Markdown: read back from the HTML that two renderers make of it, every character is there."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import markdown
import pytest
from markdown_it import MarkdownIt

from nlp_pipeline.documents.shown_text import in_markdown, visible


def test_text_of_a_user_keeps_what_markdown_would_take() -> None:
    assert in_markdown("# *a* | <b>") == r"\# \*a\* &#124; &lt;b&gt;"
    assert in_markdown("$x_1$ :smile: @a www.b.c") == r"&#36;x\_1&#36; &#58;smile: &#64;a www\.b.c"


def test_prose_and_places_stay_as_they_are_in_markdown() -> None:
    prose = "A well-known dog; no, two: 7, at most. It sleeps . x:12"
    assert in_markdown(prose) == prose


ODD = [
    *(
        "#",
        "- a",
        "-- a --",
        "+ a",
        "1. a",
        "1) a",
        "> a",
        "= =",
        "===",
        "---",
        "```",
        "    a",
        "\\",
        "\\*",
        "a.",
        "...",
        "wait...",
        "U.S.",
        "7.",
    ),
    *(
        "*a*",
        "_a_",
        "__a__",
        "~~a~~",
        "~a~",
        "^a^",
        "`a`",
        "$x_1$",
        "$$x$$",
        "[a](b)",
        "![a](b)",
        "[^1]",
        "[a]: b",
        "a|b",
    ),
    *(
        "<b>a</b>",
        "&lt;",
        "&#36;",
        "http://a.b/c",
        "www.a.bc",
        "a.bc",
        "a@b.cd",
        "@a",
        ":smile:",
        ":100:",
        "x:1",
        "a: b",
        ":::",
    ),
    *(
        "\"a\" 'b'",
        "it's",
        "(c)",
        "+-",
        "{: .a}",
        "{a}",
        "!\ufe0f",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u6f22\u5b57",
        "a\0b",
        "a\nb",
        "\ud800",
    ),
]


class _Seen(HTMLParser):
    """Collects what a reader sees, and the tags around it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", set[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _strict(text: str) -> str:
    return str(
        MarkdownIt("commonmark", {"typographer": True})
        .enable(["table", "strikethrough", "smartquotes", "replacements"])
        .render(text)
    )


def _loose(text: str) -> str:
    return str(markdown.markdown(text, extensions=["extra", "smarty", "sane_lists", "toc"]))


@pytest.mark.parametrize("flavour", [_strict, _loose])
@pytest.mark.parametrize("text", [*ODD, " ".join(ODD)])
def test_every_flavour_of_markdown_shows_the_text_of_a_user_as_it_is(flavour: Callable[[str], str], text: str) -> None:
    seen = _Seen()
    seen.feed(flavour(f"- source: {in_markdown(text)}\n\n| a |\n|---|\n| {in_markdown(text)} |\n"))
    shown = " ".join(visible(text).split())
    assert " ".join(seen.text.split()) == f"source: {shown} a {shown}"
    assert seen.tags == {"ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
