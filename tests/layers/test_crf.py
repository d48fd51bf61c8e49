"""The CRF against brute force over all paths."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.crf import CRF
from tests.layers.paths import (
    CONSTRAINTS,
    ENDS,
    LENGTH,
    LENGTHS,
    MASK,
    STARTS,
    TAGS,
    TRANSITIONS,
    BruteForce,
    adversarial_emissions,
    is_allowed,
    padded,
)


class Case:
    """A CRF with random scores, random emissions, and the same by brute force."""

    def __init__(self, constrained: bool) -> None:
        random = np.random.default_rng(17)
        self.crf = CRF(5, **CONSTRAINTS) if constrained else CRF(TAGS)
        tags = self.crf.tags
        for weight in self.crf.weights:
            weight.assign(random.normal(size=weight.shape))
        self.emissions = random.normal(scale=2.0, size=(len(LENGTHS), LENGTH, tags)).astype(np.float32)
        scores = [np.asarray(weight, np.float64) for weight in self.crf.weights]
        self.sentences = [
            BruteForce(self.emissions[row, :length].astype(np.float64), (scores[0], scores[1], scores[2]), constrained)
            for row, length in enumerate(LENGTHS)
        ]


@pytest.fixture(params=[False, True], ids=["free", "constrained"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def test_path_score_of_every_path(case: Case) -> None:
    for row, sentence in enumerate(case.sentences[:4]):
        many = len(sentence.paths)
        tag_ids = padded(list(sentence.paths), (LENGTH,)).astype(np.int32)
        emissions, mask = np.repeat(case.emissions[[row]], many, 0), np.repeat(MASK[[row]], many, 0)
        np.testing.assert_allclose(case.crf.path_score(emissions, tag_ids, mask), sentence.scores, rtol=1e-5, atol=1e-5)


def test_log_normalizer(case: Case) -> None:
    expected = [sentence.log_normalizer for sentence in case.sentences]
    np.testing.assert_allclose(case.crf.log_normalizer(case.emissions, MASK), expected, rtol=1e-6, atol=1e-6)


def test_probabilities_of_all_paths_add_up_to_one(case: Case) -> None:
    sentence = case.sentences[2]
    many = len(sentence.paths)
    tag_ids = padded(list(sentence.paths), (LENGTH,)).astype(np.int32)
    losses = case.crf.negative_log_likelihood(
        np.repeat(case.emissions[[2]], many, 0), tag_ids, np.repeat(MASK[[2]], many, 0)
    )
    assert float(tf.reduce_sum(tf.exp(-losses))) == pytest.approx(1.0, abs=1e-5)


def test_best_path(case: Case) -> None:
    tag_ids, scores = case.crf.best_path(case.emissions, MASK)
    assert tag_ids.dtype == tf.int32
    np.testing.assert_array_equal(tag_ids, padded([sentence.best for sentence in case.sentences], (LENGTH,)))
    np.testing.assert_allclose(scores, [sentence.scores.max() for sentence in case.sentences], rtol=1e-5)
    np.testing.assert_allclose(scores, case.crf.path_score(case.emissions, tag_ids, MASK), rtol=1e-5)


def test_marginals_and_confidences(case: Case) -> None:
    expected = padded([sentence.marginals() for sentence in case.sentences], (LENGTH, case.crf.tags))
    np.testing.assert_allclose(case.crf.marginals(case.emissions, MASK), expected, atol=1e-6)
    tag_ids = np.random.default_rng(3).integers(0, case.crf.tags, MASK.shape).astype(np.int32)
    of_tags = np.take_along_axis(expected, tag_ids[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(case.crf.confidences(case.emissions, tag_ids, MASK), of_tags, atol=1e-6)


def test_gradient_of_log_normalizer_is_what_is_expected(case: Case) -> None:
    """d log Z / d score is the expected count of what is scored, here by brute force, weighted by the sentence."""
    weighting = np.arange(1.0, 1.0 + len(LENGTHS))
    emissions = tf.constant(case.emissions)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        total = tf.reduce_sum(case.crf.log_normalizer(emissions, MASK) * weighting.astype(np.float32))
    variables = [weight.value for weight in case.crf.weights]
    of_emissions, of_transitions, of_starts, of_ends = tape.gradient(total, [emissions, *variables])

    marginals = [sentence.marginals() for sentence in case.sentences]
    weighted = list(zip(weighting, case.sentences, marginals, strict=True))
    expected = padded([weight * of_words for weight, _, of_words in weighted], (LENGTH, case.crf.tags))
    np.testing.assert_allclose(of_emissions, expected, atol=1e-5)
    counts = sum(weight * sentence.expected_transitions() for weight, sentence, _ in weighted)
    np.testing.assert_allclose(of_transitions, counts, atol=1e-5)
    np.testing.assert_allclose(of_starts, sum(weight * of_words[0] for weight, _, of_words in weighted), atol=1e-5)
    np.testing.assert_allclose(of_ends, sum(weight * of_words[-1] for weight, _, of_words in weighted), atol=1e-5)


def test_gradient_of_loss_by_finite_differences() -> None:
    """Every score that the loss depends on is moved both ways, and the loss computed anew by brute force."""
    case = Case(constrained=True)
    sentences = [2, 3]
    gold = {2: (1, 2, 0), 3: (0, 3, 4, 4)}
    emissions = tf.constant(case.emissions[sentences])
    tag_ids = padded([gold[row] for row in sentences], (LENGTH,)).astype(np.int32)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        total = tf.reduce_sum(case.crf.negative_log_likelihood(emissions, tag_ids, MASK[sentences]))
    gradients = tape.gradient(total, [emissions, *(weight.value for weight in case.crf.weights)])

    scores = [np.asarray(emissions, np.float64), *(np.asarray(weight, np.float64) for weight in case.crf.weights)]

    def loss() -> float:
        total = 0.0
        for index, row in enumerate(sentences):
            brute = BruteForce(scores[0][index, : LENGTHS[row]], (scores[1], scores[2], scores[3]), constrained=True)
            total += brute.log_normalizer - float(brute.scores[brute.paths.index(gold[row])])
        return total

    for array, gradient in zip(scores, gradients, strict=True):
        for index in np.ndindex(array.shape):
            middle = array[index]
            array[index] = middle + 1e-4
            above = loss()
            array[index] = middle - 1e-4
            below = loss()
            array[index] = middle
            assert float(tf.convert_to_tensor(gradient)[index]) == pytest.approx((above - below) / 2e-4, abs=1e-5)


def test_nothing_overflows_under_adversarial_emissions() -> None:
    random = np.random.default_rng(6)
    crf = CRF(5, **CONSTRAINTS)
    for array in adversarial_emissions(random):
        emissions = tf.constant(array, tf.float32)
        tag_ids, _ = crf.best_path(emissions, MASK)
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            losses = crf.negative_log_likelihood(emissions, tag_ids, MASK)
        gradients = tape.gradient(losses, [emissions, *(weight.value for weight in crf.weights)])
        assert np.all(np.isfinite(losses))
        assert all(np.all(np.isfinite(tf.convert_to_tensor(gradient))) for gradient in gradients)
        marginals = tf.reduce_sum(crf.marginals(emissions, MASK), axis=2)
        np.testing.assert_allclose(marginals, MASK.astype(np.float32), atol=1e-5)


def test_forbidden_transitions_get_no_gradient() -> None:
    case = Case(constrained=True)
    tag_ids, _ = case.crf.best_path(case.emissions, MASK)
    with tf.GradientTape() as tape:
        losses = case.crf.negative_log_likelihood(case.emissions, tag_ids, MASK)
    variables = [case.crf.transitions.value, case.crf.start_scores.value, case.crf.end_scores.value]
    for gradient, allowed in zip(tape.gradient(losses, variables), (TRANSITIONS, STARTS, ENDS), strict=True):
        np.testing.assert_array_equal(np.asarray(tf.convert_to_tensor(gradient))[~np.array(allowed)], 0.0)


def test_long_sentences_stay_exact() -> None:
    """2,000 words against the forward algorithm in float64; the marginals are as good at the start as at the end."""
    random = np.random.default_rng(8)
    crf = CRF(5, **CONSTRAINTS)
    for weight in crf.weights:
        weight.assign(random.normal(size=weight.shape))
    lengths = np.array([2000, 1500])
    mask = np.arange(2000) < lengths[:, None]
    emissions = random.normal(scale=3.0, size=(2, 2000, 5)).astype(np.float32)
    transitions = np.where(TRANSITIONS, np.asarray(crf.transitions, np.float64), -np.inf)
    starts = np.where(STARTS, np.asarray(crf.start_scores, np.float64), -np.inf)
    ends = np.where(ENDS, np.asarray(crf.end_scores, np.float64), -np.inf)
    expected = []
    for row, length in enumerate(lengths):
        forward = starts + emissions[row, 0]
        for word in range(1, length):
            forward = np.logaddexp.reduce(forward[:, None] + transitions, axis=0) + emissions[row, word]
        expected.append(np.logaddexp.reduce(forward + ends))

    @tf.function
    def run() -> tuple[tf.Tensor, ...]:
        return crf.log_normalizer(emissions, mask), crf.marginals(emissions, mask), crf.best_path(emissions, mask)[0]

    log_normalizers, marginals, path = run()
    np.testing.assert_allclose(log_normalizers, expected, rtol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(marginals, axis=2), mask.astype(np.float32), atol=2e-5)
    for row, length in enumerate(lengths):
        assert is_allowed(tuple(path.numpy()[row, :length].tolist()))


def test_learns_what_only_transitions_tell() -> None:
    """Only the first word's emission says anything: the tags go round in a circle from there."""
    random = np.random.default_rng(9)
    first = random.integers(0, 3, 32)
    tag_ids = ((first[:, None] + np.arange(6)) % 3).astype(np.int32)
    emissions = np.zeros((32, 6, 3), np.float32)
    emissions[np.arange(32), 0, first] = 3.0
    mask = np.arange(6) < random.integers(2, 7, 32)[:, None]
    crf = CRF(3)
    optimizer = keras.optimizers.Adam(0.2)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(crf.negative_log_likelihood(emissions, tag_ids, mask))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in crf.weights]), crf.weights)

    for _ in range(60):
        step()
    path, _ = crf.best_path(emissions, mask)
    np.testing.assert_array_equal(path, np.where(mask, tag_ids, 0))
    np.testing.assert_array_less(0.8, crf.confidences(emissions, path, mask).numpy()[mask])


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            {"allowed_starts": [True] * 4},
            "expected `allowed_starts` of 5 entries, one for each tag. Received: 4 entries",
        ),
        ({"allowed_ends": [True] * 6}, "expected `allowed_ends` of 5 entries, one for each tag. Received: 6 entries"),
        ({"allowed_transitions": [[True] * 5] * 4}, "expected `allowed_transitions` of 5 rows.*Received: 4 rows"),
        ({"allowed_transitions": [[True] * 4] * 5}, "expected `allowed_transitions` of 5 entries.*Received: 4 entries"),
    ],
)
def test_constraints_that_do_not_fit(constraints: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRF(5, **constraints)


def test_a_shift_of_all_emissions_does_not_blur_the_loss() -> None:
    case = Case(constrained=True)
    tag_ids, _ = case.crf.best_path(case.emissions, MASK)
    losses = case.crf.negative_log_likelihood(case.emissions, tag_ids, MASK)
    shifted = case.crf.negative_log_likelihood(case.emissions + 4096.0, tag_ids, MASK)
    np.testing.assert_allclose(shifted, losses, atol=5e-3)  # 4096 + x has lost some digits of x


def test_the_best_path_of_a_very_long_sentence_is_exact() -> None:
    """Sums over twenty thousand words are too coarse in float32 to tell two paths apart."""
    random = np.random.default_rng(5)
    length = 20_000
    crf = CRF(TAGS)
    transitions = random.normal(size=(TAGS, TAGS)).astype(np.float32)
    crf.transitions.assign(transitions)
    emissions = random.normal(8.0, 3.0, size=(length, TAGS)).astype(np.float32)
    score, back = emissions[0] + crf.start_scores.numpy().astype(np.float64), []
    for step in emissions[1:].astype(np.float64):
        paths = score[:, None] + transitions.astype(np.float64)
        back.append(paths.argmax(axis=0))
        score = paths.max(axis=0) + step
    expected = [int((score + crf.end_scores.numpy()).argmax())]
    for before in reversed(back):
        expected.append(int(before[expected[-1]]))
    tag_ids, _ = tf.function(crf.best_path)(tf.constant(emissions[None]), tf.ones([1, length], tf.bool))
    np.testing.assert_array_equal(tag_ids[0], expected[::-1])
