"""What a parallel corpus is like: lengths, sides that do not fit each other, and what its splits share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nlp_pipeline.text.normalisation import is_blank
from nlp_pipeline.text.pair import SentencePair

OUTLIER_RATIO = 3.0
SHOWN_PLACES = 5


@dataclass(frozen=True)
class SideStatistics:
    """Counts of one side of a split.

    Attributes:
        words: how many there are between white space.
        characters: code points.
        mean_words, mean_characters: of a sentence.
        longest_words, longest_characters: of the sentence with the most code points.
        longest_place: where it stands.
    """

    words: int
    characters: int
    mean_words: float
    mean_characters: float
    longest_words: int
    longest_characters: int
    longest_place: str


@dataclass(frozen=True)
class PairStatistics:
    """Counts of one split.

    Attributes:
        pairs: how many there are.
        source, target: of each side.
        outliers: pairs of which one side has more than `OUTLIER_RATIO` times the code points of the other.
        outlier_places: where the first of them stand.
        duplicates: pairs that an earlier one of the split repeats.
        identical: pairs of two equal sides.
        empty: pairs of which a side holds nothing to be seen.
        known_pairs: pairs that the training split holds; None for that split itself.
        known_sources: pairs whose source the training split holds, whatever its target there; likewise None.
    """

    pairs: int
    source: SideStatistics
    target: SideStatistics
    outliers: int
    outlier_places: tuple[str, ...]
    duplicates: int
    identical: int
    empty: int
    known_pairs: int | None
    known_sources: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the counts as one JSON object."""
        return {**asdict(self), "outlier_places": list(self.outlier_places)}


@dataclass(frozen=True)
class ParallelStatistics:
    """Counts of a corpus: of each split, and distinct pairs that two splits share, by the splits' names."""

    splits: dict[str, PairStatistics]
    shared: dict[tuple[str, str], int]

    def to_json(self) -> dict[str, Any]:
        """Return the counts as one JSON object."""
        shared = {f"{one}/{other}": count for (one, other), count in self.shared.items()}
        return {"splits": {name: split.to_json() for name, split in self.splits.items()}, "shared": shared}


def describe_pairs(corpus: Mapping[str, Sequence[SentencePair]]) -> ParallelStatistics:
    """Count what is in a parallel corpus; each split holds at least one pair, and one is called `train`.

    Texts are compared as they are: normalise them before, to have what looks the same counted as the same.
    """
    distinct = {name: {(pair.source, pair.target) for pair in pairs} for name, pairs in corpus.items()}
    known_sources = {pair.source for pair in corpus["train"]}
    splits = {}
    for name, pairs in corpus.items():
        outliers = [pair.place for pair in pairs if _is_outlier(pair)]
        is_train = name == "train"
        splits[name] = PairStatistics(
            pairs=len(pairs),
            source=_side([pair.source for pair in pairs], pairs),
            target=_side([pair.target for pair in pairs], pairs),
            outliers=len(outliers),
            outlier_places=tuple(outliers[:SHOWN_PLACES]),
            duplicates=len(pairs) - len(distinct[name]),
            identical=sum(pair.source == pair.target for pair in pairs),
            empty=sum(is_blank(pair.source) or is_blank(pair.target) for pair in pairs),
            known_pairs=None if is_train else sum((pair.source, pair.target) in distinct["train"] for pair in pairs),
            known_sources=None if is_train else sum(pair.source in known_sources for pair in pairs),
        )
    names = list(corpus)
    couples = [(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
    return ParallelStatistics(splits, {(one, other): len(distinct[one] & distinct[other]) for one, other in couples})


def _is_outlier(pair: SentencePair) -> bool:
    shorter, longer = sorted((len(pair.source), len(pair.target)))
    return longer > OUTLIER_RATIO * shorter


def _side(texts: Sequence[str], pairs: Sequence[SentencePair]) -> SideStatistics:
    """Count what is in one side of `pairs`."""
    words = [len(text.split()) for text in texts]
    characters = [len(text) for text in texts]
    longest = max(range(len(texts)), key=characters.__getitem__)
    return SideStatistics(
        words=sum(words),
        characters=sum(characters),
        mean_words=sum(words) / len(texts),
        mean_characters=sum(characters) / len(texts),
        longest_words=words[longest],
        longest_characters=characters[longest],
        longest_place=pairs[longest].place,
    )
