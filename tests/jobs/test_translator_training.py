"""Training translators in every way that a recipe can ask for: each leaves a bundle that translates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nlp_pipeline.jobs import translator_training
from nlp_pipeline.jobs.attention import aligned_translation
from nlp_pipeline.jobs.encoded_pairs import EncodedPairs
from nlp_pipeline.jobs.evaluate_translator import evaluate_translator, insights_of
from nlp_pipeline.jobs.tasks import train
from nlp_pipeline.jobs.translator_scoring import TranslatorScoring
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.pair import SentencePair
from tests.conftest import TinyCheckpoint

RECIPE = """
task: translation
name: small
data: {{train: {{pairs: train.tsv}}, dev: {{pairs: train.tsv}}}}
subwords: {{kind: {kind}, size: 60, minimum: 1, joint: false}}
bert: {bert}
embeddings: {{size: 8, tie: none}}
encoder: {{units: 6, initial: learned}}
decoder: {{units: 8, readout: 8, attention: {attention}}}
teacher_forcing: {{first: 1.0, last: 0.5}}
training: {{epochs: 2, frozen_epochs: 1, batch_subwords: 64, learning_rate: 1e-2, strategy: none}}
dashboard: {{histograms: true, gradient_through_time: true}}
"""
SENTENCES = [
    "the house\tla maison",
    "the new house\tla maison neuve",
    "people play\tles gens jouent",
    "play\tjouez",
] * 3
BERT = "{{name: {folder}, level: {level}, finetune: {finetune}, layers: {layers}, window: 16, overlap: 4, {room}}}"


def _pixels_of(file: bytes) -> Any:
    """Return a PNG file's pixels."""
    import tensorflow as tf

    return tf.io.decode_png(file, channels=3).numpy()


def _pictures_in(logs: Path) -> dict[str, list[bytes]]:
    """Return TensorBoard's pictures as PNG files, by name, an epoch each."""
    events = EventAccumulator(str(logs), size_guidance={"tensors": 0})
    events.Reload()
    images = [tag for tag in events.Tags()["tensors"] if tag.startswith("images/alignment")]
    # A picture is stored as its width, its height, and the file.
    return {tag: [event.tensor_proto.string_val[2] for event in events.Tensors(tag)] for tag in images}


@pytest.mark.parametrize(
    ("kind", "attention", "bert"),
    [
        ("bpe", "{units: 4}", None),
        ("unigram", "null", None),
        ("words", "{score: general, input_feeding: false}", {"level": "word", "finetune": "false", "layers": "last4"}),
        ("bpe", "{units: 4}", {"level": "subword", "finetune": "true", "layers": "mix"}),
    ],
)
def test_each_way_leaves_a_bundle_that_translates(
    tmp_path: Path,
    tiny_checkpoint: TinyCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    attention: str,
    bert: dict[str, Any] | None,
) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(translator_training, "multiplies_bfloat16", lambda: True)
    (tmp_path / "train.tsv").write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    given = "null"
    if bert is not None:
        given = BERT.format(folder=tiny_checkpoint(), room="max_subwords_of_word: 8", **bert)
    (tmp_path / "small.yaml").write_text(RECIPE.format(kind=kind, attention=attention, bert=given), encoding="utf-8")
    recipe = read_recipe(tmp_path / "small.yaml", kind=TranslationRecipe)
    shown = io.StringIO()
    trained = train(recipe, tmp_path / "run", Console(file=shown, width=150))
    finetunes = bert is not None and bert["finetune"] == "true"
    assert len(trained.progress.epochs) == (3 if finetunes else 2)
    assert ("vectors of train" in shown.getvalue()) == (bert is not None)
    assert {"bleu", "chrf", "loss"} <= trained.metrics["dev"].keys()
    pictures = _pictures_in(tmp_path / "run" / "logs")
    assert sorted(pictures) == ([] if attention == "null" else [f"images/alignment_{number}" for number in range(1, 5)])
    assert {len(of_epochs) for of_epochs in pictures.values()} <= {len(trained.progress.epochs)}
    loaded = LoadedTranslator.load(trained.bundle)
    for of_epochs in [pictures[tag] for tag in sorted(pictures)[:1]]:
        # The first shown pair is the corpus' first; the picture of the epoch that was kept is that of the bundle.
        source, target = SENTENCES[0].split("\t")
        drawn = aligned_translation(loaded, source, target, by_words=True).figure_array()
        kept = _pixels_of(of_epochs[trained.progress.best.epoch - 1])
        assert drawn.shape == kept.shape
        assert np.abs(drawn.astype(int) - kept).max() <= 1
        evaluation = evaluate_translator(loaded, [SentencePair(source, target)], beam_size=1)
        aligned = insights_of(loaded, evaluation, [0])[0].alignment
        # What is shown of it are words, whatever the subwords.
        assert aligned is None or aligned.source_tokens == tuple(source.split())
        assert aligned is None or " ".join(aligned.target_tokens).split() == evaluation.examples[0].hypothesis.split()
    # What bfloat16 does is found out as the bundle will be used, without kept vectors.
    rounded = LoadedTranslator.load(trained.bundle, "bfloat16").bundle
    pairs = [SentencePair(*line.split("\t")) for line in SENTENCES]
    dev = EncodedPairs(rounded.inputs, rounded.inputs.encode(pairs))
    expected = TranslatorScoring(rounded, dev, pairs).score()["bleu"]
    assert trained.metrics["dev_bfloat16"] == {"bleu": pytest.approx(expected)}
    texts = ["the new house", "", "people"]
    together = [one.text for one in loaded.translate_stream(texts)]
    assert together == [loaded.translate(text).text for text in texts]
    assert together[1] == ""
    weights = load_file(trained.bundle / "weights.safetensors")
    loaded.bundle.write(tmp_path / "again")
    for name, value in load_file(tmp_path / "again" / "weights.safetensors").items():
        np.testing.assert_array_equal(value, weights[name])
    if bert is not None:
        assert any("/encoder/" in name for name in weights)


def test_the_share_of_teacher_forcing_falls_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    text = RECIPE.format(kind="bpe", attention="{units: 4}", bert="null")
    (tmp_path / "small.yaml").write_text(text.replace("epochs: 2, frozen_epochs: 1", "epochs: 5"), encoding="utf-8")
    recipe = read_recipe(tmp_path / "small.yaml", kind=TranslationRecipe)
    trained = train(recipe, tmp_path / "run", Console(file=io.StringIO()))
    network = LoadedTranslator.load(trained.bundle).bundle.network
    shares = []
    for epoch in range(1, 6):
        network.begin_epoch(epoch)
        shares.append(float(network.teacher_forcing))
    assert shares == pytest.approx([1.0, 0.875, 0.75, 0.625, 0.5])
