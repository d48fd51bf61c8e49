"""A loaded translator: sentences, several translations of each, parts of long ones, and where the decoder looked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nlp_pipeline
from nlp_pipeline.errors import BundleError
from nlp_pipeline.inputs.translation import SourcePlaces
from nlp_pipeline.serving import translator as module
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.special import UNKNOWN_ID
from tests.tiny_translator import PAIRS

FIRST, SECOND = "the red dog sleeps .", "the black cat eats ."


@pytest.fixture(scope="module")
def translator(translator_folder: Path) -> LoadedTranslator:
    loaded = nlp_pipeline.load(translator_folder / "run" / "bundle")
    assert isinstance(loaded, LoadedTranslator)
    return loaded


def test_a_sentence_with_all_that_is_told_of_it(translator: LoadedTranslator) -> None:
    found = translator.translate(FIRST)
    assert found.text == found.hypotheses[0].text == "le chien rouge dort ."
    assert found.source == FIRST
    assert found.places.subwords == found.places.texts == ("▁the", "▁red", "▁dog", "▁sleeps", "▁.")
    assert found.places.words == ("the", "red", "dog", "sleeps", ".")
    assert found.places.word_ids == (0, 1, 2, 3, 4)
    assert found.hypotheses[0].subwords == ("▁le", "▁chien", "▁rouge", "▁dort", "▁.")
    assert found.parts == 1
    assert found.hypotheses[0].weights is not None
    (weights,) = found.hypotheses[0].weights
    assert weights.shape == (5, 5)
    assert (weights.sum(axis=1) <= 1 + 1e-5).all()
    assert weights[1].argmax() == 2
    assert weights[2].argmax() == 1


def test_what_is_no_text_is_refused(translator: LoadedTranslator) -> None:
    for wrong in (["the red dog"], 3, None):
        with pytest.raises(TypeError, match=r"expected a text\. Received"):
            translator.translate(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected texts; `translate` takes one\. Received: 'the red dog'"):
        next(translator.translate_stream("the red dog"))


def test_a_stream_is_each_for_itself(translator: LoadedTranslator, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [source for source, _ in PAIRS[:7]] + ["", "\u200b \t", "xyzzy"]
    alone = [translator.translate(text) for text in texts]
    monkeypatch.setattr(module, "LOOK_AHEAD", 3)
    taken = 0

    def given() -> Any:
        nonlocal taken
        for text in texts:
            taken += 1
            yield text

    together = translator.translate_stream(given())
    assert next(together).text == alone[0].text
    assert taken == 3
    assert [one.text for one in together] == [one.text for one in alone[1:]]
    assert [one.parts for one in alone[-3:]] == [0, 0, 1]
    assert alone[-2].hypotheses[0].text == ""
    assert alone[-2].hypotheses[0].weights is None


def test_spaces_and_forms_make_no_difference(translator: LoadedTranslator) -> None:
    assert translator.translate(f"  {FIRST.replace(' ', chr(0xA0))}\u00ad").text == translator.translate(FIRST).text


def test_several_translations_are_ranked(translator: LoadedTranslator) -> None:
    found = translator.translate(FIRST, n_best=4, beam_size=4)
    scores = [one.score for one in found.hypotheses]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    assert len({one.text for one in found.hypotheses}) == 4
    assert found.hypotheses[0] == translator.translate(FIRST, beam_size=4).hypotheses[0]


@pytest.mark.parametrize("n_best", [0, 3])
def test_more_translations_than_the_beam_holds_are_refused(translator: LoadedTranslator, n_best: int) -> None:
    with pytest.raises(ValueError, match=f"expected n_best from 1 to the beam_size, 2. Received: {n_best}"):
        translator.translate(FIRST, n_best=n_best, beam_size=2)


def test_what_is_too_long_is_translated_in_parts(translator: LoadedTranslator) -> None:
    parts = [translator.translate(text, n_best=2, beam_size=2) for text in (FIRST, SECOND)]
    found = translator.translate(f"{FIRST} {SECOND}", n_best=2, beam_size=2, part=6)
    assert found.parts == 2
    for name in ("subwords", "texts", "words"):
        assert getattr(found.places, name) == getattr(parts[0].places, name) + getattr(parts[1].places, name)
    assert found.places.word_ids == tuple(range(10))
    for number, hypothesis in enumerate(found.hypotheses):
        first, second = (part.hypotheses[number] for part in parts)
        assert hypothesis.text == f"{first.text} {second.text}"
        assert hypothesis.subwords == first.subwords + second.subwords
        assert hypothesis.score == pytest.approx(first.score + second.score, abs=1e-5)
        assert hypothesis.log_probability == pytest.approx(first.log_probability + second.log_probability, abs=1e-5)
        assert hypothesis.weights is not None
        assert first.weights is not None
        assert second.weights is not None
        for block, expected in zip(hypothesis.weights, (*first.weights, *second.weights), strict=True):
            np.testing.assert_allclose(block, expected, atol=1e-5)
    assert translator.translate(f"{FIRST} {SECOND}", part=11).parts == 1


def test_what_training_has_not_seen_is_cut(translator: LoadedTranslator) -> None:
    # Five words and an end were the longest, and no source held two sentences.
    searching = translator.bundle.recipe.search
    assert (searching.part, searching.sentences) == (12, True)
    found = translator.translate(f"{FIRST} The black cat eats .")
    assert found.parts == 2
    assert found.text.startswith("le chien rouge dort . ")
    assert translator.translate(f"{FIRST} The black cat eats .", sentences=False).parts == 1
    assert translator.translate(f"{FIRST} " * 20).parts >= 9


def test_a_given_target_is_aligned_as_if_it_had_been_found(translator: LoadedTranslator) -> None:
    found = translator.translate(FIRST, beam_size=1)
    (aligned,) = translator.align([SentencePair(FIRST, found.text)])
    assert aligned.hypotheses[0].subwords == found.hypotheses[0].subwords
    assert aligned.hypotheses[0].log_probability == pytest.approx(found.hypotheses[0].log_probability, abs=1e-4)
    assert aligned.hypotheses[0].weights is not None
    assert found.hypotheses[0].weights is not None
    np.testing.assert_allclose(aligned.hypotheses[0].weights[0], found.hypotheses[0].weights[0], atol=1e-4)


def test_a_word_that_is_not_known_is_copied_from_where_the_decoder_looked(translator: LoadedTranslator) -> None:
    tokenizer = translator.bundle.inputs.target_tokenizer
    weights = np.eye(2, 3, dtype=np.float32)[np.newaxis]
    ids = np.array([[tokenizer.encode(["le"])[0][0], UNKNOWN_ID]])
    found = (ids, np.array([2]), np.zeros(1), np.zeros(1), weights)
    texts = ("▁the", "▁Rex", "▁.")
    (hypothesis,) = translator._hypotheses(found, 1, SourcePlaces(texts, texts, (0, 1, 2), ("the", "Rex", ".")))
    assert hypothesis.text == "le Rex"
    assert hypothesis.subwords == ("▁le", "▁Rex")


def test_what_nobody_knows_stands_as_it_is(translator: LoadedTranslator) -> None:
    found = translator.translate("собака  спит")
    assert (found.text, found.parts, found.unknown) == ("собака  спит", 1, 1)
    assert found.hypotheses[0].weights is not None
    assert found.hypotheses[0].weights[0].shape == (0, 2)
    some = translator.translate("собака sleeps .")
    assert (some.parts, some.unknown) == (1, 0)


def test_a_tagger_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="expected the bundle of a translator, received that of a tagger"):
        LoadedTranslator.load(tiny_bundle)


def test_a_shortlist_finds_what_was_learned(translator: LoadedTranslator) -> None:
    texts = [source for source, _ in PAIRS]
    whole = [one.text for one in translator.translate_stream(texts)]
    few = list(translator.translate_stream(texts, shortlist=2))
    assert [one.text for one in few] == whole == [target for _, target in PAIRS]
    # Fewer subwords share the probability.
    assert few[0].hypotheses[0].log_probability > translator.translate(texts[0]).hypotheses[0].log_probability


def test_a_bundle_without_a_shortlist_searches_all_subwords_alone(translator: LoadedTranslator, tmp_path: Path) -> None:
    replace(translator.bundle, shortlist=None).write(tmp_path / "bundle")
    rights = {path.name: path.stat().st_mode for path in (tmp_path / "bundle").iterdir()}
    assert rights["weights.safetensors"] == rights["recipe.yaml"]
    without = LoadedTranslator.load(tmp_path / "bundle")
    assert without.bundle.shortlist is None
    assert without.translate(FIRST).text == translator.translate(FIRST).text
    with pytest.raises(BundleError, match=r"search\.shortlist: expected 0 of a bundle without a shortlist"):
        without.translate(FIRST, shortlist=5)


def test_in_bfloat16_the_weights_are_the_same_and_so_are_the_translations(
    translator: LoadedTranslator, translator_folder: Path
) -> None:
    rounded = LoadedTranslator.load(translator_folder / "run" / "bundle", "bfloat16")
    again = LoadedTranslator(translator.bundle.in_precision("bfloat16"))
    for other in (rounded, again):
        assert other.bundle.recipe.training.precision == "bfloat16"
        for name, value in translator.bundle.network.named_weights().items():
            np.testing.assert_array_equal(other.bundle.network.named_weights()[name], value)
        for settings in ({}, {"shortlist": 3}):
            found, expected = (one.translate(SECOND, **settings) for one in (other, translator))
            assert found.text == expected.text
            assert found.hypotheses[0].score == pytest.approx(expected.hypotheses[0].score, abs=0.02)
