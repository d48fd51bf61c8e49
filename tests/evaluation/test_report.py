"""Reports: what was taken for what, and the worst sentences, with every character of theirs shown as it is."""

from __future__ import annotations

from nlp_pipeline.evaluation.entities import score_entities
from nlp_pipeline.evaluation.report import report_of
from nlp_pipeline.evaluation.tagged_example import TaggedExample
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


def test_the_worst_come_first_and_the_right_ones_not_at_all() -> None:
    gold, predicted = [e.gold for e in EXAMPLES], [e.predicted for e in EXAMPLES]
    scores = score_entities(gold, predicted, [e.sentence.words for e in EXAMPLES], known_entities=set())
    report = report_of(scores, EXAMPLES, "a title")
    worst = report.markdown.split("worst sentences")[1]
    assert worst.index("a.conll:1") < worst.index("a.conll:6")
    assert "a.conll:12" not in worst
    assert "1. 4 errors" in worst
    assert "PER, with other borders" in report.markdown
    assert "of the 4 that it does not: 25.00 %" in report.markdown


def test_fifty_sentences_and_no_more() -> None:
    many = [_example("Rome", "B-LOC", "O", f"a.conll:{number}") for number in range(70)]
    scores = score_entities([e.gold for e in many], [e.predicted for e in many], [e.sentence.words for e in many])
    assert "50. 1 errors" in report_of(scores, many, "t").markdown
    assert "51. " not in report_of(scores, many, "t").markdown


def test_what_looks_like_markup_is_shown_not_meant() -> None:
    example = _example("<script> *x* [y](z) | `", "B-PER O O O O", "O O O O O", "p:1")
    markdown = report_of(
        score_entities([example.gold], [example.predicted], [example.sentence.words]), [example], "t"
    ).markdown
    assert "<script>" not in markdown
    assert r"&lt;script&gt;" in markdown
    assert r"\*x\* \[y\]\(z\) \| \`" in markdown
