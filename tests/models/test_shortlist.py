"""Shortlists: the lexicon against model 1 written out, and what a dictionary's sentences teach."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from nlp_pipeline.models import shortlist as module
from nlp_pipeline.models.shortlist import LONGEST, Shortlist
from nlp_pipeline.text.special import END_ID

WORDS = range(4, 24)
SHIFT = 30  # a word's translation is so much further


def _corpus(sentences: int, seed: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return sentences, and their translations word by word in another order."""
    chance = random.Random(seed)
    sources = [chance.sample(WORDS, chance.randrange(2, 7)) for _ in range(sentences)]
    targets = [chance.sample([word + SHIFT for word in source], len(source)) for source in sources]
    return sources, targets


def _model_1(
    sources: list[list[int]], targets: list[list[int]], rounds: int, target_size: int
) -> dict[tuple[int, int], float]:
    """Brown et al. 1993, equations 14 and 17, a link at a time."""
    likely: dict[tuple[int, int], float] = defaultdict(lambda: 1.0 / target_size)
    for _ in range(rounds):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        totals: dict[int, float] = defaultdict(float)
        for source, target in zip(sources, targets, strict=True):
            for word in target:
                below = sum(likely[one, word] for one in source)
                for one in source:
                    counts[one, word] += likely[one, word] / below
                    totals[one] += likely[one, word] / below
        likely = defaultdict(float, {(one, word): count / totals[one] for (one, word), count in counts.items()})
    return likely


def test_the_lexicon_is_that_of_model_1() -> None:
    sources, targets = _corpus(15, seed=1)
    sources.append([4, 4, 5])  # a word twice
    targets.append([34, 34])
    expected = _model_1(sources, targets, 5, 60)
    keys, probabilities = module._lexicon(sources, targets, 60)
    found = dict(zip(zip(*(part.tolist() for part in np.divmod(keys, 60)), strict=True), probabilities, strict=True))
    assert found == pytest.approx(dict(expected))


def test_a_dictionary_is_learned_from_its_sentences() -> None:
    sources, targets = _corpus(300, seed=2)
    learned = Shortlist.learned(sources, targets, 25, 60)
    assert learned.likeliest.shape == (25, LONGEST)
    for word in WORDS:
        assert learned.likeliest[word, 0] == word + SHIFT
    # Of what was never seen, and behind what was, there is the end.
    assert set(learned.likeliest[24]) == {END_ID}
    assert learned.likeliest[4, -1] == END_ID
    counts = np.bincount([word for target in targets for word in target], minlength=60)
    assert sorted(learned.frequent) == [word + SHIFT for word in WORDS]
    assert (np.diff(counts[learned.frequent]) <= 0).all()


def test_it_is_cut_to_the_likeliest_and_the_most_frequent() -> None:
    learned = Shortlist.learned(*_corpus(50, seed=3), 25, 60)
    cut = learned.cut(2)
    np.testing.assert_array_equal(cut.likeliest, learned.likeliest[:, :2])
    np.testing.assert_array_equal(cut.frequent, learned.frequent[:2])


def test_a_large_corpus_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sources, targets = _corpus(400, seed=4)
    monkeypatch.setattr(module, "_LINKS", sum(len(one) ** 2 for one in sources) // 3)
    keys, _ = module._lexicon(sources, targets, 60)
    expected, _ = module._lexicon(sources[::4], targets[::4], 60)
    np.testing.assert_array_equal(keys, expected)
    assert Shortlist.learned(sources, targets, 25, 60).likeliest[4, 0] == 4 + SHIFT


def test_a_corpus_of_empty_translations_teaches_nothing() -> None:
    learned = Shortlist.learned([[4, 3], [5, 3]], [[], []], 7, 9)
    assert set(learned.likeliest.ravel()) == {END_ID}
    assert not learned.frequent.size
