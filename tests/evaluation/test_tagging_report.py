"""Reports of taggers: every figure, the worst sentences, and every character of theirs shown as it is."""

from __future__ import annotations

import html.parser

import pytest

from nlp_pipeline.documents.document import MarkedLine, Verdict
from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.evaluation.entities import score_entities
from nlp_pipeline.evaluation.marked_example import gold_line, kept_words, predicted_line
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagging_report import TaggingReport
from nlp_pipeline.text.sentence import Sentence


def _example(words: str, gold: str, predicted: str, place: str = "") -> TaggedExample:
    tags = tuple(predicted.split())
    return TaggedExample(Sentence(tuple(words.split()), tuple(gold.split()), place=place), tags, (0.9,) * len(tags))


EXAMPLES = [
    _example("Maria Sol left Rome", "B-PER I-PER O B-LOC", "B-PER O O B-ORG", "a.conll:1"),
    _example("Rome slept", "B-LOC O", "O O", "a.conll:6"),
    _example("it slept", "O O", "O B-MISC", "a.conll:9"),
    _example("in Rome", "O B-LOC", "O B-LOC", "a.conll:12"),
]


def _report(examples: list[TaggedExample]) -> TaggingReport:
    sides = [e.gold for e in examples], [e.predicted for e in examples], [e.sentence.words for e in examples]
    return TaggingReport.of(score_entities(*sides, known_entities=set()), examples, set())


def _text_of(page: str) -> str:
    """Return what a reader of the page sees."""
    parts: list[str] = []
    reader = html.parser.HTMLParser()
    reader.handle_data = parts.append  # type: ignore[method-assign, assignment]
    reader.feed(page)
    return "".join(parts)


def test_the_worst_come_first_and_the_right_ones_not_at_all() -> None:
    document = _report(EXAMPLES).document("a title")
    for text in (markdown_of(document), _text_of(page_of(document))):
        worst = text.rsplit("worst sentences", 1)[1]
        assert worst.index("a.conll:1") < worst.index("a.conll:6")
        assert "a.conll:12" not in worst
        assert "1. 4 errors" in worst
        assert "2. 1 error (" in worst
        assert "PER, with other borders" in text


def test_both_renderings_and_the_json_hold_the_same_figures() -> None:
    report = _report(EXAMPLES)
    told = report.to_json()
    document = report.document("a title")
    assert told["scores"]["conlleval"]["gold"] == 4
    assert told["micro"]["f1"]["value"] == pytest.approx(told["scores"]["conlleval"]["f1"]) == pytest.approx(0.25)
    assert told["macro_f1"]["value"] == pytest.approx(told["scores"]["macro"]["f1"])
    assert told["by"]["training"]["unseen"]["gold"] == 4
    assert told["by"]["sentence length"]["1-5"]["recall"]["value"] == 0.25
    assert told["confusion_matrix"]["rows"] == ["LOC", "MISC", "ORG", "PER", "O"]
    assert told["calibration"]["entities"]["count"] == 4
    assert told["calibration"]["entities"]["expected_calibration_error"] == pytest.approx(0.65)
    interval = told["micro"]["f1"]
    shown = f"[{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"
    page = _text_of(page_of(document))
    assert shown in page
    assert shown in markdown_of(document)
    for text in (markdown_of(document), page):
        assert "25.00" in text
        assert "expected calibration error 65.00 %" in text
        assert "1,000 resamples" in text


def test_fifty_sentences_and_no_more() -> None:
    many = [_example("Rome", "B-LOC", "O", f"a.conll:{number}") for number in range(70)]
    markdown = markdown_of(_report(many).document("t"))
    assert "50. 1 error" in markdown
    assert "51. " not in markdown


def test_a_corpus_without_any_entity_has_a_report() -> None:
    document = _report([_example("it slept", "O O", "O O")]).document("t")
    for text in (markdown_of(document), _text_of(page_of(document))):
        assert "There is no mistake." in text
        assert "There are no predicted entities." in text
        assert "The 0 worst sentences" in text


def test_marks_say_what_they_mean() -> None:
    example = EXAMPLES[0]
    gold, predicted = gold_line(example, range(4)), predicted_line(example, range(4))
    assert [(mark.name, mark.verdict) for mark in gold.marks] == [("PER", Verdict.MISSED), ("LOC", Verdict.MISSED)]
    assert [(mark.name, mark.verdict) for mark in predicted.marks] == [
        ("PER 90 %", Verdict.WRONG),
        ("ORG 90 %", Verdict.WRONG),
    ]
    page = page_of(_report(EXAMPLES).document("t"))
    assert '<mark class="missed">Maria Sol<b><bdi>PER missed</bdi></b></mark>' in page
    assert '<mark class="wrong">Rome<b><bdi>ORG 90 % wrong</bdi></b></mark>' in page
    markdown = markdown_of(_report(EXAMPLES).document("t"))
    assert "**(PER missed** Maria Sol **)**".replace("(", "\\(").replace(")", "\\)") in markdown


def test_a_long_sentence_is_shown_where_it_is_wrong() -> None:
    words = tuple(f"w{number}" for number in range(2000))
    gold = ["O"] * 2000
    gold[1000] = "B-LOC"
    example = TaggedExample(Sentence(words, tuple(gold)), ("O",) * 2000, (0.9,) * 2000)
    line: MarkedLine = gold_line(example, kept_words(2000, example))
    assert line.words[0] == line.words[-1] == "…"
    assert len(line.words) == 2 + 25
    (mark,) = line.marks
    assert line.words[mark.start : mark.end] == ("w1000",)


def test_all_marks_of_whatever_sentence_are_on_its_words() -> None:
    word = "x" * 300_000
    every = [f"{'B' if number % 2 else 'I'}-LOC" for number in range(1, 1001)]
    example = TaggedExample(Sentence((word,) * 1000, ("O",) * 1000), tuple(every), (0.5,) * 1000)
    line = predicted_line(example, kept_words(1000, example))
    assert all(0 <= mark.start < mark.end <= len(line.words) for mark in line.marks)
    assert all(one.end <= other.start for one, other in zip(line.marks, line.marks[1:], strict=False))
    assert max(map(len, line.words)) < 200


def test_what_looks_like_markup_is_shown_not_meant() -> None:
    nasty = _example(
        "<script>alert(1)</script> *x* [y](z) | ` \u202ea\u0000 שלום 東京 \ud800", "B-PER O" + " O" * 7, "O " * 9
    )
    document = _report([nasty]).document("<b> & *c*")
    markdown, page = markdown_of(document), page_of(document)
    assert "<script>" not in markdown
    assert "&lt;script&gt;" in markdown
    assert r"\*x\* \[y\]\(z\) &#124; \`" in markdown
    assert markdown.startswith("# &lt;b&gt; &amp; \\*c\\*\n")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<h1>&lt;b&gt; &amp; *c*</h1>" in page
    for text in (markdown, page):
        assert not set(text) & {"\u202e", "\x00", "\ud800"}
        text.encode("utf-8")
