"""Comparisons: the differences of two systems, whether they are chance, and what became of each sentence."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.evaluation.bootstrap import Estimate, drawn_places
from nlp_pipeline.evaluation.entity_counts import Slice
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagger_comparison import TaggerComparison
from nlp_pipeline.evaluation.translation_report import TranslatedExample
from nlp_pipeline.evaluation.translations import SHOWN_SCORES, score_translations
from nlp_pipeline.evaluation.translator_comparison import TranslatorComparison
from nlp_pipeline.text.sentence import Sentence

GOLD = ("B-PER O B-LOC", "B-LOC O O", "O B-PER I-PER", "O O O", "B-LOC O B-PER")
FIRST = ("B-PER O O", "B-LOC O O", "O B-PER O", "O O B-LOC", "O O B-PER")
SECOND = ("B-PER O B-LOC", "O O O", "B-PER O O", "O O O", "O O B-PER")
FATES = ("mended", "broken", "otherwise", "mended", "same")


def _tagged(predicted: tuple[str, ...]) -> list[TaggedExample]:
    return [
        TaggedExample(Sentence(("Ana", "<b>met", "Rui"), tuple(gold.split()), place=f"x:{number}"), tuple(tags.split()))
        for number, (gold, tags) in enumerate(zip(GOLD, predicted, strict=True))
    ]


def _f1(examples: list[TaggedExample]) -> float:
    found = sum(len(one.hits) for one in examples)
    both = sum(len(one.gold_entities) + len(one.predicted_entities) for one in examples)
    return 2 * found / both if both else float("nan")


def test_the_difference_is_that_of_scoring_every_resample_twice() -> None:
    first, second = _tagged(FIRST), _tagged(SECOND)
    told = TaggerComparison.of(("a", "b"), first, second).differences["f1"]
    assert (told.first, told.second) == pytest.approx((_f1(first), _f1(second)))
    differences = np.array(
        [
            _f1([second[place] for place in row]) - _f1([first[place] for place in row])
            for block in drawn_places(5)
            for row in block
        ]
    )
    differences = differences[~np.isnan(differences)]
    assert (told.difference.low, told.difference.high) == pytest.approx(tuple(np.quantile(differences, (0.025, 0.975))))
    far = np.abs(differences - differences.mean()) >= abs(told.difference.value) - 1e-9
    assert told.p_value == pytest.approx((far.sum() + 1) / (len(differences) + 1))


def test_what_comes_in_few_sentences_is_not_called_significant() -> None:
    whole, nothing = _tagged(GOLD), _tagged(("O O O",) * 5)
    told = TaggerComparison.of(("a", "b"), nothing[:1], whole[:1]).differences
    assert (told["f1"].difference, told["f1"].p_value) == (Estimate(1.0), 1.0)
    # Of five sentences four hold an entity, three a PER and three a LOC.
    told = TaggerComparison.of(("a", "b"), nothing, whole).differences
    assert [told[part].p_value for part in ("f1", "recall")] == pytest.approx([1 / 8, 1 / 8])
    assert [told[Slice("type", name)].p_value for name in ("PER", "LOC")] == pytest.approx([1 / 4, 1 / 4])
    # Only the sentences that the two tag differently count: here one, of two that hold a PER.
    told = TaggerComparison.of(
        ("a", "b"), _tagged(("B-PER O O",) + ("O O O",) * 4), _tagged(GOLD[:1] + ("O O O",) * 4)
    ).differences
    assert told[Slice("type", "LOC")].p_value == 1.0


def test_every_sentence_has_its_fate() -> None:
    comparison = TaggerComparison.of(("a", "b"), _tagged(FIRST), _tagged(SECOND))
    assert comparison.counts() == {"mended": 2, "broken": 1, "otherwise": 1, "same": 1}
    changes = {one["place"]: one["fate"] for one in comparison.changes_json()}
    assert changes == {f"x:{number}": fate for number, fate in enumerate(FATES) if fate != "same"}


def test_the_other_way_round_it_is_the_other_way_round() -> None:
    there = TaggerComparison.of(("a", "b"), _tagged(FIRST), _tagged(SECOND))
    back = TaggerComparison.of(("b", "a"), _tagged(SECOND), _tagged(FIRST))
    for name in ("f1", "precision", "recall", Slice("type", "PER"), Slice("type", "LOC")):
        one, other = there.differences[name], back.differences[name]
        assert one.difference.value == pytest.approx(-other.difference.value)
        assert one.difference.low == pytest.approx(-(other.difference.high or 0.0))
        assert one.p_value == other.p_value
    assert back.counts() == {"mended": 1, "broken": 2, "otherwise": 1, "same": 1}


def test_a_comparison_is_shown_with_both_outputs_and_no_markup() -> None:
    document = TaggerComparison.of(("runs/<i>a", "runs/b"), _tagged(FIRST), _tagged(SECOND)).document("a and b")
    page, markdown = page_of(document), markdown_of(document)
    for text in (page, markdown):
        assert "Mended: 2" in text
        assert "Broken: 1" in text
        assert "1 errors, then 0" in text
        assert "<b>met" not in text
        assert "<i>a" not in text
        assert len(re.findall(r"[(>]x:\d", text)) == 4
    assert '<span>first</span><p dir="auto">' in page
    assert '<span>second</span><p dir="auto">' in page


def test_other_sentences_are_refused() -> None:
    with pytest.raises(ValueError, match="the same sentences"):
        TaggerComparison.of(("a", "b"), _tagged(FIRST), _tagged(SECOND)[1:])


def _translated(*hypotheses: str) -> list[TranslatedExample]:
    references = ("ein Hund schläft hier", "eine Katze frisst viel", "das Haus ist alt", "<b> rot")
    return [
        TranslatedExample(f"s{number}", reference, hypothesis, f"x:{number}")
        for number, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True))
    ]


BEFORE = _translated("ein Hund schläft dort", "eine Katze frisst viel", "das Haus", "<b> rot")
AFTER = _translated("ein Hund schläft hier", "Katze", "das Haus", "<b> rot")


def test_translators_are_compared_by_sacrebleus_figures() -> None:
    comparison = TranslatorComparison.of(("a", "b"), BEFORE, AFTER)
    for some, told in zip((BEFORE, AFTER), ("first", "second"), strict=True):
        expected = score_translations([one.reference for one in some], [one.hypothesis for one in some])
        for name, shown in SHOWN_SCORES.items():
            assert getattr(comparison.rows()[shown], told) == pytest.approx(getattr(expected, name).score)
    assert comparison.counts() == {"mended": 1, "broken": 1, "otherwise": 0, "same": 2}
    assert [(one["place"], one["fate"]) for one in comparison.changes_json()] == [("x:0", "mended"), ("x:1", "broken")]
    document = comparison.document("a and b")
    for text in (page_of(document), markdown_of(document)):
        assert "ein Hund schläft dort" in text
        assert "das Haus" not in text
        assert "There is none." in text


def test_a_translator_does_not_differ_from_itself() -> None:
    comparison = TranslatorComparison.of(("a", "a"), BEFORE, BEFORE)
    assert comparison.differences["bleu"].p_value == 1.0
    assert comparison.counts()["same"] == 4
    page_of(comparison.document("t"))


def test_one_translated_sentence_is_not_called_significant() -> None:
    differences = TranslatorComparison.of(("a", "b"), BEFORE[:1], AFTER[:1]).differences
    assert differences["bleu"].difference.value > 0
    assert set(differences) == set(SHOWN_SCORES)
    assert {one.p_value for one in differences.values()} == {1.0}
