"""A sentence: words, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from nlp_pipeline.text.schemes import Scheme, entities_from_tags
from nlp_pipeline.text.spans import Entity, Span


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that cannot be inconsistent.

    Attributes:
        words: at least one, none of them empty.
        tags: the gold tags in IOB2, one a word; None where there are none.
        offsets: where each word stands in the text that the sentence was cut from, in code points.
        document: the number of its document in the corpus, from 0.
        place: where it begins, such as `train.conll:118`.

    Raises:
        ValueError: for anything else.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    offsets: tuple[Span, ...] | None = None
    document: int = 0
    place: str = ""

    def __post_init__(self) -> None:
        if not self.words or not all(self.words):
            raise ValueError(f"expected words, none of them empty. Received: {self.words!r}")
        for name, given in (("tag", self.tags), ("offset", self.offsets)):
            if given is not None and len(given) != len(self.words):
                raise ValueError(f"expected a {name} for each of {len(self.words)} words. Received: {len(given)}")

    @property
    def entities(self) -> list[Entity]:
        """The gold entities, in order; none where there are no tags."""
        return [] if self.tags is None else entities_from_tags(self.tags, Scheme.IOB2)
