"""Which subwords a translation is looked for among: those that often translate a subword of its source.

Choosing among all subwords is half of a search's arithmetic, and most of them have nothing to do with the sentence.
Which have is learned from the sentence pairs of the training, by a lexicon of which subword translates which: Brown et
al. 1993, "The Mathematics of Statistical Machine Translation", model 1. A sentence's shortlist are the likeliest
translations of each of its subwords and the most frequent subwords of all (Jean et al. 2015, "On Using Very Large
Target Vocabulary for Neural Machine Translation", section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.text.special import END_ID

LONGEST = 200
"""How many translations of a subword are kept, and how many of the most frequent subwords."""

SPECIAL = 4
"""The ids below are in every shortlist."""

_ROUNDS = 5
# Pairs of a source's and a target's subword in one sentence pair that are looked at; of a larger corpus every n-th
# sentence pair. Each takes some 40 bytes while the lexicon is learned.
_LINKS = 10_000_000
# What is less likely is chance.
_LEAST = 1e-4

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Shortlist:
    """What shortlists are made of.

    Attributes:
        likeliest: of each subword of the source its translations, the likeliest first `[V_source, K]`; `END_ID` where
            there are fewer.
        frequent: the most frequent subwords of the target, the most frequent first.
    """

    likeliest: Ids
    frequent: Ids

    @classmethod
    def learned(
        cls,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        source_size: int,
        target_size: int,
    ) -> Shortlist:
        """Learn from sentence pairs.

        Args:
            sources: the subwords of each, at least one.
            targets: likewise, in the same order; may be empty.
            source_size: how many subwords the source's vocabulary has.
            target_size: likewise the target's.
        """
        counts = np.bincount(np.fromiter((one for ids in targets for one in ids), np.int64), minlength=target_size)
        frequent = np.argsort(-counts, kind="stable")[: min(LONGEST, int((counts > 0).sum()))]
        likeliest = np.full((source_size, LONGEST), END_ID, np.int32)
        keys, probabilities = _lexicon(sources, targets, target_size)
        source, target = np.divmod(keys, target_size)
        # By source, and of one source by probability.
        order = np.lexsort((-probabilities, source))
        order = order[probabilities[order] >= _LEAST]
        source, target = source[order], target[order]
        starts = np.searchsorted(source, np.arange(source_size))
        rank = np.arange(len(source)) - starts[source]
        kept = rank < LONGEST
        likeliest[source[kept], rank[kept]] = target[kept]
        return cls(likeliest, frequent.astype(np.int32))

    def cut(self, count: int) -> Shortlist:
        """Return the `count` likeliest translations of each subword, and as many of the most frequent ones."""
        return Shortlist(self.likeliest[:, :count], self.frequent[:count])


def _lexicon(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], target_size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how likely each target subword is as the translation of each source subword that it stands beside.

    Returns:
        source * target_size + target of what stands together somewhere, and t(target | source) of each.
    """
    links = sum(len(source) * len(target) for source, target in zip(sources, targets, strict=True))
    every = -(-links // _LINKS) or 1
    keys, places = [], []
    place = 0
    for one, other in zip(sources[::every], targets[::every], strict=True):
        keys.append((np.asarray(one, np.int64)[:, None] * target_size + np.asarray(other, np.int64)).ravel())
        # Which word of which target a link explains.
        places.append(np.tile(np.arange(place, place + len(other), dtype=np.int32), len(one)))
        place += len(other)
    explained = np.concatenate(places)
    unique, of_link = np.unique(np.concatenate(keys), return_inverse=True)
    source = unique // target_size
    probabilities = np.full(len(unique), 1.0 / target_size)
    for _ in range(_ROUNDS):
        shares = probabilities[of_link]
        shares /= np.bincount(explained, weights=shares, minlength=place)[explained]
        expected = np.bincount(of_link, weights=shares, minlength=len(unique))
        probabilities = expected / np.bincount(source, weights=expected)[source]
    return unique, probabilities
