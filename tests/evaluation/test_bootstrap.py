"""The bootstrap: its numbers are those of scoring every resample by itself, and its intervals hold the truth."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from seqeval.metrics import classification_report

from nlp_pipeline.evaluation.bootstrap import (
    RESAMPLES,
    Estimate,
    difference_of,
    drawn_places,
    estimate_of,
    resampled_sums,
)
from nlp_pipeline.evaluation.entities import entity_digest, score_entities
from nlp_pipeline.evaluation.entity_counts import (
    EntityCounts,
    Slice,
    entity_counts_of,
    fractions_of,
    macro_f1_of,
    scored_slices,
)
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagger_comparison import TaggerComparison
from nlp_pipeline.evaluation.translation_counts import bleu_of_sums, chrf_of_sums, translation_counts_of
from nlp_pipeline.evaluation.translation_report import TranslatedExample
from nlp_pipeline.evaluation.translations import SHOWN_SCORES
from nlp_pipeline.evaluation.translator_comparison import TranslatorComparison
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

TYPES = ("LOC", "ORG", "PER")
METRICS = {
    "bleu": BLEU(force=True),
    "bleu_lower_tokenized": BLEU(lowercase=True, force=True),
    "chrf": CHRF(),
    "ter": TER(),
}


def _drawn_example(source: random.Random) -> TaggedExample:
    """Return a sentence whose predicted entities are often the gold ones."""
    length = source.randrange(1, 30)

    def entities() -> list[Entity]:
        found, at = [], 0
        while (start := at + source.randrange(6)) < length:
            at = min(length, start + source.randrange(1, 5))
            found.append(Entity(start, at, source.choice(TYPES)))
        return found

    gold = entities()
    kept = [entity for entity in gold if source.random() < 0.6]
    taken = {place for entity in kept for place in range(entity.start, entity.end)}
    more = [entity for entity in entities() if not taken & set(range(entity.start, entity.end))]
    tags, predicted = (
        tuple(tags_from_entities(sorted(some), length, Scheme.IOB2)) for some in (gold, [*kept, *more[:1]])
    )
    return TaggedExample(Sentence(tuple(f"w{source.randrange(20)}" for _ in range(length)), tags), predicted)


@pytest.fixture(scope="module")
def examples() -> list[TaggedExample]:
    """Return forty sentences, a few of them without any entity."""
    source = random.Random(8)
    empty = [TaggedExample(Sentence(("no", "name"), ("O", "O")), ("O", "O"))] * 4
    return [*(_drawn_example(source) for _ in range(36)), *empty]


def test_resamples_are_scored_as_seqeval_scores_them(examples: list[TaggedExample]) -> None:
    counts = entity_counts_of(examples)
    resampled = fractions_of(counts.resampled)
    places = np.concatenate(list(drawn_places(len(examples))))
    assert places.shape == (RESAMPLES, len(examples))
    for number in range(0, RESAMPLES, 25):
        chosen = [examples[place] for place in places[number]]
        report = classification_report(
            [list(one.gold) for one in chosen], [list(one.predicted) for one in chosen], output_dict=True
        )
        for name, row in (("micro avg", Slice("all")), *((name, Slice("type", name)) for name in TYPES)):
            expected = [report[name][part] for part in ("precision", "recall", "f1-score")]
            assert resampled[number, counts.slices.index(row)] == pytest.approx(expected), (number, name)


def test_the_macro_average_is_seqevals_on_each_resample(examples: list[TaggedExample]) -> None:
    counts = entity_counts_of(examples)
    macro = []
    for block in drawn_places(len(examples), 200):
        for row in block:
            chosen = [examples[place] for place in row]
            macro.append(
                score_entities(
                    [one.gold for one in chosen],
                    [one.predicted for one in chosen],
                    [one.sentence.words for one in chosen],
                ).macro.f1
            )
    many = macro_f1_of(counts)
    few = np.quantile(macro, (0.025, 0.975))
    assert many.low is not None
    assert many.high is not None
    # 200 of the 1,000 resamples, of which the ends of the interval are near.
    assert (many.low, many.high) == pytest.approx(few, abs=0.02)


def test_the_scores_of_the_corpus_are_seqevals(examples: list[TaggedExample]) -> None:
    words = [one.sentence.words for one in examples]
    known = {
        entity_digest(one.sentence.words[e.start : e.end], e.entity_type) for one in examples[:20] for e in one.hits
    }
    expected = score_entities([one.gold for one in examples], [one.predicted for one in examples], words, known)
    counts = entity_counts_of(examples, known)
    scored = {one.of: one for one in scored_slices(counts)}
    whole = scored[Slice("all")]
    assert (whole.precision.value, whole.recall.value, whole.f1.value) == pytest.approx(
        (expected.conlleval.precision, expected.conlleval.recall, expected.conlleval.f1)
    )
    for name, score in expected.types.items():
        assert scored[Slice("type", name)].f1.value == pytest.approx(score.f1)
    assert macro_f1_of(counts).value == pytest.approx(expected.macro.f1)
    assert expected.seen is not None
    assert expected.unseen is not None
    assert scored[Slice("training", "seen")].recall.value == pytest.approx(expected.seen.recall)
    assert scored[Slice("training", "unseen")].recall.value == pytest.approx(expected.unseen.recall)
    for group in ("type", "entity length", "sentence length", "training"):
        parts = [one for one in scored.values() if one.of.group == group]
        for part in ("found", "predicted", "gold"):
            assert sum(getattr(one, part) for one in parts) == getattr(whole, part), group


def test_resamples_are_scored_as_sacrebleu_scores_them() -> None:
    source = random.Random(1)
    words = ["der", "die", "Hund", "Leiter", "auf", "rot", "großes", "Haus", ",", "läuft."]
    references = [" ".join(source.choices(words, k=source.randrange(1, 12))) for _ in range(30)]
    hypotheses = [
        "" if source.random() < 0.1 else " ".join(w for w in reference.split() if source.random() < 0.8) + " rot"
        for reference in references
    ]
    resampled = translation_counts_of(references, hypotheses).resampled
    places = np.concatenate(list(drawn_places(30)))
    for number in range(0, RESAMPLES, 20):
        chosen = [hypotheses[p] for p in places[number]], [[references[p] for p in places[number]]]
        for name, metric in METRICS.items():
            assert resampled[name][number] == pytest.approx(metric.corpus_score(*chosen).score), name


@pytest.mark.parametrize(
    ("references", "hypotheses"),
    [
        (["a b c d e"], ["a x c d y"]),  # no 3-gram, no 4-gram
        (["a b"], ["a b"]),  # no 4-gram to have
        (["a b c d"], ["x y z w"]),
        (["a b c d"], [""]),
        ([""], ["a"]),
        (["A B c"], ["a b C d"]),
        (["a b c d e f"], ["d e f a b c"]),  # a shift
        (["a b c d e f g h"], ["a b c d"]),  # brevity
        (["あいうえお"], ["あいう"]),
    ],
)
def test_corners_are_scored_as_sacrebleu_scores_them(references: list[str], hypotheses: list[str]) -> None:
    estimates = translation_counts_of(references, hypotheses).estimates()
    assert list(estimates) == list(METRICS) == list(SHOWN_SCORES)
    for name, metric in METRICS.items():
        estimate = estimates[name]
        assert estimate.value == pytest.approx(metric.corpus_score(hypotheses, [references]).score), name
        # One sentence, drawn however often, is the same.
        assert (estimate.low, estimate.high) == (None, None)


def test_sums_of_many_rows_at_once_are_those_of_each() -> None:
    drawn = np.random.default_rng(0)
    sums = drawn.integers(0, 5, (50, 10)).astype(float)
    sums[:, 6:] = sums[:, 2:6] + drawn.integers(0, 3, (50, 4))
    assert bleu_of_sums(sums) == pytest.approx([float(bleu_of_sums(row)) for row in sums])
    sums = drawn.integers(0, 5, (50, 18)).astype(float)
    assert chrf_of_sums(sums) == pytest.approx([float(chrf_of_sums(row)) for row in sums])


def _simulated(drawn: np.random.Generator, sentences: int) -> NDArray[np.int64]:
    """Return found, predicted and gold entities of sentences: as many gold ones as Poisson's law has it with mean 1.2.

    One in five sentences is hard: there an entity is found with 0.35, otherwise with 0.8. What is found is predicted,
    and so are 0.3 more in the mean, so that errors come together in sentences as they do in texts.
    """
    gold = drawn.poisson(1.2, sentences)
    hard = drawn.random(sentences) < 0.2
    found = drawn.binomial(gold, np.where(hard, 0.35, 0.8))
    predicted = found + drawn.poisson(np.where(hard, 0.9, 0.15), sentences)
    return np.stack((found, predicted, gold), axis=1)


def test_intervals_hold_a_known_f1_as_often_as_they_say() -> None:
    # In the mean of a sentence: 1.2 gold, of which 0.2 * 0.35 + 0.8 * 0.8 = 0.71 are found, and 0.3 wrong ones.
    found = 1.2 * (0.2 * 0.35 + 0.8 * 0.8)
    truth = 2 * found / (1.2 + found + 0.2 * 0.9 + 0.8 * 0.15)
    drawn = np.random.default_rng(77)
    held = 0
    for _ in range(200):
        counts = EntityCounts((Slice("all"),), _simulated(drawn, 400)[:, None])
        (scored,) = scored_slices(counts)
        assert scored.f1.low is not None
        assert scored.f1.high is not None
        assert scored.f1.low < scored.f1.value < scored.f1.high
        held += scored.f1.low <= truth <= scored.f1.high
    assert 0.91 * 200 <= held <= 0.99 * 200


def test_systems_of_one_worth_are_rarely_told_apart_and_a_better_one_is() -> None:
    drawn = np.random.default_rng(5)
    told, better = 0, 0
    for _ in range(100):
        one, other = _simulated(drawn, 300), _simulated(drawn, 300)
        # The same sentences: as many gold entities, found by each in its own way.
        other[:, 0] = drawn.binomial(one[:, 2], 0.71)
        one[:, 0] = drawn.binomial(one[:, 2], 0.71)
        best = drawn.binomial(one[:, 2], 0.85)
        wrong = drawn.poisson(0.3, (3, 300))
        sums = [
            np.stack((hits, hits + more, one[:, 2]), axis=1)
            for hits, more in zip((one[:, 0], other[:, 0], best), wrong, strict=True)
        ]
        values = [float(fractions_of(some.sum(axis=0).astype(float))[2]) for some in sums]
        resampled = [fractions_of(resampled_sums(some))[:, 2] for some in sums]
        told += difference_of(values[0], values[1], resampled[0], resampled[1], 300).p_value < 0.05
        better += difference_of(values[0], values[2], resampled[0], resampled[2], 300).p_value < 0.05
    assert told <= 11
    assert better >= 95


def test_a_system_does_not_differ_from_itself() -> None:
    scores = np.random.default_rng(0).random(1000)
    same = difference_of(0.5, 0.5, scores, scores, 300)
    assert (same.difference, same.p_value) == (Estimate(0.0, 0.0, 0.0), 1.0)
    assert difference_of(0.5, 0.5, scores, scores, 0).p_value == 1.0


@pytest.mark.parametrize(("sentences", "expected"), [(1, 1.0), (2, 0.5), (5, 1 / 16), (8, 1 / 128)])
def test_few_sentences_are_no_more_significant_than_exchanging_outputs_makes_them(
    sentences: int, expected: float
) -> None:
    # All outputs exchanged in every way: how many of the ways give a mean as far from 0 as the one that was seen?
    gains = np.full(sentences, 0.4)
    ways = np.array(list(itertools.product((1, -1), repeat=sentences)))
    exchanged = (np.abs((ways * gains).mean(axis=1)) >= 0.4 - 1e-12).mean()
    resampled = resampled_sums(gains[:, None])[:, 0] / sentences
    told = difference_of(0.0, 0.4, np.zeros(RESAMPLES), resampled, sentences)
    assert told.p_value == pytest.approx(exchanged) == pytest.approx(expected)


def test_many_sentences_of_one_difference_are_significant() -> None:
    told = difference_of(0.0, 1.0, np.zeros(RESAMPLES), np.ones(RESAMPLES), 200)
    assert told.p_value == pytest.approx(1 / (RESAMPLES + 1))


def test_what_stands_in_one_sentence_has_no_interval() -> None:
    often = TaggedExample(Sentence(("a", "b"), ("B-PER", "O")), ("B-PER", "O"))
    once = TaggedExample(Sentence(("a", "b"), ("B-LOC", "B-PER")), ("B-LOC", "O"))
    scored = {one.of: one for one in scored_slices(entity_counts_of([often, often, once]))}
    assert scored[Slice("type", "LOC")].f1 == Estimate(1.0)
    assert scored[Slice("type", "PER")].f1.low is not None
    assert scored[Slice("all")].f1.low is not None


def test_what_no_resample_has_is_not_made_up() -> None:
    assert estimate_of(0.0, np.full(10, np.nan)) == Estimate(0.0)
    nothing = TaggedExample(Sentence(("a",), ("O",)), ("O",))
    (scored,) = scored_slices(entity_counts_of([nothing]))
    assert (scored.f1, scored.gold) == (Estimate(0.0), 0)
    assert macro_f1_of(entity_counts_of([nothing])) == Estimate(0.0)


def test_resamples_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(sentences: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
        drawn.append(sentences)
        return drawn_places(sentences, resamples, seed)

    monkeypatch.setattr("nlp_pipeline.evaluation.bootstrap.drawn_places", counted)
    tags = ("B-PER", "B-LOC", "O")
    right = TaggedExample(Sentence(("a", "b", "c"), tags), tags)
    wrong = TaggedExample(Sentence(("a", "b", "c"), tags), ("O", "B-LOC", "B-PER"))
    counts = entity_counts_of([right, wrong])
    assert (len(scored_slices(counts)), macro_f1_of(counts).value) != (0, 0.0)
    assert drawn == [2]
    TaggerComparison.of(("a", "b"), [right, right], [right, wrong])
    assert drawn == [2, 2]
    one, other = (TranslatedExample("s", "a b c d", text) for text in ("a b c d", "a b c"))
    TranslatorComparison.of(("a", "b"), [one], [other])
    assert drawn == [2, 2, 1, 1]  # once for each of the two


def test_the_same_seed_draws_the_same() -> None:
    statistics = np.arange(60).reshape(20, 3)
    assert (resampled_sums(statistics, 50, 1) == resampled_sums(statistics, 50, 1)).all()
    assert (resampled_sums(statistics, 50, 1) != resampled_sums(statistics, 50, 2)).any()
    expected = [statistics[row].sum(axis=0).tolist() for block in drawn_places(20, 50, 1) for row in block]
    assert resampled_sums(statistics, 50, 1).tolist() == expected
