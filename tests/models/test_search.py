"""The search: against every possible hypothesis, one by one against a batch, and its scores against the network's."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.models.search import ROOM, Hypotheses, search
from nlp_pipeline.models.shortlist import Shortlist
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.text.special import END_ID, START_ID

VOCABULARY = 7
SOURCES = [[4, 5, 6, 3], [5, 3], [6, 6, 4, 5, 4, 3], [4, 3]]

KINDS: dict[str, dict[str, Any]] = {
    "attention": {},
    "attention after": {"attention": {"score": "general", "input_feeding": False}},
    "no attention": {"attention": None},
}


def _network(decoder: dict[str, Any], cell: str = "gru", seed: int = 1) -> Translator:
    keras.utils.set_random_seed(seed)
    recipe = TranslationRecipe.model_validate(
        {
            "task": "translation",
            "name": "test",
            "data": {"train": {"pairs": "train"}, "dev": {"pairs": "dev"}},
            "embeddings": {"size": 6},
            "encoder": {"cell": cell, "units": 5},
            "decoder": {"cell": cell, "units": 8, "readout": 6, "attention": {"units": 4}, **decoder},
        }
    )
    network = Translator(recipe, {"source": VOCABULARY, "target": VOCABULARY}, None)
    random = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        weight.assign(random.normal(scale=0.9, size=weight.shape))
    return network


def _sources(sources: list[list[int]]) -> dict[str, tf.Tensor]:
    width = max(map(len, sources))
    ids = np.array([source + [0] * (width - len(source)) for source in sources], np.int32)
    return {"source_ids": tf.constant(ids), "source_mask": tf.constant(ids > 0)}


def _log_probability(network: Translator, source: list[int], target: list[int]) -> float:
    """Return the log-probability of a target and its end, by teacher forcing."""
    batch = {
        **_sources([source]),
        "decoder_inputs": tf.constant([[START_ID, *target]]),
        "target_ids": tf.constant([[*target, END_ID]]),
        "padding_mask": tf.ones([1, len(target) + 1], tf.bool),
    }
    return -float(network.losses_of(batch)[0])


def _best(found: Hypotheses, row: int, number: int = 0) -> list[int]:
    return list(found.ids[row, number, : int(found.lengths[row, number])].numpy())


def _penalty(length: int, alpha: float) -> float:
    return float(((5 + length) / 6) ** alpha)


@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_finds_what_enumeration_finds(
    decoder: dict[str, Any], alpha: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most three subwords and the end: five that can be written give 156 hypotheses."""
    monkeypatch.setattr("nlp_pipeline.models.search.ROOM", 2)
    network, source = _network(decoder, seed=3), [4, 5, 3]
    scored: list[tuple[float, list[int], float]] = []
    for length in range(4):
        for target in itertools.product([1, 4, 5, 6], repeat=length):
            log_probability = _log_probability(network, source, list(target))
            scored.append((log_probability / _penalty(length + 1, alpha), list(target), log_probability))
    scored.sort(key=lambda one: -one[0])
    found = search(network, _sources([source]), 150, alpha, longest=0.5)
    for number in range(20):
        score, best, log_probability = scored[number]
        assert _best(found, 0, number) == best
        assert float(found.scores[0, number]) == pytest.approx(score, abs=1e-4)
        assert float(found.log_probabilities[0, number]) == pytest.approx(log_probability, abs=1e-4)
    assert np.all(np.diff(found.scores[0]) <= 0)


def _narrowing(network: Translator, source: list[int], width: int, alpha: float) -> list[tuple[list[int], float]]:
    """Search as the module's docstring says, one hypothesis after the other, and every one from its beginning."""
    limit = 2 * len(source) + ROOM
    opened: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int], float]] = []
    for time in range(limit):
        going = []
        for total, target in opened:
            batch = {**_sources([source]), "decoder_inputs": tf.constant([[START_ID, *target]])}
            scores = tf.nn.log_softmax(network(batch)[0, -1]).numpy()
            written = [END_ID] if time + 1 == limit else [END_ID, 1, 4, 5, 6]
            going += [(total + float(scores[one]), [*target, one]) for one in written]
        best = sorted(going, key=lambda one: -one[0])[: width - len(ended)]
        opened = [one for one in best if one[1][-1] != END_ID]
        ended += [(total / _penalty(time + 1, alpha), ids[:-1], total) for total, ids in best if ids[-1] == END_ID]
        if not opened:
            break
    return [(ids, score) for score, ids, _ in sorted(ended, key=lambda one: -one[0])]


@pytest.mark.parametrize("alpha", [0.0, 0.8])
@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
def test_the_beam_gets_narrower_with_each_end(decoder: dict[str, Any], alpha: float) -> None:
    network = _network(decoder, seed=5)
    found = search(network, _sources(SOURCES), 3, alpha)
    for row, source in enumerate(SOURCES):
        expected = _narrowing(network, source, 3, alpha)
        # The search may stop before all have ended: when what is open can no longer become the third best.
        for number, (ids, score) in enumerate(expected):
            assert _best(found, row, number) == ids
            assert float(found.scores[row, number]) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
def test_a_beam_of_one_is_greedy(decoder: dict[str, Any], cell: str) -> None:
    network = _network(decoder, cell)
    found = search(network, _sources(SOURCES), 1, 0.7)
    for row, source in enumerate(SOURCES):
        target: list[int] = []
        limit = 2 * len(source) + ROOM
        while len(target) < limit - 1:
            batch = {**_sources([source]), "decoder_inputs": tf.constant([[START_ID, *target]])}
            logits = network(batch)[0, -1].numpy()
            logits[[0, START_ID]] = -np.inf
            if (best := int(logits.argmax())) == END_ID:
                break
            target.append(best)
        assert _best(found, row) == target


@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("beam_size", [1, 4])
def test_company_changes_nothing(decoder: dict[str, Any], beam_size: int) -> None:
    network = _network(decoder, seed=5)
    together = search(network, _sources(SOURCES), beam_size, 0.6, 0.3)
    for row, source in enumerate(SOURCES):
        alone = search(network, _sources([source]), beam_size, 0.6, 0.3)
        for number in range(beam_size):
            assert _best(alone, 0, number) == _best(together, row, number)
        np.testing.assert_allclose(alone.scores[0], together.scores[row], rtol=1e-4)
        if together.weights is not None and alone.weights is not None:
            steps = int(alone.lengths[0, 0]) + 1
            np.testing.assert_allclose(
                alone.weights[0, 0, :steps], together.weights[row, 0, :steps, : len(source)], atol=1e-5
            )


@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
def test_scores_are_what_teacher_forcing_gives(decoder: dict[str, Any]) -> None:
    network = _network(decoder, seed=7)
    found = search(network, _sources(SOURCES), 3, 0.6)
    for row, source in enumerate(SOURCES):
        for number in range(3):
            target = _best(found, row, number)
            expected = _log_probability(network, source, target)
            assert float(found.log_probabilities[row, number]) == pytest.approx(expected, abs=1e-4)
            score = expected / _penalty(len(target) + 1, 0.6)
            assert float(found.scores[row, number]) == pytest.approx(score, abs=1e-4)


def test_weights_belong_to_their_hypotheses() -> None:
    network = _network({}, seed=9)
    found = search(network, _sources(SOURCES), 3, 0.6)
    assert found.weights is not None
    for row, source in enumerate(SOURCES):
        for number in range(3):
            target = _best(found, row, number)
            batch = {**_sources([source]), "decoder_inputs": tf.constant([[START_ID, *target]])}
            expected = network.alignments(batch)
            assert expected is not None
            steps = len(target) + 1
            np.testing.assert_allclose(found.weights[row, number, :steps, : len(source)], expected[0], atol=1e-5)
            np.testing.assert_array_equal(found.weights[row, number, steps:], 0.0)


def test_coverage_is_rewarded() -> None:
    network = _network({}, seed=11)
    plain, covering = (search(network, _sources(SOURCES), 4, 0.0, beta) for beta in (0.0, 0.5))
    assert plain.weights is not None
    for row, source in enumerate(SOURCES):
        for number in range(4):
            steps = int(covering.lengths[row, number]) + 1
            assert covering.weights is not None
            seen = covering.weights[row, number, :steps, : len(source)].numpy().sum(axis=0)
            expected = float(covering.log_probabilities[row, number]) + 0.5 * np.log(np.minimum(seen, 1.0)).sum()
            assert float(covering.scores[row, number]) == pytest.approx(expected, abs=1e-4)


def test_every_hypothesis_ends_in_time_and_in_a_graph() -> None:
    network = _network({}, seed=13)
    # A network that hardly ever ends by itself.
    bias = network.output_bias.numpy()
    bias[END_ID] = -50.0
    network.output_bias.assign(bias)
    signature = {
        "source_ids": tf.TensorSpec([None, None], tf.int32),
        "source_mask": tf.TensorSpec([None, None], tf.bool),
    }
    run = tf.function(
        lambda batch, size: search(network, batch, size), input_signature=[signature, tf.TensorSpec([], tf.int32)]
    )
    for size in (1, 3):
        found = run(_sources(SOURCES), size)
        for row, source in enumerate(SOURCES):
            assert [int(length) for length in found.lengths[row]] == [2 * len(source) + ROOM - 1] * size
        for one, other in zip(found, search(network, _sources(SOURCES), size), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert run.experimental_get_tracing_count() == 1


SHORTLIST = Shortlist(
    # Of padding and the special ones the end, of the others one or two, some of which are the end again.
    np.array([[3, 3], [3, 3], [3, 3], [3, 3], [5, 4], [6, 3], [4, 6]], np.int32),
    np.array([5], np.int32),
)


@pytest.mark.parametrize("decoder", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("beam_size", [1, 2, 4, 50])
def test_of_a_shortlist_nothing_else_is_written(decoder: dict[str, Any], beam_size: int) -> None:
    """As by a network whose scores of the others are below all that a search takes, sentence by sentence."""
    network = _network(decoder, seed=6)
    found = search(network, _sources(SOURCES), beam_size, 0.6, 0.2, shortlist=SHORTLIST)
    bias = network.output_bias.numpy()
    written = set()
    for row, source in enumerate(SOURCES):
        allowed = {*range(4), *SHORTLIST.frequent.tolist(), *SHORTLIST.likeliest[source].ravel().tolist()}
        network.output_bias.assign([one if place in allowed else -4e30 for place, one in enumerate(bias)])
        expected = search(network, _sources([source]), beam_size, 0.6, 0.2)
        there = int((found.lengths[row] >= 0).numpy().sum())
        assert there == int((expected.lengths[0] >= 0).numpy().sum())
        for number in range(there):
            assert _best(found, row, number) == _best(expected, 0, number)
        np.testing.assert_allclose(found.scores[row, :there], expected.scores[0, :there], rtol=1e-4)
        np.testing.assert_allclose(
            found.log_probabilities[row, :there], expected.log_probabilities[0, :there], rtol=1e-4
        )
        written |= {frozenset(allowed)}
    # They are not all the same, and none is everything.
    assert len(written) > 1
    assert max(map(len, written)) <= VOCABULARY


def test_a_shortlist_of_everything_is_none() -> None:
    network = _network({}, seed=8)
    everything = Shortlist(np.tile(np.arange(VOCABULARY, dtype=np.int32), (VOCABULARY, 1)), np.zeros(0, np.int32))
    one, other = (search(network, _sources(SOURCES), 3, 0.6, shortlist=some) for some in (None, everything))
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5)
    assert one.weights is not None
    assert other.weights is not None
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)


def test_a_shortlist_in_a_graph_of_unknown_shape() -> None:
    network = _network({}, seed=9)
    kinds = {"source_ids": tf.TensorSpec([None, None], tf.int32), "source_mask": tf.TensorSpec([None, None], tf.bool)}
    run = tf.function(
        lambda batch, size: tuple(search(network, batch, size, 0.6, shortlist=SHORTLIST)),
        input_signature=[kinds, tf.TensorSpec([], tf.int32)],
    )
    for size in (1, 3):
        expected = search(network, _sources(SOURCES), size, 0.6, shortlist=SHORTLIST)
        for one, other in zip(run(_sources(SOURCES), tf.constant(size)), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
