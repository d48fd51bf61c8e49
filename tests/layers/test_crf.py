"""The decoders against brute force over all paths."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.crf import CRF, Decoder, SoftmaxDecoder
from tests.layers.conftest import LayerCheck

Floats = NDArray[np.float64]

TAGS, LENGTH = 4, 5
LENGTHS = np.array([1, 2, 3, 4, 5, 5])
MASK = np.arange(LENGTH) < LENGTHS[:, None]

# O, B-X, I-X, B-Y, I-Y: an I- follows only the B- or I- of its type. Nothing in it is symmetric: an end is forbidden too.
STARTS = (True, True, False, True, False)
TRANSITIONS = (
    (True, True, False, True, False),
    (True, True, True, True, False),
    (True, True, True, True, False),
    (True, True, False, True, True),
    (True, True, False, True, True),
)
ENDS = (True, True, True, False, True)
CONSTRAINTS = {"allowed_starts": STARTS, "allowed_transitions": TRANSITIONS, "allowed_ends": ENDS}


def is_allowed(path: tuple[int, ...]) -> bool:
    pairs = itertools.pairwise(path)
    return STARTS[path[0]] and ENDS[path[-1]] and all(TRANSITIONS[before][after] for before, after in pairs)


class BruteForce:
    """Every path of a sentence with its score, in float64."""

    def __init__(
        self, emissions: Floats, transitions: Floats, starts: Floats, ends: Floats, constrained: bool = False
    ) -> None:
        length, tags = emissions.shape
        paths = itertools.product(range(tags), repeat=length)
        self.paths = [path for path in paths if not constrained or is_allowed(path)]
        self.tags = tags
        self.scores = np.array(
            [
                starts[path[0]]
                + sum(emissions[word, tag] for word, tag in enumerate(path))
                + sum(transitions[before, after] for before, after in itertools.pairwise(path))
                + ends[path[-1]]
                for path in self.paths
            ]
        )
        self.log_normalizer = float(np.logaddexp.reduce(self.scores))
        self.probabilities = np.exp(self.scores - self.log_normalizer)
        self.best = self.paths[int(self.scores.argmax())]

    def marginals(self) -> Floats:
        marginals = np.zeros((len(self.paths[0]), self.tags))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            marginals[np.arange(len(path)), path] += probability
        return marginals

    def expected_transitions(self) -> Floats:
        counts = np.zeros((self.tags, self.tags))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            for pair in itertools.pairwise(path):
                counts[pair] += probability
        return counts


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
            BruteForce(self.emissions[row, :length].astype(np.float64), *scores, constrained)
            for row, length in enumerate(LENGTHS)
        ]


@pytest.fixture(params=[False, True], ids=["free", "constrained"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def padded(rows: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    together = np.zeros((len(rows), *shape), np.asarray(rows[0]).dtype)
    for row, values in enumerate(rows):
        together[row, : len(values)] = values
    return together


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
    losses = case.crf.negative_log_likelihood(np.repeat(case.emissions[[2]], many, 0), tag_ids, np.repeat(MASK[[2]], many, 0))
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
            brute = BruteForce(scores[0][index, : LENGTHS[row]], *scores[1:], constrained=True)
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


DECODERS: list[Callable[..., Decoder]] = [CRF, SoftmaxDecoder]


def adversarial_emissions(random: np.random.Generator) -> Iterator[Floats]:
    """What argues for a forbidden path with all its might."""
    shape = (len(LENGTHS), LENGTH, 5)
    yield random.choice([-1e4, 1e4], size=shape)
    yield random.uniform(-1e4, 1e4, size=shape)
    for tag in range(5):
        emissions = np.full(shape, -1e4)
        emissions[:, :, tag] = 1e4
        yield emissions
    yield np.zeros(shape)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_a_forbidden_path_cannot_come_out(decoder_type: Callable[..., Any]) -> None:
    random = np.random.default_rng(5)
    decoder = decoder_type(5, **CONSTRAINTS)
    for weight in decoder.weights:
        weight.assign(random.uniform(-1e3, 1e3, size=weight.shape))
    for _ in range(10):
        for emissions in adversarial_emissions(random):
            tag_ids, scores = decoder.best_path(emissions, MASK)
            for row, length in enumerate(LENGTHS):
                assert is_allowed(tuple(tag_ids.numpy()[row, :length].tolist()))
            assert np.all(tag_ids.numpy()[~MASK] == 0)
            assert np.all(np.isfinite(scores))


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


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_padding_and_batching_change_nothing(decoder_type: Callable[..., Any]) -> None:
    random = np.random.default_rng(7)
    decoder = decoder_type(5, **CONSTRAINTS)
    emissions = random.normal(size=(len(LENGTHS), LENGTH, 5)).astype(np.float32)
    gold, _ = decoder.best_path(random.normal(size=emissions.shape), MASK)
    tag_ids, scores = decoder.best_path(emissions, MASK)
    losses = decoder.negative_log_likelihood(emissions, gold, MASK)
    confidences = decoder.confidences(emissions, tag_ids, MASK)

    rubbish = np.where(MASK[:, :, None], emissions, np.nan)
    np.testing.assert_array_equal(decoder.best_path(rubbish, MASK)[0], tag_ids)
    np.testing.assert_array_equal(decoder.negative_log_likelihood(rubbish, gold, MASK), losses)
    np.testing.assert_array_equal(decoder.confidences(rubbish, tag_ids, MASK), confidences)
    for row, length in enumerate(LENGTHS):
        alone, mask = emissions[[row], :length], MASK[[row], :length]
        path, score = decoder.best_path(alone, mask)
        np.testing.assert_array_equal(path[0], tag_ids[row, :length])
        np.testing.assert_allclose(score[0], scores[row], rtol=1e-5)
        loss = decoder.negative_log_likelihood(alone, gold[row : row + 1, :length], mask)
        np.testing.assert_allclose(loss[0], losses[row], rtol=1e-4, atol=1e-5)
        of_words = decoder.confidences(alone, path, mask)
        np.testing.assert_allclose(of_words[0], confidences[row, :length], atol=1e-6)
        np.testing.assert_array_equal(confidences[row, length:], 0.0)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_a_sentence_without_words(decoder_type: Callable[..., Any]) -> None:
    decoder = decoder_type(5, **CONSTRAINTS)
    emissions, mask = tf.random.stateless_normal((2, 3, 5), (1, 2)), np.array([[False] * 3, [True] * 3])
    tag_ids = np.array([[0, 0, 0], [1, 2, 0]], np.int32)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        losses = decoder.negative_log_likelihood(emissions, tag_ids, mask)
    assert float(losses[0]) == 0.0
    np.testing.assert_array_equal(tape.gradient(losses, emissions)[0], 0.0)
    path, scores = decoder.best_path(emissions, mask)
    np.testing.assert_array_equal(path[0], 0)
    assert float(scores[0]) == 0.0
    np.testing.assert_array_equal(decoder.confidences(emissions, path, mask)[0], 0.0)


def test_long_sentences_stay_exact() -> None:
    """2,000 words against the forward algorithm in float64; the marginals of the last words are as good as the first."""
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
    np.testing.assert_allclose(crf.log_normalizer(emissions, mask), expected, rtol=1e-6)
    sums = tf.reduce_sum(crf.marginals(emissions, mask), axis=2)
    np.testing.assert_allclose(sums, mask.astype(np.float32), atol=1e-4)
    path, _ = crf.best_path(emissions, mask)
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


def test_softmax_loss_and_confidences() -> None:
    random = np.random.default_rng(10)
    emissions = random.normal(size=(len(LENGTHS), LENGTH, TAGS))
    tag_ids = random.integers(0, TAGS, MASK.shape)
    logarithms = emissions - np.logaddexp.reduce(emissions, axis=2)[:, :, None]
    of_tags = np.where(MASK, np.take_along_axis(logarithms, tag_ids[:, :, None], axis=2)[:, :, 0], 0.0)
    decoder = SoftmaxDecoder(TAGS)
    np.testing.assert_allclose(decoder.negative_log_likelihood(emissions, tag_ids, MASK), -of_tags.sum(1), rtol=1e-5)
    expected = np.where(MASK, np.exp(of_tags), 0.0)
    np.testing.assert_allclose(decoder.confidences(emissions, tag_ids, MASK), expected, rtol=1e-5)


def test_softmax_best_path_is_the_most_probable_allowed_one() -> None:
    emissions = np.random.default_rng(11).normal(size=(len(LENGTHS), LENGTH, 5))
    logarithms = emissions - np.logaddexp.reduce(emissions, axis=2)[:, :, None]
    nothing = np.zeros((5, 5)), np.zeros(5), np.zeros(5)
    brute = [BruteForce(logarithms[row, :length], *nothing, True) for row, length in enumerate(LENGTHS)]
    tag_ids, scores = SoftmaxDecoder(5, **CONSTRAINTS).best_path(emissions, MASK)
    np.testing.assert_array_equal(tag_ids, padded([sentence.best for sentence in brute], (LENGTH,)))
    np.testing.assert_allclose(scores, [sentence.scores.max() for sentence in brute], rtol=1e-5)


def test_a_crf_without_scores_is_a_softmax() -> None:
    random = np.random.default_rng(12)
    emissions, tag_ids = random.normal(size=(*MASK.shape, TAGS)), random.integers(0, TAGS, MASK.shape).astype(np.int32)
    crf, softmax = CRF(TAGS), SoftmaxDecoder(TAGS)
    for weight in crf.weights:
        weight.assign(tf.zeros_like(weight))
    for method in ("negative_log_likelihood", "confidences"):
        ours, theirs = (getattr(decoder, method)(emissions, tag_ids, MASK) for decoder in (crf, softmax))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(crf.best_path(emissions, MASK)[0], softmax.best_path(emissions, MASK)[0])


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_everything_is_float32_under_every_policy(decoder_type: Callable[..., Any]) -> None:
    """Emissions of 300.25 and 300.5 are the same number in bfloat16."""
    decoder = decoder_type(2, dtype="mixed_bfloat16")
    for weight in decoder.weights:
        assert weight.dtype == "float32"
        weight.assign(tf.zeros_like(weight))
    emissions, mask = tf.constant([[[300.25, 300.5]]]), np.array([[True]])
    assert decoder(emissions, padding_mask=mask).dtype == tf.float32
    loss = decoder.negative_log_likelihood(emissions, np.array([[1]], np.int32), mask)
    assert float(loss[0]) == pytest.approx(np.log1p(np.exp(-0.25)), abs=1e-4)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_in_a_graph_of_unknown_shape(decoder_type: Callable[..., Any]) -> None:
    decoder = decoder_type(5, **CONSTRAINTS)
    signature = [tf.TensorSpec([None, None, 5]), tf.TensorSpec([None, None], tf.bool)]

    @tf.function(input_signature=signature)
    def run(emissions: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, ...]:
        tag_ids, scores = decoder.best_path(emissions, mask)
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            losses = decoder.negative_log_likelihood(emissions, tag_ids, mask)
        return tag_ids, scores, losses, decoder.confidences(emissions, tag_ids, mask), tape.gradient(losses, emissions)

    random = np.random.default_rng(13)
    for rows, length in ((1, 1), (3, 4), (2, 9)):
        emissions = random.normal(size=(rows, length, 5)).astype(np.float32)
        mask = np.arange(length) < random.integers(1, length + 1, rows)[:, None]
        tag_ids, scores, losses, confidences, _ = run(emissions, mask)
        eager_ids, eager_scores = decoder.best_path(emissions, mask)
        np.testing.assert_array_equal(tag_ids, eager_ids)
        np.testing.assert_allclose(scores, eager_scores, rtol=1e-5)
        np.testing.assert_allclose(losses, decoder.negative_log_likelihood(emissions, tag_ids, mask), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(confidences, decoder.confidences(emissions, tag_ids, mask), atol=1e-6)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_layer(decoder_type: Callable[..., Any], check_layer: LayerCheck) -> None:
    emissions = np.random.default_rng(14).normal(size=(*MASK.shape, 5)).astype(np.float32)
    tag_ids = np.zeros(MASK.shape, np.int32)

    def loss(decoder: keras.layers.Layer, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_mean(decoder.negative_log_likelihood(inputs["emissions"], tag_ids, inputs["padding_mask"]))

    inputs = {"emissions": emissions, "padding_mask": MASK}
    output = check_layer(decoder_type(5, **CONSTRAINTS), inputs, output_dtype="float32", loss=loss)
    np.testing.assert_array_equal(output, np.where(MASK[:, :, None], emissions, 0.0))


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"allowed_starts": [True] * 4}, "expected `allowed_starts` of 5 entries, one for each tag. Received: 4 entries"),
        ({"allowed_ends": [True] * 6}, "expected `allowed_ends` of 5 entries, one for each tag. Received: 6 entries"),
        ({"allowed_transitions": [[True] * 5] * 4}, "expected `allowed_transitions` of 5 rows.*Received: 4 rows"),
        ({"allowed_transitions": [[True] * 4] * 5}, "expected `allowed_transitions` of 5 entries.*Received: 4 entries"),
    ],
)
def test_constraints_that_do_not_fit(constraints: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRF(5, **constraints)
