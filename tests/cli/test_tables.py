"""Tables for the terminal: numbers stand to the right, texts to the left."""

from __future__ import annotations

import pytest

from nlp_pipeline.cli.tables import comparison_tables, encoder_table, translation_table
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagger_comparison import TaggerComparison
from nlp_pipeline.evaluation.translation_report import TranslatedExample
from nlp_pipeline.evaluation.translations import score_translations
from nlp_pipeline.evaluation.translator_comparison import TranslatorComparison
from nlp_pipeline.text.sentence import Sentence


def test_texts_stand_to_the_left() -> None:
    assert [column.justify for column in encoder_table([]).columns] == ["left"] * 3
    scores = translation_table(score_translations(["a b"], ["a b"], ["c"]))
    assert [column.justify for column in scores.columns] == ["left", "right", "left"]


@pytest.mark.parametrize("of_taggers", [True, False])
def test_scores_of_a_comparison_are_from_0_to_100(of_taggers: bool) -> None:
    comparison: TaggerComparison | TranslatorComparison
    if of_taggers:
        right = TaggedExample(Sentence(("a",), ("B-PER",)), ("B-PER",))
        comparison = TaggerComparison.of(("x", "y"), [right], [right])
    else:
        same = TranslatedExample("s", "a b c d", "a b c d")
        comparison = TranslatorComparison.of(("x", "y"), [same], [same])
    first = comparison_tables(comparison)[0].columns[1]
    assert str(next(iter(first.cells))) == "100.00"
