"""The networks of the memory study: which ways lead from the first symbol to the answer, and how strong they are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import SYMBOLS, recall_examples
from nlp_pipeline.studies.recall_network import RecallNetwork

DISTANCE, UNITS, BATCH = 5, 4, 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(1)


@pytest.mark.parametrize("name", FORMS)
def test_scores_and_gradient(name: str) -> None:
    network = RecallNetwork(FORMS[name], UNITS)
    symbol_ids, answers = map(tf.constant, recall_examples(np.random.default_rng(1), DISTANCE, BATCH))
    scores = network(symbol_ids)
    assert scores.shape == (BATCH, SYMBOLS)
    # Each answer depends on its own row, and on the symbol at its beginning.
    np.testing.assert_allclose(network(symbol_ids[2:3])[0], scores[2], atol=1e-6)
    other = tf.concat([(symbol_ids[:, :1] + 1) % SYMBOLS, symbol_ids[:, 1:]], axis=1)
    assert (np.abs(network(other) - scores).max(axis=1) > 1e-7).all()

    states, memories = network.gradient_by_distance(symbol_ids, answers)
    assert states.shape == (DISTANCE + 1,)
    assert (states.numpy() > 0).all()
    assert (memories is None) == (FORMS[name].cell != "lstm")


def test_the_gradient_of_a_vanilla_rnn_is_the_product_of_its_factors() -> None:
    """Each step back multiplies by `diag(1 - h^2) U^T`, in float64, from the error at the scores."""
    network = RecallNetwork(FORMS["rnn"], UNITS)
    symbol_ids, answers = recall_examples(np.random.default_rng(1), DISTANCE, BATCH)
    received = network.gradient_by_distance(tf.constant(symbol_ids), tf.constant(answers))[0].numpy()
    vectors = network.embedding.get_weights()[0].astype(np.float64)
    kernel, recurrent, bias = (one.astype(np.float64) for one in network.stack.forward_layers[0].get_weights())
    out, out_bias = network.answer.get_weights()
    norms, errors = np.zeros((BATCH, DISTANCE + 1)), np.zeros(BATCH)
    for row in range(BATCH):
        states = [np.zeros(UNITS)]
        for symbol in symbol_ids[row]:
            states.append(np.tanh(vectors[symbol] @ kernel + states[-1] @ recurrent + bias))
        powers = np.exp(states[-1] @ out + out_bias)
        error = powers / powers.sum() - np.eye(SYMBOLS)[answers[row]]
        errors[row] = np.linalg.norm(error)
        gradient = out @ error
        for back in range(DISTANCE + 1):
            gradient = recurrent @ ((1.0 - states[-1 - back] ** 2) * gradient)
            norms[row, back] = np.linalg.norm(gradient)
    np.testing.assert_allclose(received, norms.mean(axis=0) / errors.mean(), rtol=1e-5)


def test_attention_has_a_way_of_its_own_to_every_state() -> None:
    """Without recurrent kernels nothing is carried: only attention still reaches the first symbol."""
    arrived = {}
    for name in ("lstm", "deep", "attention"):
        network = RecallNetwork(FORMS[name], UNITS)
        for layer in network.stack.forward_layers:
            kernel, recurrent, bias = layer.get_weights()
            bias[UNITS : 2 * UNITS] = -30.0  # the forget gates are shut
            layer.set_weights([kernel, np.zeros_like(recurrent), bias])
        examples = map(tf.constant, recall_examples(np.random.default_rng(1), DISTANCE, BATCH))
        arrived[name] = network.gradient_by_distance(*examples)[0].numpy()
    assert (arrived["lstm"] == 0.0).all()
    assert (arrived["deep"] < 1e-6).all()
    assert (arrived["attention"] > 1e-3).all()
