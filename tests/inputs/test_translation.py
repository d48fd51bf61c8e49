"""Batches of a translator: the arrays of a case worked out by hand, with trained subwords and with BERT's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_pipeline.inputs.translation import TranslationInputs, train_tokenizers
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.special import END_ID, START_ID
from tests.tiny_checkpoint import write_tiny_checkpoint

PAIRS = [SentencePair("the houses", "les maisons ."), SentencePair("the\u00a0new  river", "la rivi\u00e8re")]


def _recipe(**sections: Any) -> TranslationRecipe:
    data = {"train": {"pairs": "train"}, "dev": {"pairs": "dev"}}
    subwords = {"kind": "words", "size": 50, "minimum": 1, "joint": False, **sections.pop("subwords", {})}
    content = {"task": "translation", "name": "test", "data": data, "subwords": subwords, **sections}
    return TranslationRecipe.model_validate(content)


def test_the_arrays_of_two_pairs() -> None:
    recipe = _recipe()
    source, target = train_tokenizers(recipe, PAIRS)
    assert source is not None
    inputs = TranslationInputs(recipe, source, target, None)
    batch = inputs.batch(inputs.encode(PAIRS))
    # The no-break space and the two plain ones are one space each, as in the form that was learnt from.
    first, second = source.encode(["the houses", "the new river"])
    left, right = target.encode(["les maisons .", "la rivi\u00e8re"])
    expected: dict[str, Any] = {
        "source_ids": [[*first, END_ID, 0], [*second, END_ID]],
        "source_mask": [[True, True, True, False], [True] * 4],
        "decoder_inputs": [[START_ID, *left], [START_ID, *right, 0]],
        "target_ids": [[*left, END_ID], [*right, END_ID, 0]],
        "padding_mask": [[True] * 4, [True, True, True, False]],
    }
    assert {key: value.tolist() for key, value in batch.items()} == expected
    assert [pair.cost for pair in inputs.encode(PAIRS)] == [4, 4]


def test_a_joint_vocabulary_is_one_object() -> None:
    source, target = train_tokenizers(_recipe(subwords={"joint": True}), PAIRS)
    assert source is target
    one, other = train_tokenizers(_recipe(), PAIRS)
    assert one is not None
    assert len(one) != len(target)
    assert other.decode(other.encode(["les maisons ."])[0]) == "les maisons ."


@pytest.mark.parametrize("level", ["subword", "word"])
def test_a_source_for_bert(tmp_path: Path, level: str) -> None:
    folder = write_tiny_checkpoint(tmp_path / "encoder")
    recipe = _recipe(bert={"name": str(folder), "level": level, "window": 16, "overlap": 4, "max_subwords_of_word": 8})
    bert = CheckpointTokenizer(folder, max_subwords_of_word=8)
    source, target = train_tokenizers(recipe, PAIRS)
    assert source is None
    inputs = TranslationInputs(recipe, None, target, bert)
    batch = inputs.batch(inputs.encode(PAIRS))
    counts = [[len(ids) for ids in bert.subwords_of(words)] for words in (["the", "houses"], ["the", "new", "river"])]
    places = [sum(of_text) if level == "subword" else len(of_text) for of_text in counts]
    assert batch["source_mask"].sum(axis=1).tolist() == places
    width = batch["source_mask"].shape[1]
    for row in range(2):
        owners = batch["word_of_subword"][row]
        assert set(owners[owners > 0]) == {row * width + place + 1 for place in range(places[row])}
    kept = [
        np.full((count, 1, 4), 100 * row, np.float16) + np.arange(count, dtype=np.float16)[:, None, None]
        for row, count in enumerate(places)
    ]
    with_vectors = inputs.batch(inputs.encode(PAIRS), kept)
    assert "subword_ids" not in with_vectors
    # The first places of both, the longer source first, then the second ones, and so on.
    rows = sorted(range(2), key=lambda row: -places[row])
    in_steps = [100 * row + place for place in range(max(places)) for row in rows if place < places[row]]
    np.testing.assert_array_equal(with_vectors["word_vectors"], np.tile(np.array(in_steps)[:, None, None], [1, 1, 4]))


def test_one_of_two_tokenizers_is_needed() -> None:
    source, target = train_tokenizers(_recipe(), PAIRS)
    for given in ((None, target, None), (source, target, object())):
        with pytest.raises(ValueError, match="expected either a source_tokenizer or a bert_tokenizer"):
            TranslationInputs(_recipe(), *given)  # type: ignore[arg-type]
