"""A translator's functions in a graph against the translator itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.inputs.translation import TranslationInputs, train_tokenizers
from nlp_pipeline.models.shortlist import Shortlist
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.recipe import TranslationRecipe
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.serving.translator_export import TranslatorExport
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.pair import SentencePair
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.tiny_translator import PAIRS

TEXTS = [
    "the red dog sleeps .",
    "the green bird eats . The lion sleeps. a xyzzy cat, 12 Ü",
    "",
    " \u3000",
    "一二 三",
    "the dog 一二",
    "the red dog and the black cat and the white lion eat " * 4,
    "e\u0301t\u00ade",
]
BERT = {"name": "tiny", "window": 32, "overlap": 8, "max_subwords_of_word": 12}
VARIANTS: dict[str, dict[str, Any]] = {
    "bpe, joint": {"subwords": {"kind": "bpe", "size": 70}, "search": {"part": 24}},
    "unigram, by sentence, no attention": {
        "subwords": {"kind": "unigram", "size": 60, "joint": False},
        "decoder": {"attention": None, "readout": 12, "units": 10},
        "search": {"sentences": True, "part": 30},
    },
    "bpe, of a shortlist": {"subwords": {"kind": "bpe", "size": 70}, "search": {"part": 24, "shortlist": 3}},
    "whole words, copied": {"subwords": {"kind": "words", "size": 60, "minimum": 1, "lowercase": True}},
    "bert, by subword": {"bert": BERT, "subwords": {"size": 60}, "search": {"part": 20}},
    "bert, by word": {"bert": {**BERT, "level": "word"}, "subwords": {"kind": "words", "size": 32, "minimum": 9}},
}


def random_bundle(folder: Path, settings: dict[str, Any]) -> TranslatorBundle:
    """Return a translator with random weights."""
    recipe = TranslationRecipe.model_validate(
        {
            "task": "translation",
            "name": "random",
            "data": {
                "train": {"source": "a", "target": "b"},
                "dev": {"source": "a", "target": "b"},
                "source_language": "English",
                "target_language": "French",
            },
            "embeddings": {"size": 12},
            "encoder": {"units": 8},
            "decoder": {"units": 10, "readout": 12, "attention": {"units": 6}},
            **settings,
        }
    )
    search = recipe.search.model_copy(update={"sentences": bool(recipe.search.sentences)})
    recipe = recipe.model_copy(update={"search": search})
    source, target = train_tokenizers(recipe, [SentencePair(*pair) for pair in PAIRS])
    tokenizer = encoder_folder = None
    if recipe.bert is not None:
        encoder_folder = write_tiny_checkpoint(folder)
        tokenizer = CheckpointTokenizer(folder, max_subwords_of_word=recipe.bert.max_subwords_of_word)
    inputs = TranslationInputs(recipe, source, target, tokenizer)
    keras.utils.set_random_seed(12)
    network = Translator.for_inputs(inputs, encoder_folder, use_cudnn=False)
    for weight in network.trainable_weights:
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.4, seed=4))
    shortlist = None
    if source is not None:
        encoded = inputs.encode([SentencePair(*pair) for pair in PAIRS])
        sides = [one.source.ids for one in encoded], [one.target_ids for one in encoded]
        shortlist = Shortlist.learned(*sides, len(source), len(target))
    return TranslatorBundle(recipe, inputs, network, None, shortlist)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_texts_get_the_translations_of_the_bundle(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than one batch.
    monkeypatch.setattr("nlp_pipeline.serving.translator_export.BATCH_SUBWORDS", 60)
    bundle = random_bundle(tmp_path, settings)
    translator = LoadedTranslator(bundle)
    translate = TranslatorExport(bundle, ["text"]).exported.functions["translate_text"]
    for beam_size, length_penalty in ((1, 0.0), (3, 0.7)):
        found = translate(
            text=tf.constant(TEXTS), beam_size=tf.constant(beam_size), length_penalty=tf.constant(length_penalty)
        )
        found = {name: value.numpy() for name, value in found.items()}
        own = list(translator.translate_stream(TEXTS, beam_size=beam_size, length_penalty=length_penalty))
        assert [text.decode() for text in found["text"]] == [one.text for one in own]
        assert found["score"].tolist() == pytest.approx([one.hypotheses[0].score for one in own], abs=1e-3)
        assert any(one.parts > 1 for one in own) == ("search" in settings)
        for row, one in enumerate(own):
            best = one.hypotheses[0]
            assert [subword.decode() for subword in found["target_subwords"][row] if subword] == list(best.subwords)
            assert [subword.decode() for subword in found["source_subwords"][row] if subword] == list(
                one.places.subwords
            )
            if bundle.recipe.decoder.attention is None:
                assert "alignment" not in found
                continue
            # Each part's weights over its own source, and where that begins.
            expected, starts = np.zeros(found["alignment"].shape[1:]), np.zeros(found["alignment"].shape[1])
            target = source = 0
            for block in best.weights or ():
                expected[target : target + block.shape[0], : block.shape[1]] = block
                starts[target : target + block.shape[0]] = source
                target, source = target + block.shape[0], source + block.shape[1]
            np.testing.assert_allclose(found["alignment"][row], expected, atol=1e-5)
            np.testing.assert_array_equal(found["alignment_starts"][row], starts)
            if "search" in settings:
                assert found["alignment"].shape[2] < found["source_subwords"].shape[1]


def test_no_text_at_all(tmp_path: Path) -> None:
    bundle = random_bundle(tmp_path, VARIANTS["bpe, joint"])
    translate = TranslatorExport(bundle, ["text"]).exported.functions["translate_text"]
    found = translate(text=tf.constant([], tf.string), beam_size=tf.constant(2), length_penalty=tf.constant(0.0))
    assert found["text"].shape == (0,)


def test_a_mask_with_holes_is_refused(tmp_path: Path) -> None:
    bundle = random_bundle(tmp_path, VARIANTS["bpe, joint"])
    translate = TranslatorExport(bundle, ["ids"]).exported.functions["serving_default"]
    settings = {"beam_size": tf.constant(2), "length_penalty": tf.constant(0.0)}

    def found(mask: list[list[bool]]) -> Any:
        return translate(source_ids=tf.fill([2, 3], 5), source_mask=tf.constant(mask), **settings)

    assert found([[True, True, False], [True, True, True]])["ids"].shape[0] == 2
    for holes in ([[True, False, True], [True] * 3], [[False, True, True], [True] * 3]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="true at the left of each row"):
            found(holes)
