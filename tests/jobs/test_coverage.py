"""Coverage by subwords: counted by hand with a checkpoint's tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp_pipeline.inputs.tagging import TaggingInputs
from nlp_pipeline.jobs.coverage import coverage_of
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.text.vocabulary import Vocabulary
from tests.conftest import TinyCheckpoint


def test_words_are_cut_as_the_tokenizer_cuts_them(tiny_checkpoint: TinyCheckpoint, tmp_path: Path) -> None:
    tokenizer = CheckpointTokenizer(tiny_checkpoint(), max_subwords_of_word=8)
    recipe = TaggingRecipe.model_validate({"task": "tagging", "name": "t", "data": {"train": "a", "dev": "a"}})
    inputs = TaggingInputs(recipe, TagSet(["PER"]), {}, tokenizer)
    words = ["a", "a", "ab", "abcabc", "\u4e2d", "\u4e2d", "\u4e2d", "x" * 500]
    (tmp_path / "words.conll").write_text("".join(f"{word} O\n" for word in words), encoding="utf-8")
    found = coverage_of(inputs, str(tmp_path / "words.conll"))
    cut = [tokenizer.subwords_of([word])[0] for word in words]
    assert (found["words"], found["distinct"]) == (8, 5)
    assert (found["vocabulary"], found["characters"]) == (None, None)
    subwords = found["subwords"]
    assert subwords["a_word"] == pytest.approx(sum(map(len, cut)) / 8)
    assert subwords["whole"] == pytest.approx(sum(len(ids) == 1 for ids in cut) / 8)
    assert subwords["most"][1] == max(map(len, cut))
    unknown = {word for word, ids in zip(words, cut, strict=True) if tokenizer.unknown_id in ids}
    assert {word for word, _ in subwords["unknown"]} == unknown
    assert subwords["known"] == pytest.approx(1 - sum(word in unknown for word in words) / 8)


@pytest.mark.parametrize("column", [1, -1])
def test_words_stand_where_the_recipe_says_unless_the_call_says_otherwise(tmp_path: Path, column: int) -> None:
    data = {"train": "a", "dev": "a", "word_column": column}
    recipe = TaggingRecipe.model_validate({"task": "tagging", "name": "t", "data": data})
    inputs = TaggingInputs(recipe, TagSet(["PER"]), {"words": Vocabulary.from_counts({"Ana": 1, "Rui": 1})}, None)
    (tmp_path / "words.conll").write_text("1 Ana\n2 Rui\n", encoding="utf-8")
    path = str(tmp_path / "words.conll")
    assert coverage_of(inputs, path)["vocabulary"]["known"] == 1
    assert coverage_of(inputs, path, 0)["vocabulary"]["known"] == 0
