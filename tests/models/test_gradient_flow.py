"""The gradient through time of whole networks, against what is known of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.models.gradient_flow import tagger_gradient, translator_gradient
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.sentence import Sentence
from tests.tiny_translator import PAIRS

WORDS, TAGS = ("Ana", "Reis", "left", "Oslo", "."), ("B-PER", "I-PER", "O", "B-LOC", "O")


@pytest.mark.parametrize("word", [0, 2, 4])
def test_of_a_tagger_at_the_word_itself(tiny_bundle: Path, word: int) -> None:
    bundle = LoadedTagger.load(tiny_bundle).bundle
    network, inputs = bundle.network, bundle.inputs
    encoded = inputs.encode([Sentence(WORDS, tags=TAGS)])
    batch = {key: tf.constant(value) for key, value in inputs.batch(encoded).items()}
    norms = tagger_gradient(network, batch, word)
    assert norms.keys() == {"recurrent/layer_0"}
    # Of the word's own states, the loss knows by the emissions alone: W (p - y).
    difference = tf.nn.softmax(network(batch)[0, word]) - tf.one_hot(batch["tag_ids"][0, word], network.emission.units)
    expected = np.linalg.norm(network.emission.kernel.numpy() @ difference.numpy())
    assert norms["recurrent/layer_0"][word] == pytest.approx(expected, rel=1e-4)
    # One layer, both ways: every other word is on one of the two.
    assert (norms["recurrent/layer_0"] > 0).all()


def test_of_a_translators_decoder_against_targets_begun_in_the_middle(translator_folder: Path) -> None:
    bundle = LoadedTranslator.load(translator_folder / "run" / "bundle").bundle
    network, inputs = bundle.network, bundle.inputs
    encoded = inputs.encode([SentencePair(*PAIRS[0])])
    batch = {key: tf.constant(value) for key, value in inputs.batch(encoded).items()}
    ids, last = batch["decoder_inputs"], 3
    norms = translator_gradient(network, batch, last)
    assert norms.keys() == {"encoder/layer_0", "decoder/layer_0"}
    assert len(norms["decoder/layer_0"]) == last + 1
    assert len(norms["encoder/layer_0"]) == batch["source_mask"].shape[1]
    # The attention reaches every state of the encoder.
    assert (norms["encoder/layer_0"] > 0).all()
    begun, steps = network.begin(batch), network.decoder.steps()
    states = begun.states
    for step in range(last):
        _, _, states = steps(network.embed(ids[:, step]), steps.look_at(begun.source), states)
        with tf.GradientTape() as tape:
            tape.watch(states)
            rest = network.decoder(network.embed(ids[:, step + 1 : last + 1]), begun.source, states)
            logits = network.logits(rest.outputs[:, -1])
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["target_ids"][:, last], logits)
        expected = float(tf.norm(tape.gradient(loss, states[0][0])))
        assert norms["decoder/layer_0"][step] == pytest.approx(expected, rel=1e-3)
