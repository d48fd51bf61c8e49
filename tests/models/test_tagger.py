"""The tagger: whatever a recipe chooses is built, learns, and gives a sentence its tags in any company."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.inputs.feeding import few_shapes
from nlp_pipeline.inputs.tagging import TaggingInputs, build_vocabularies
from nlp_pipeline.inputs.vectors import keep_vectors
from nlp_pipeline.layers.layout import equal_steps
from nlp_pipeline.layers.products import of_words
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.schemes import Scheme, TagError, entities_from_tags
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from tests.tiny_checkpoint import write_tiny_checkpoint

SENTENCES = [
    Sentence(("the", "Houses", "of", "Berlin"), tags=("O", "B-LOC", "I-LOC", "I-LOC")),
    Sentence(("paying", "people"), tags=("O", "B-PER")),
    Sentence(("Berlin",), tags=("B-LOC",)),
    Sentence(
        ("new", "people", "the", "river", "!?", "\ufe0f", "zzz") * 4, tags=("B-PER", "I-PER", "O", "B-LOC", *"OOO") * 4
    ),
]
ENCODER = {"window": 16, "overlap": 4, "max_subwords_of_word": 8}
SMALL_CNN = {"size": 4, "units": 5, "longest": 8}
SMALL_LSTM = {"kind": "lstm", "size": 4, "units": 3, "longest": 8}

CHOICES: dict[str, dict[str, Any]] = {
    "last layer, first subword": {"encoder": {**ENCODER, "layers": "last", "pooling": "first"}},
    "mixed layers, last subword": {"encoder": {**ENCODER, "layers": "mix", "pooling": "last"}},
    "four layers, everything beside": {
        "encoder": {**ENCODER, "layers": "last4"},
        "characters": SMALL_CNN,
        "words": {"size": 6, "minimum": 1},
        "casing": {"size": 2},
    },
    "fine-tuned encoder": {"encoder": {**ENCODER, "finetune": True, "dropout": 0.1}, "characters": SMALL_LSTM},
    "words alone": {"words": {"size": 12, "minimum": 1}},
    "characters alone": {"characters": SMALL_LSTM, "recurrent": {"units": 9, "projection": None, "layers": 2}},
    "no recurrent layer": {"words": {"size": 12, "minimum": 1}, "recurrent": {"layers": 0, "projection": None}},
    "one way": {
        "words": {"size": 12, "minimum": 1},
        "recurrent": {"cell": "gru", "units": 7, "bidirectional": False, "dropout": {"recurrent": 0.2}},
    },
    "vanilla RNN, softmax": {
        "words": {"size": 12, "minimum": 1},
        "recurrent": {"cell": "rnn", "units": 7, "layers": 3},
        "decoder": {"kind": "softmax", "scheme": "BILOU"},
    },
    "softmax over an encoder": {"encoder": ENCODER, "decoder": {"kind": "softmax", "scheme": "IOB2"}},
    "bfloat16": {"encoder": ENCODER, "characters": SMALL_CNN, "training": {"precision": "bfloat16"}},
}


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    keras.utils.set_random_seed(7)


def _recipe(sections: dict[str, Any]) -> TaggingRecipe:
    left_out: dict[str, Any] = {"encoder": None, "characters": None, "words": None, "casing": None}
    base: dict[str, Any] = {"task": "tagging", "name": "test", "data": {"train": "train", "dev": "dev"}}
    recurrent = {"units": 8, "projection": 10, **sections.get("recurrent", {})}
    return TaggingRecipe.model_validate({**base, **left_out, **sections, "recurrent": recurrent})


def _make(sections: dict[str, Any], encoder_folder: Path) -> tuple[TaggingInputs, Tagger]:
    recipe = _recipe(sections)
    folder = None if recipe.encoder is None else encoder_folder
    tokenizer = None
    if recipe.encoder is not None:
        tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word)
    tag_set = TagSet(["LOC", "PER"], Scheme(recipe.decoder.scheme))
    inputs = TaggingInputs(recipe, tag_set, build_vocabularies(SENTENCES, recipe), tokenizer)
    return inputs, Tagger.for_inputs(inputs, folder, from_checkpoint=True)


def _batch(inputs: TaggingInputs, sentences: list[Sentence]) -> dict[str, Any]:
    return {key: tf.constant(value) for key, value in inputs.batch(inputs.encode(sentences)).items()}


@pytest.mark.parametrize("sections", CHOICES.values(), ids=CHOICES)
def test_every_choice_learns_and_uses_all_its_weights(sections: dict[str, Any], encoder_folder: Path) -> None:
    inputs, network = _make(sections, encoder_folder)
    batch = _batch(inputs, SENTENCES)
    optimizer = keras.optimizers.Adam(0.01)

    @tf.function
    def step() -> tuple[tf.Tensor, list[Any]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network.losses_of(batch, training=True))
        gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
        optimizer.apply(gradients, network.trainable_weights)
        return loss, gradients

    before = float(tf.reduce_sum(network.losses_of(batch)))
    for _ in range(40):
        _, gradients = step()
    assert float(tf.reduce_sum(network.losses_of(batch))) < 0.7 * before
    assert all(gradient is not None for gradient in gradients)
    in_encoder = [weight for weight in network.trainable_weights if "/encoder/" in weight.path]
    assert bool(in_encoder) == network.finetunes


@pytest.mark.parametrize("sections", CHOICES.values(), ids=CHOICES)
def test_company_changes_nothing(sections: dict[str, Any], encoder_folder: Path) -> None:
    inputs, network = _make(sections, encoder_folder)
    exact = network.recipe.training.precision == "float32"
    together, losses = network(_batch(inputs, SENTENCES)), network.losses_of(_batch(inputs, SENTENCES))
    assert together.dtype == tf.float32
    for row, sentence in enumerate(SENTENCES):
        alone = _batch(inputs, [sentence])
        length = len(sentence.words)
        tolerance = 1e-5 if exact else 0.05
        np.testing.assert_allclose(together[row, :length], network(alone)[0], atol=tolerance)
        np.testing.assert_allclose(losses[row], network.losses_of(alone)[0], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scheme", ["IOB2", "IOBES", "BILOU"])
@pytest.mark.parametrize("kind", ["crf", "softmax"])
def test_no_invalid_tags_come_out_of_random_weights(kind: str, scheme: str, encoder_folder: Path) -> None:
    sections = {"words": {"size": 4, "minimum": 1}, "decoder": {"kind": kind, "scheme": scheme}}
    inputs, network = _make(sections, encoder_folder)
    generator = np.random.default_rng(3)
    for weight in network.weights:
        weight.assign(generator.normal(size=weight.shape, scale=3.0))
    batch = _batch(inputs, SENTENCES)
    tag_ids, confidences = network.best_tags(batch)
    for row, sentence in enumerate(SENTENCES):
        length = len(sentence.words)
        names = inputs.tag_set.tags(tag_ids[row, :length].numpy().tolist())
        entities_from_tags(names, Scheme(scheme))
        assert np.all(confidences[row, :length] > 0.0)
        assert np.all(confidences[row, :length] <= 1.0 + 1e-5)
    # The check can fail: the words' own best tags are not a valid sentence.
    best = tf.argmax(network(batch), axis=-1)[3].numpy().tolist()
    with pytest.raises(TagError):
        entities_from_tags(inputs.tag_set.tags(best), Scheme(scheme))


@pytest.mark.parametrize("kept", [False, True])
def test_rows_and_places_of_padding_change_nothing(kept: bool, encoder_folder: Path) -> None:
    """What is padded to few shapes, as for XLA, has sentences without any word, and kept vectors of no word."""
    inputs, network = _make({"encoder": ENCODER, "characters": SMALL_CNN}, encoder_folder)
    encoded = inputs.encode(SENTENCES)
    batch = inputs.batch(encoded)
    if kept:
        assert network.bert is not None
        lengths = [len(one.words) for one in encoded]
        vectors = network.bert.vectors_to_keep(batch).numpy().astype(np.float16)
        batch = inputs.batch(encoded, np.split(vectors, np.cumsum(lengths)[:-1]))
    padded = few_shapes(batch, window=64)
    assert padded["padding_mask"].shape != batch["padding_mask"].shape
    expected = network(batch).numpy()[batch["padding_mask"]]
    with equal_steps():
        received = [network(padded)]
    if not kept:
        received.append(network(padded))
    for one in received:
        np.testing.assert_allclose(one.numpy()[padded["padding_mask"]], expected, atol=1e-5)


@pytest.mark.parametrize("sections", CHOICES.values(), ids=CHOICES)
def test_a_batch_of_padding_alone_is_no_failure(sections: dict[str, Any], encoder_folder: Path) -> None:
    inputs, network = _make(sections, encoder_folder)
    batch = _batch(inputs, SENTENCES)
    batch["padding_mask"] = tf.zeros_like(batch["padding_mask"])
    tag_ids, confidences = network.best_tags(batch)
    assert tag_ids.shape == confidences.shape == batch["padding_mask"].shape
    assert np.isfinite(network(batch)).all()


@pytest.mark.parametrize("layers", ["last", "last4", "mix"])
def test_in_bfloat16_kept_vectors_are_the_encoders_own(layers: str, encoder_folder: Path, tmp_path: Path) -> None:
    """Kept as they are computed, they give the same bits."""
    encoder, training = {**ENCODER, "layers": layers}, {"precision": "bfloat16"}
    inputs, network = _make({"encoder": encoder, "characters": SMALL_CNN, "training": training}, encoder_folder)
    encoded, bert = inputs.encode(SENTENCES), network.bert
    assert bert is not None
    lengths = [len(one.words) for one in encoded]
    batch = inputs.batch(encoded)

    def encode(batches: Sequence[Sequence[int]]) -> Iterator[NDArray[Any]]:
        # All in one batch, as below: the last bits depend on it.
        assert sorted(index for one in batches for index in one) == list(range(len(encoded)))
        whole = np.split(bert.vectors_to_keep(batch).numpy(), np.cumsum(lengths)[:-1])
        return (np.concatenate([whole[index] for index in one]) for one in batches)

    kept = keep_vectors(tmp_path, "key", lengths, [one.cost for one in encoded], encode)
    from_kept = inputs.batch(encoded, list(kept))
    assert from_kept["word_vectors"].dtype == tf.bfloat16.as_numpy_dtype
    mask = batch["padding_mask"]
    np.testing.assert_array_equal(network(from_kept).numpy()[mask], network(batch).numpy()[mask])


@pytest.mark.parametrize("layers", ["last", "last4", "mix"])
def test_kept_vectors_give_what_the_encoder_gives(layers: str, encoder_folder: Path) -> None:
    inputs, network = _make({"encoder": {**ENCODER, "layers": layers}, "characters": SMALL_CNN}, encoder_folder)
    batch = _batch(inputs, SENTENCES)
    assert network.bert is not None
    vectors = network.bert.vectors_to_keep(batch)
    # Two layers and the embeddings: `mix` has them all, `last4` what there is.
    encoded = inputs.encode(SENTENCES)
    lengths = [len(one.words) for one in encoded]
    assert vectors.shape == (sum(lengths), {"last": 1, "last4": 3, "mix": 3}[layers], 16)
    kept = np.split(vectors.numpy().astype(np.float16), np.cumsum(lengths)[:-1])
    from_kept = network(inputs.batch(encoded, kept))
    mask = batch["padding_mask"].numpy()
    np.testing.assert_allclose(from_kept[mask], network(batch)[mask], atol=5e-3)


def test_where_nothing_is_trained_products_of_words_have_few_shapes(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, network = _make(CHOICES["four layers, everything beside"], encoder_folder)
    batch, seen = _batch(inputs, SENTENCES), []

    def watched(words: tf.Tensor, kernel: tf.Tensor, training: bool | None) -> tf.Tensor:
        seen.append((kernel.shape[0], training))
        return of_words(words, kernel, training)

    monkeypatch.setattr("nlp_pipeline.models.tagger.of_words", watched)
    monkeypatch.setattr("nlp_pipeline.layers.recurrent.of_words", watched)
    network(batch, training=True)
    assert {training for _, training in seen} == {True}
    seen.clear()
    network(batch)
    assert {training for _, training in seen} == {False}
    projection, recurrent = network.recipe.recurrent.projection, network.recurrent
    assert recurrent is not None
    assert network.bert is not None
    # What the encoder gives, and what stands beside it; then the inputs of both directions.
    widths = [width for width, _ in seen]
    assert widths[0] == network.bert.units
    assert widths[2:] == [projection] * 2 * recurrent.layers


@pytest.mark.parametrize("at_once", [1, 40, 100])
def test_windows_that_are_encoded_in_parts_give_the_same_vectors(
    at_once: int, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, network = _make({"encoder": ENCODER}, encoder_folder)
    batch, bert = _batch(inputs, SENTENCES), network.bert
    assert bert is not None
    parts = []
    encode = bert._layers_of

    def watched(subword_ids: tf.Tensor, *others: Any) -> tf.Tensor:
        parts.append(subword_ids.shape[0])
        return encode(subword_ids, *others)

    whole = bert.vectors_to_keep(batch)
    monkeypatch.setattr("nlp_pipeline.models.bert_vectors.SUBWORDS_AT_ONCE", at_once)
    monkeypatch.setattr(bert, "_layers_of", watched)
    np.testing.assert_allclose(bert.vectors_to_keep(batch), whole, atol=1e-5)
    windows, width = batch["subword_ids"].shape
    assert sum(parts) == windows
    assert len(parts) == -(-windows // max(1, at_once // width)) > 1
    assert len(set(parts[:-1])) == 1


def test_weights_have_lasting_names_and_travel(encoder_folder: Path) -> None:
    inputs, network = _make(CHOICES["four layers, everything beside"], encoder_folder)
    named = network.named_weights()
    keras.utils.set_random_seed(99)
    _, other = _make(CHOICES["four layers, everything beside"], encoder_folder)
    assert other.named_weights().keys() == named.keys()
    batch = _batch(inputs, SENTENCES)
    assert not np.allclose(other(batch), network(batch))
    other.take_weights(named)
    np.testing.assert_array_equal(other(batch), network(batch))
    for name, part in (("decoder/transitions", "decoder"), ("tagger/words/embeddings", "words")):
        assert name in named, part


def test_weights_of_another_network_are_refused(encoder_folder: Path) -> None:
    _, network = _make({"words": {"size": 4, "minimum": 1}}, encoder_folder)
    named = network.named_weights()
    lacking = {name: value for name, value in named.items() if name != "decoder/transitions"}
    with pytest.raises(ValueError, match="received others: decoder/transitions"):
        network.take_weights(lacking)
    with pytest.raises(ValueError, match=r"decoder/transitions of shape \(9, 9\), received \(2, 2\)"):
        network.take_weights({**named, "decoder/transitions": np.zeros((2, 2), np.float32)})


def test_a_frozen_encoder_drops_nothing_in_training(encoder_folder: Path) -> None:
    sections: dict[str, Any] = {
        "encoder": {**ENCODER, "dropout": 0.5},
        "word_dropout": 0.0,
        "recurrent": {"dropout": {"inputs": 0.0, "between": 0.0}},
        "decoder": {"dropout": 0.0},
    }
    inputs, network = _make(sections, encoder_folder)
    batch = _batch(inputs, SENTENCES)
    np.testing.assert_array_equal(network.losses_of(batch, training=True), network.losses_of(batch))
    sections["encoder"]["finetune"] = True
    inputs, network = _make(sections, encoder_folder)
    assert not np.allclose(network.losses_of(batch, training=True), network.losses_of(batch))


def test_masked_words_are_hidden_whole_in_training_alone(encoder_folder: Path) -> None:
    sections = {"encoder": {**ENCODER, "finetune": True, "dropout": 0.0, "masking": 0.5, "pooling": "mean"}}
    inputs, network = _make(sections, encoder_folder)
    bert = network.bert
    assert bert is not None
    seen: list[NDArray[np.int32]] = []
    embed = bert.encoder.embeddings.call

    def spy(subword_ids: tf.Tensor, *rest: Any, **named: Any) -> Any:
        seen.append(subword_ids.numpy())
        return embed(subword_ids, *rest, **named)

    batch = {key: tf.constant(value) for key, value in inputs.batch(inputs.encode(SENTENCES), None, True).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bert.encoder.embeddings, "call", spy)
        for training in (False, True, True):
            bert.encode_words(batch, training=training)
    plain, one, other = seen
    ids, words = batch["subword_ids"].numpy(), batch["whole_words"].numpy()
    np.testing.assert_array_equal(plain, ids)
    assert not np.array_equal(one, other)
    for masked in (one, other):
        hidden = masked != ids
        assert set(masked[hidden]) == {bert.mask_id}
        assert not hidden[words == 0].any()
        for word in set(words.ravel()) - {0}:
            of_word = (masked == bert.mask_id)[words == word]
            assert of_word.all() or not of_word.any()
        assert 0.2 < len(set(words[hidden])) / len(set(words.ravel())) < 0.8


def test_a_window_longer_than_the_encoders_positions_is_refused(encoder_folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"expected the encoder's window to be at most 64, received 65"):
        _make({"encoder": {**ENCODER, "window": 65}}, encoder_folder)


def test_a_tokenizer_with_more_subwords_than_vectors_is_refused(encoder_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(encoder_folder, tmp_path / "encoder")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    held = config["vocab_size"]
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": held - 7}), encoding="utf-8")
    with pytest.raises(EncoderError, match=f"expected a tokenizer of at most {held - 7} subwords.*one of {held}"):
        _make({"encoder": ENCODER}, folder)
