"""The translator: whatever a recipe chooses is built and learns; padding changes no loss; smoothing and forcing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.models.search import search
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.text.special import END_ID, START_ID

CHOICES: dict[str, dict[str, Any]] = {
    "additive, fed": {},
    "LSTM, deep, copied": {
        "encoder": {"cell": "lstm", "layers": 2, "units": 4, "initial": "learned"},
        "decoder": {"cell": "lstm", "layers": 2, "units": 8, "bridge": "copy"},
    },
    "general, after": {"decoder": {"attention": {"score": "general", "input_feeding": False}}},
    "dot, no deep output": {
        "encoder": {"units": 4},
        "decoder": {"units": 8, "attention": {"score": "dot"}, "readout": None},
        "embeddings": {"tie": "none"},
    },
    "context at the start": {
        "encoder": {"bidirectional": False},
        "decoder": {"attention": None, "context": "start"},
        "embeddings": {"tie": "all"},
    },
    "context at each step, vanilla": {
        "encoder": {"cell": "rnn"},
        "decoder": {"cell": "rnn", "attention": None, "bridge": "zero", "initial": "learned"},
        "normalise": False,
    },
    "own words": {"teacher_forcing": {"first": 0.5, "last": 0.5}},
    "asked by the subword too": {"decoder": {"attention": {"units": 4, "query": "state_and_subword"}}},
    "bfloat16": {"training": {"precision": "bfloat16"}},
    "bfloat16, learned": {
        "training": {"precision": "bfloat16"},
        "encoder": {"initial": "learned"},
        "decoder": {"bridge": "zero", "initial": "learned"},
        "embeddings": {"tie": "none"},
    },
}


def _network(sections: dict[str, Any]) -> Translator:
    keras.utils.set_random_seed(4)
    small: dict[str, dict[str, Any]] = {
        "embeddings": {"size": 6, "dropout": 0.0},
        "encoder": {"units": 5, "dropout": 0.0, "dropout_outputs": 0.0},
        "decoder": {"units": 8, "readout": 6, "attention": {"units": 4}, "dropout": 0.0, "dropout_readout": 0.0},
    }
    merged = {
        **sections,
        **{name: {**section, **sections.get(name, {})} for name, section in small.items()},
        "data": {"train": {"pairs": "train"}, "dev": {"pairs": "dev"}},
    }
    recipe = TranslationRecipe.model_validate({"task": "translation", "name": "test", **merged})
    return Translator(recipe, {"source": 11, "target": 11}, None)


def _padded(rows: list[list[int]], width: int) -> Any:
    return np.array([row + [0] * (width - len(row)) for row in rows], np.int32)


def _batch(pairs: list[tuple[list[int], list[int]]], more: int = 0) -> dict[str, tf.Tensor]:
    """Return a batch; both sides get `more` places of padding."""
    sources = _padded([[*source, END_ID] for source, _ in pairs], max(len(source) for source, _ in pairs) + 1 + more)
    width = max(len(target) for _, target in pairs) + 1 + more
    arrays = {
        "source_ids": sources,
        "source_mask": sources > 0,
        "decoder_inputs": _padded([[START_ID, *target] for _, target in pairs], width),
        "target_ids": _padded([[*target, END_ID] for _, target in pairs], width),
    }
    arrays["padding_mask"] = arrays["target_ids"] > 0
    return {key: tf.constant(value) for key, value in arrays.items()}


PAIRS = [([4, 5, 6], [6, 5, 4]), ([7, 8], [8, 7]), ([9], [9]), ([10, 4, 10, 5], [5, 10, 4, 10])]


@pytest.mark.parametrize("sections", CHOICES.values(), ids=CHOICES)
def test_every_choice_learns_and_uses_all_its_weights(sections: dict[str, Any]) -> None:
    network, batch = _network(sections), _batch(PAIRS)
    network.teacher_forcing.assign(0.5 if network.scheduled else 1.0)
    optimizer = keras.optimizers.Adam(0.02)

    @tf.function
    def step() -> list[Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network.losses_of(batch, training=True))
        gradients: list[Any] = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
        optimizer.apply(gradients, network.trainable_weights)
        return gradients

    before = float(tf.reduce_sum(network.losses_of(batch)))
    for _ in range(40):
        gradients = step()
    assert float(tf.reduce_sum(network.losses_of(batch))) < 0.5 * before
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert float(tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient)))) > 0.0, weight.path
    named = network.named_weights()
    other = _network(sections)
    other.take_weights(named)
    np.testing.assert_allclose(other.losses_of(batch), network.losses_of(batch), rtol=1e-5)


@pytest.mark.parametrize("sections", CHOICES.values(), ids=CHOICES)
def test_padding_and_company_change_no_loss(sections: dict[str, Any]) -> None:
    network = _network(sections)
    tolerance = 1e-5 if network.recipe.training.precision == "float32" else 0.02
    together = network.losses_of(_batch(PAIRS))
    np.testing.assert_allclose(network.losses_of(_batch(PAIRS, more=3)), together, rtol=tolerance)
    for row, pair in enumerate(PAIRS):
        np.testing.assert_allclose(network.losses_of(_batch([pair]))[0], together[row], rtol=tolerance)


def test_judged_subwords_stand_sentence_by_sentence() -> None:
    network, batch = _network({}), _batch(PAIRS, more=1)
    losses, confidences, right = network.judged(batch)
    np.testing.assert_allclose(losses, network.losses_of(batch), rtol=1e-5)
    probabilities, mask = tf.nn.softmax(network(batch)).numpy(), batch["padding_mask"].numpy()
    np.testing.assert_allclose(confidences, probabilities.max(axis=2)[mask], rtol=1e-5)
    np.testing.assert_array_equal(right, (probabilities.argmax(axis=2) == batch["target_ids"])[mask])


def test_smoothing_is_the_mean_over_all_subwords() -> None:
    network, batch = _network({"label_smoothing": 0.2}), _batch(PAIRS)
    log_probabilities = tf.nn.log_softmax(network(batch)).numpy()
    smoothed = np.full(log_probabilities.shape, 0.2 / 11)
    rows, steps = np.indices(batch["target_ids"].shape)
    smoothed[rows, steps, batch["target_ids"]] += 0.8
    expected = -(smoothed * log_probabilities).sum(axis=2) * batch["padding_mask"].numpy()
    np.testing.assert_allclose(network.losses_of(batch, training=True), expected.sum(axis=1), rtol=1e-4)
    plain = -np.take_along_axis(log_probabilities, batch["target_ids"].numpy()[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(network.losses_of(batch), (plain * batch["padding_mask"].numpy()).sum(axis=1), rtol=1e-4)


def test_own_words_take_the_targets_place() -> None:
    network, batch = _network(CHOICES["own words"]), _batch(PAIRS)
    layout = Layout.of(batch["padding_mask"])
    own = tf.where(batch["padding_mask"], tf.argmax(network(batch), axis=-1, output_type=tf.int32), 0).numpy()
    begun = network.begin(batch)
    for share in (1.0, 0.0):
        network.teacher_forcing.assign(share)
        ids = network._with_own_words(batch["decoder_inputs"], layout, begun).numpy()
        expected = batch["decoder_inputs"].numpy().copy()
        if not share:
            expected[:, 1:] = own[:, :-1]
        np.testing.assert_array_equal(ids, expected)


def _reversal(attention: dict[str, Any] | None) -> tuple[Translator, float]:
    """Train to reverse strings of five digits; return the network and the share of new ones that it gets right."""
    network = _network(
        {
            "embeddings": {"size": 16},
            "encoder": {"units": 24},
            "decoder": {"units": 32, "readout": 16, "attention": attention},
            "label_smoothing": 0.0,
        }
    )
    random = np.random.default_rng(1)

    def draw(count: int) -> list[tuple[list[int], list[int]]]:
        digits = random.integers(4, 10, size=(count, 12)).tolist()
        return [(one, one[::-1]) for one in digits]

    optimizer = keras.optimizers.Adam(0.01)
    held_out = draw(100)

    @tf.function(reduce_retracing=True)
    def step(batch: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network.losses_of(batch, training=True))
        gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
        optimizer.apply(gradients, network.trainable_weights)

    for _ in range(400):
        step(_batch(draw(64)))
    found = search(network, _batch(held_out))
    right = [
        found.ids[row, 0, : int(found.lengths[row, 0])].numpy().tolist() == target
        for row, (_, target) in enumerate(held_out)
    ]
    return network, float(np.mean(right))


def test_reversing_digits_needs_attention_which_runs_backwards() -> None:
    network, right = _reversal({"units": 16})
    assert right == 1.0
    drawn = np.random.default_rng(2).integers(4, 10, size=(100, 12)).tolist()
    weights = network.alignments(_batch([(digits, digits[::-1]) for digits in drawn]))
    assert weights is not None
    # Each digit is written while its own place is looked at, the anti-diagonal, or now and then a neighbour of it.
    beside = np.abs(weights[:, :12, :12].numpy().argmax(axis=2) - np.arange(12)[::-1])
    assert np.mean(beside == 0) > 0.6
    assert np.mean(beside <= 1) > 0.95
    _, without = _reversal(None)
    assert without < 0.5
