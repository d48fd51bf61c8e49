"""Reports of translators: figures with signatures, and the sentences with every character shown as it is."""

from __future__ import annotations

from collections.abc import Sequence

from nlp_pipeline.evaluation.translation_report import TranslatedExample, ranked, translation_report_of
from nlp_pipeline.evaluation.translations import score_translations

EXAMPLES = [
    TranslatedExample("a dog", "ein Hund", "ein Hund", "test.en:1"),
    TranslatedExample("a man on a ladder", "ein Mann auf einer Leiter", "eine Frau auf einer Leiter", "test.en:2"),
    TranslatedExample("a very old house", "ein sehr altes Haus", "zwölf", "test.en:3"),
    TranslatedExample("a man and a dog", "ein Mann und ein Hund", "ein Mann und ein Hund", "test.en:4"),
    TranslatedExample("a woman", "eine Frau", "", "test.en:5"),
]


def _report(examples: Sequence[TranslatedExample], title: str = "a title") -> str:
    sides = [e.reference for e in examples], [e.hypothesis for e in examples], [e.source for e in examples]
    return translation_report_of(score_translations(*sides), examples, title)


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
    assert "| 6-10 | 0 |  |" in markdown
    assert r"| 41\+ | 0 |  |" in markdown
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
    assert r"source: &lt;script&gt; \*x\* \[y\]\(z\) \| \`" in markdown
    assert r"reference: a\\u000db\\u2028c\\u202ed" in markdown
    assert r"hypothesis: \# &amp;amp; \\ud800" in markdown
    assert r"(p\_1\_)" in markdown
    assert markdown.startswith("# a &lt;b&gt; &amp; \\*c\\*\n")
    markdown.encode("utf-8")
