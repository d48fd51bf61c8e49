"""Things with numbers: characters, words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


class Vocabulary:
    """Items and their ids: 0 is padding, 1 is whatever the vocabulary does not know, the items follow.

    Args:
        items: each once, in the order of their ids.

    Raises:
        ValueError: where an item comes twice.
    """

    PADDING = 0
    UNKNOWN = 1

    def __init__(self, items: Sequence[str]) -> None:
        self.items = tuple(items)
        self._ids = {item: number for number, item in enumerate(self.items, start=2)}
        if len(self._ids) != len(self.items):
            raise ValueError("expected every item of a vocabulary once. Received: some of them twice")

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], minimum: int = 1, maximum: int | None = None) -> Vocabulary:
        """Return the vocabulary of what was counted, the commonest first, equals in the order of their code points.

        Args:
            counts: how often each item was seen.
            minimum: items that were seen less often are left out.
            maximum: how many items are kept; None for all.
        """
        common = (item for item, count in counts.items() if count >= minimum)
        return cls(sorted(common, key=lambda item: (-counts[item], item))[:maximum])

    def __len__(self) -> int:
        return len(self.items) + 2

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def id_of(self, item: str) -> int:
        """Return the id of an item, 1 for one that is not known."""
        return self._ids.get(item, self.UNKNOWN)

    def ids(self, items: Iterable[str]) -> list[int]:
        """Return the ids of items."""
        return [self._ids.get(item, self.UNKNOWN) for item in items]

    def to_json(self) -> list[str]:
        """Return what `from_json` takes."""
        return list(self.items)

    @classmethod
    def from_json(cls, items: Sequence[str]) -> Vocabulary:
        """Return the vocabulary that `to_json` described."""
        return cls(items)
