"""What a corpus is like: its counts, its duplicates, and what its splits do not share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_pipeline.text.sentence import Sentence


@dataclass(frozen=True)
class SplitStatistics:
    """Counts of one split.

    Attributes:
        sentences, words, entities: how many there are.
        types: entities of each type.
        longest: words of the longest sentence.
        longest_place: where it stands.
        duplicates: sentences that an earlier one of the split repeats word for word.
        unseen: share of the entities whose words and type the training split does not hold; None for that split itself.
    """

    sentences: int
    words: int
    entities: int
    types: dict[str, int]
    longest: int
    longest_place: str
    duplicates: int
    unseen: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the counts as one JSON object."""
        return dict(vars(self))


@dataclass(frozen=True)
class CorpusStatistics:
    """Counts of a corpus: of each split, and sentences that two splits share, by the splits' names."""

    splits: dict[str, SplitStatistics]
    shared: dict[tuple[str, str], int]

    def to_json(self) -> dict[str, Any]:
        """Return the counts as one JSON object."""
        shared = {f"{one}/{other}": count for (one, other), count in self.shared.items()}
        return {"splits": {name: split.to_json() for name, split in self.splits.items()}, "shared": shared}


def describe(corpus: Mapping[str, Sequence[Sentence]]) -> CorpusStatistics:
    """Count what is in a corpus; each split holds at least one sentence, and one is called `train`."""
    known = {entity for sentence in corpus["train"] for entity in _surfaces(sentence)}
    splits = {}
    distinct: dict[str, set[tuple[str, ...]]] = {}
    for name, sentences in corpus.items():
        distinct[name] = {sentence.words for sentence in sentences}
        found = [entity for sentence in sentences for entity in _surfaces(sentence)]
        longest = max(sentences, key=lambda sentence: len(sentence.words))
        unseen = None
        if name != "train":
            unseen = sum(entity not in known for entity in found) / len(found) if found else 0.0
        splits[name] = SplitStatistics(
            sentences=len(sentences),
            words=sum(len(sentence.words) for sentence in sentences),
            entities=len(found),
            types=dict(sorted(Counter(entity_type for _, entity_type in found).items())),
            longest=len(longest.words),
            longest_place=longest.place,
            duplicates=len(sentences) - len(distinct[name]),
            unseen=unseen,
        )
    names = list(corpus)
    pairs = [(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
    return CorpusStatistics(splits, {(one, other): len(distinct[one] & distinct[other]) for one, other in pairs})


def _surfaces(sentence: Sentence) -> list[tuple[tuple[str, ...], str]]:
    """Return the words and the type of each entity of a sentence."""
    return [(sentence.words[entity.start : entity.end], entity.entity_type) for entity in sentence.entities]
