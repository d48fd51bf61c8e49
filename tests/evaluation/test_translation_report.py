"""Reports of translators: figures with signatures, and the sentences with every character shown as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nlp_pipeline.documents.document import Quoted
from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.evaluation.alignment_panels import PANEL, PANELS, heat_maps_of
from nlp_pipeline.evaluation.heatmap import AlignedTranslation
from nlp_pipeline.evaluation.translation_report import (
    Candidate,
    Insight,
    TranslatedExample,
    TranslationReport,
    ranked,
)
from nlp_pipeline.evaluation.translations import SHOWN_SCORES, score_translations

EXAMPLES = [
    TranslatedExample("a dog", "ein Hund", "ein Hund", "test.en:1"),
    TranslatedExample("a man on a ladder", "ein Mann auf einer Leiter", "eine Frau auf einer Leiter", "test.en:2"),
    TranslatedExample("a very old house", "ein sehr altes Haus", "zwölf", "test.en:3"),
    TranslatedExample("a man and a dog", "ein Mann und ein Hund", "ein Mann und ein Hund", "test.en:4"),
    TranslatedExample("a woman", "eine Frau", "", "test.en:5"),
]


def _numbers(examples: Sequence[TranslatedExample]) -> TranslationReport:
    sides = [e.reference for e in examples], [e.hypothesis for e in examples], [e.source for e in examples]
    return TranslationReport.of(score_translations(*sides), examples)


def _report(examples: Sequence[TranslatedExample], title: str = "a title") -> str:
    return markdown_of(_numbers(examples).document(title))


def test_from_the_worst_to_the_best() -> None:
    order = [it.example.place[-1] for it in ranked(EXAMPLES)]
    assert order == ["5", "3", "2", "1", "4"]  # both 1 and 4 are right: the longer one is the better
    assert ranked([]) == []


def test_the_worst_come_first_and_the_right_ones_among_the_best() -> None:
    markdown = _report(EXAMPLES)
    worst, best = markdown.split("## The 3 worst sentences")[1].split("## The 2 best sentences")
    assert [worst.index(f"test.en:{number}") for number in (5, 3, 2)] == sorted(
        worst.index(f"test.en:{number}") for number in (5, 3, 2)
    )
    assert best.index("test.en:4") < best.index("test.en:1")
    assert "1. BLEU 0.00, chrF 0.00 (test.en:5)\n    - source: a woman\n    - reference: eine Frau\n" in worst
    assert "    - hypothesis: *nothing*\n" in worst
    assert "1. BLEU 100.00, chrF 100.00 (test.en:4)" in best


def test_figures_stand_with_their_signatures_and_by_length() -> None:
    markdown = _report(EXAMPLES)
    assert "5 sentences. sacrebleu" in markdown
    assert r"case:mixed\|eff:no\|tok:13a\|smooth:exp" in markdown
    assert r"case:lc\|eff:no\|tok:13a\|smooth:exp" in markdown
    assert "| words of the source | sentences | BLEU |" in markdown
    assert "| 6-10 | 0 |  |  |  |" in markdown
    assert "| 41+ | 0 |  |  |  |" in markdown
    assert "Empty: 1." in markdown


def test_fifty_and_twenty_and_no_more() -> None:
    wrong = [TranslatedExample(f"s{i}", f"gut {i}", "schlecht", f"w:{i}") for i in range(70)]
    right = [TranslatedExample(f"s{i}", f"gut {i}", f"gut {i}", f"r:{i}") for i in range(30)]
    markdown = _report([*wrong, *right])
    assert "## The 50 worst sentences" in markdown
    assert "## The 20 best sentences" in markdown
    assert "\n50. " in markdown
    assert "\n51. " not in markdown


def test_what_looks_like_markup_is_shown_not_meant() -> None:
    nasty = TranslatedExample("<script> *x* [y](z) | `", "a\rb\u2028c\u202ed", "# &amp; \ud800", "p_1_")
    markdown = _report([nasty], "a <b> & *c*")
    assert "<script>" not in markdown
    assert r"source: &lt;script&gt; \*x\* \[y\]\(z\) &#124; \`" in markdown
    assert r"reference: a\\u000db\\u2028c\\u202ed" in markdown
    assert r"hypothesis: \# &amp;amp; \\ud800" in markdown
    assert r"(p\_1\_)" in markdown
    assert markdown.startswith("# a &lt;b&gt; &amp; \\*c\\*\n")
    markdown.encode("utf-8")


def _insight(tokens: int) -> Insight:
    names = tuple(f"<{number}>" for number in range(tokens))
    weights = np.eye(tokens, dtype=np.float32) * 0.87
    candidates = (Candidate("eine <b>Frau", -0.25, -1.5), Candidate("ein Weib", -0.5, -3.0))
    return Insight(AlignedTranslation(names, names, weights), candidates)


def test_alignments_are_gone_through_and_candidates_listed() -> None:
    report = _numbers(EXAMPLES)
    report = replace(report, insights={number: _insight(3) for number in report.looked_into() if number != 4})
    document = report.document("t")
    page, markdown = page_of(document), markdown_of(document)
    assert page.count('<div class="step">') == 4  # of the empty translation there is nothing to draw
    assert page.count("<script>") == 1
    assert "&lt;1&gt;" in page
    assert "<b>0.87</b>" in page
    assert "| 2 | -0.500 | -3.00 | ein Weib |" in markdown
    assert "- &lt;1&gt; ← &lt;1&gt; (0.87)" in markdown
    assert "eine <b>Frau" not in page + markdown


def test_without_attention_there_is_nothing_to_go_through_and_no_script() -> None:
    page = page_of(_numbers(EXAMPLES).document("t"))
    assert "<script" not in page
    assert "script-src" not in page
    assert "Where it looks" not in page


def test_a_long_sentence_is_cut_into_panels_that_together_show_all_of_it() -> None:
    report = _numbers(EXAMPLES[:1])
    size = 2 * PANEL + 5
    document = replace(report, insights={0: _insight(size)}).document("t")
    page, markdown = page_of(document), markdown_of(document)
    assert page.count("<b>0.87</b>") == size
    # On the diagonal; what is beside it is empty.
    assert page.count("Translation down (words ") == 2 * 3
    assert "(words 57 to 85 of 85), source across (57 to 85 of 85)" in markdown
    for number in range(size):
        assert f"- &lt;{number}&gt; ← &lt;{number}&gt; (0.87)" in markdown


def test_panels_have_every_weight_at_its_place_and_mark_what_is_largest_of_all() -> None:
    weights = np.random.default_rng(1).dirichlet(np.full(97, 0.05), 50).astype(np.float32)
    aligned = AlignedTranslation(tuple(f"s{at}" for at in range(97)), tuple(f"t{at}" for at in range(50)), weights)
    maps = heat_maps_of(aligned)
    found = np.zeros_like(weights)
    marked = []
    for one in maps:
        assert max(len(one.rows), len(one.columns)) <= PANEL
        rows, columns = (
            [int(name.text[1:]) for name in side if isinstance(name, Quoted)] for side in (one.rows, one.columns)
        )
        found[np.ix_(rows, columns)] = one.shares
        assert one.marked is not None
        marked += [(row, columns[at]) for row, at in zip(rows, one.marked, strict=True) if at is not None]
    assert len(maps) == 6
    np.testing.assert_array_equal(found, weights)
    assert sorted(marked) == list(enumerate(weights.argmax(axis=1)))


def test_of_a_very_long_sentence_it_is_said_how_much_is_not_shown() -> None:
    words = tuple(map(str, range(2_000)))
    maps = heat_maps_of(AlignedTranslation(words, words, np.eye(2_000, dtype=np.float32)))
    assert len(maps) == PANELS
    assert maps[-1].caption.endswith("; 26 more panels are not shown")
    assert not heat_maps_of(AlignedTranslation(words, (), np.zeros((0, 2_000), np.float32)))


def test_the_json_tells_intervals_around_the_scores() -> None:
    told = _numbers(EXAMPLES).to_json()
    for name in SHOWN_SCORES:
        assert told[name]["value"] == pytest.approx(told["scores"][name]["score"])
        assert told[name]["low"] <= told[name]["value"] <= told[name]["high"]
    assert list(told["by_length"]) == list(told["scores"]["by_length"])
    for words, bucket in told["scores"]["by_length"].items():
        estimate = told["by_length"][words]
        assert (estimate is None) == (bucket["count"] == 0)
        if estimate is not None:
            assert estimate["value"] == pytest.approx(bucket["score"])
            assert (estimate["low"] is None) == (bucket["count"] == 1)
            if bucket["count"] > 1:
                assert estimate["low"] <= estimate["value"] <= estimate["high"]
