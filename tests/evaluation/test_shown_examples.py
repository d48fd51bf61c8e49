"""Sentences in TensorBoard's tab of texts: read back from the HTML that it makes of them, every character is there."""

from __future__ import annotations

import re
import warnings
from html import unescape
from html.parser import HTMLParser

import pytest

from nlp_pipeline.documents.shown_text import visible
from nlp_pipeline.evaluation.shown_examples import spread, tagged_table, translated_table
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.sentence import Sentence

with warnings.catch_warnings():
    # What it has copied from others says at its import that it is old.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.plugin_util import markdown_to_safe_html

ODD = [
    *("#", "[SEP]", "<script>alert(1)</script>", "&amp;", "a|b", "*x*", "__y__", "~~z~~", "`c`", "\\", "1."),
    *("!\ufe0f", "مرحبا", "שלום", "漢字", "a\0b", "a\u202eb", "$x^2$", "http://a.b", "\ud800", "-", "+", "a\nb"),
]


class _Cells(HTMLParser):
    """Collects the texts of a table's cells, and which tags were met."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.cells: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def _shown(markdown: str) -> _Cells:
    found = _Cells()
    # As the plugin gets it: in UTF-8.
    found.feed(markdown_to_safe_html(markdown.encode("utf-8")))
    found.cells = [cell.strip() for cell in found.cells]
    return found


def test_every_character_of_a_sentence_is_shown_and_none_is_obeyed() -> None:
    example = TaggedExample(Sentence(tuple(ODD), tags=("O",) * len(ODD)), ("O",) * len(ODD))
    found = _shown(tagged_table(example))
    expected = " ".join(visible(word) for word in ODD)
    assert [" ".join(cell.split()) for cell in found.cells] == ["", "entities: all right"] + [
        part for name in ("gold", "predicted") for part in (name, expected)
    ]
    assert not found.tags & {"script", "em", "strong", "code", "a", "del", "img"}


@pytest.mark.parametrize("text", [*ODD, " ".join(ODD)])
def test_every_character_of_a_translation_is_shown(text: str) -> None:
    found = _shown(translated_table(text, text, text))
    assert [" ".join(cell.split()) for cell in found.cells[2:]] == [
        part for name in ("source", "reference", "translation") for part in (name, " ".join(visible(text).split()))
    ]


def test_entities_are_marked_with_their_types() -> None:
    words = ("Ana", "Reis", "of", "(Oslo)")
    example = TaggedExample(Sentence(words, tags=("B-PER", "I-PER", "O", "B-LOC")), ("B-PER", "I-PER", "O", "O"))
    html = unescape(markdown_to_safe_html(tagged_table(example)))
    assert "entities: 1 wrong or missing" in html
    assert "<strong>Ana Reis</strong> <code>PER</code> of <strong>(Oslo)</strong> <code>LOC</code>" in html
    assert "<strong>Ana Reis</strong> <code>PER</code> of (Oslo)</td>" in html


def test_what_is_left_out_is_counted() -> None:
    words = tuple(f"w{number}" for number in range(2000))
    tags = ("O",) * 55 + ("B-X",) + ("I-X",) * 1944
    found = _shown(tagged_table(TaggedExample(Sentence(words, tags=tags), tags)))
    assert found.cells[3].endswith("w59 X … (1,940 more words)")
    assert re.search(r"^w0 w1 ", found.cells[3])
    long = _shown(translated_table("x" * 300_000, "", ""))
    assert long.cells[3] == "x" * 600 + "… (299,400 more characters)"
    word = ("y" * 300_000,)
    one = _shown(tagged_table(TaggedExample(Sentence(word, tags=("O",)), ("O",))))
    assert one.cells[3] == "y" * 40 + "… (299,960 more characters)"


def test_the_same_few_from_all_over() -> None:
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([1, 2], 4) == [1, 2]
    assert spread([], 4) == []
    assert spread([1, 2, 3], 0) == []
