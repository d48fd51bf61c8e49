"""The inventory of tags: their numbers, and which may follow which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nlp_pipeline.text.schemes import OUTSIDE, Scheme, TagError, entities_from_tags, prefixes_of


class TagSet:
    """The tags of some entity types in a scheme.

    Args:
        entity_types: at least one, each once.
        scheme: how entities are written.

    Attributes:
        names: the tags in the order of their ids, `O` first.
        allowed_starts: for each tag, whether a sentence may begin with it.
        allowed_transitions: for each pair of tags (from, to), whether the second may follow the first.
        allowed_ends: for each tag, whether a sentence may end with it.

    Raises:
        ValueError: for no type, an empty one, or one that comes twice.
    """

    def __init__(self, entity_types: Sequence[str], scheme: Scheme = Scheme.IOB2) -> None:
        if not entity_types or not all(entity_types) or len(set(entity_types)) != len(entity_types):
            raise ValueError(f"expected different entity types. Received: {list(entity_types)}")
        self.entity_types = tuple(entity_types)
        self.scheme = Scheme(scheme)
        prefixes = prefixes_of(self.scheme)
        self.names = (OUTSIDE, *(f"{prefix}-{name}" for name in self.entity_types for prefix in prefixes))
        self._ids = {name: number for number, name in enumerate(self.names)}
        self.allowed_starts = tuple(self._may_stand((), name) for name in self.names)
        self.allowed_ends = tuple(self._may_end(name) for name in self.names)
        self.allowed_transitions = tuple(
            tuple(self._may_stand(self._leading_to(one), other) for other in self.names) for one in self.names
        )

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TagSet) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.entity_types, self.scheme))

    def id_of(self, tag: str) -> int:
        """Return the id of a tag; KeyError for one that the set does not have."""
        return self._ids[tag]

    def ids(self, tags: Iterable[str]) -> list[int]:
        """Return the ids of tags; KeyError for one that the set does not have."""
        return [self._ids[tag] for tag in tags]

    def tags(self, ids: Iterable[int]) -> list[str]:
        """Return the tags of ids."""
        return [self.names[number] for number in ids]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return {"entity_types": list(self.entity_types), "scheme": str(self.scheme)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TagSet:
        """Return the tag set that `to_json` described."""
        return cls(content["entity_types"], Scheme(content["scheme"]))

    def _leading_to(self, tag: str) -> tuple[str, ...]:
        """Return the shortest beginning of a sentence that ends with the tag."""
        if self._may_stand((), tag):
            return (tag,)
        opening = "I" if self.scheme is Scheme.IOB1 else "B"
        return (f"{opening}-{tag.partition('-')[2]}", tag)

    def _may_stand(self, before: tuple[str, ...], tag: str) -> bool:
        """Return whether a tag may follow a beginning: whether the scheme reads the two, however they go on."""
        sentence = (*before, tag)
        try:
            entities_from_tags(sentence, self.scheme)
        except TagError as error:
            # What is amiss at the very end may be that an entity is still open, which the next tag can put right.
            if error.index != len(sentence) - 1:
                return False
            return self._is_completed(sentence)
        return True

    def _is_completed(self, sentence: tuple[str, ...]) -> bool:
        """Return whether closing the last tag's entity makes the sentence readable."""
        closing = {Scheme.IOBES: "E", Scheme.BILOU: "L"}.get(self.scheme)
        entity_type = sentence[-1].partition("-")[2]
        if closing is None or not entity_type:
            return False
        try:
            entities_from_tags((*sentence, f"{closing}-{entity_type}"), self.scheme)
        except TagError:
            return False
        return True

    def _may_end(self, tag: str) -> bool:
        try:
            entities_from_tags(self._leading_to(tag), self.scheme)
        except TagError:
            return False
        return True
