"""Two taggers on the same sentences: whose scores are higher, whether that is chance, and what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nlp_pipeline.documents.document import Document, Inline, Item, Quoted
from nlp_pipeline.evaluation.bootstrap import Difference, difference_of, resampled_sums
from nlp_pipeline.evaluation.entity_counts import ALL, EntityCounts, Slice, entity_counts_of, fractions_of
from nlp_pipeline.evaluation.fates import counted, fate_of
from nlp_pipeline.evaluation.marked_example import gold_line, kept_words, predicted_line
from nlp_pipeline.evaluation.shown_comparison import ShownChanges
from nlp_pipeline.evaluation.shown_estimates import bootstrap_json, differences_table
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagging_report import MARKS

# What precision, recall and F1 are computed from: places among found, predicted and gold.
_COUNTS_OF = ((0, 1), (0, 2), (0, 1, 2))


@dataclass(frozen=True)
class TaggerComparison:
    """What is told of two taggers.

    Attributes:
        names: what the two are called.
        differences: of the micro average, `f1`, `precision` and `recall`, and of each type's F1.
        pairs: each sentence as the first tagged it, and the second.
    """

    names: tuple[str, str]
    differences: dict[Slice | str, Difference]
    pairs: list[tuple[TaggedExample, TaggedExample]]

    scale: ClassVar[float] = 100.0
    """What scores are multiplied with to be from 0 to 100."""

    @classmethod
    def of(
        cls, names: tuple[str, str], first: Sequence[TaggedExample], second: Sequence[TaggedExample]
    ) -> TaggerComparison:
        """Compare two taggings of the same sentences.

        Raises:
            ValueError: where the sentences are not the same.
        """
        if [(e.sentence.words, e.gold) for e in first] != [(e.sentence.words, e.gold) for e in second]:
            raise ValueError("expected the same sentences twice. Received: others")
        differences = _differences(entity_counts_of(first), entity_counts_of(second))
        return cls(names, differences, list(zip(first, second, strict=True)))

    def changed(self) -> Iterator[tuple[str, TaggedExample, TaggedExample]]:
        """Yield the sentences whose predicted entities differ, in order, each with its fate, one of `fates.FATES`."""
        for first, second in self.pairs:
            if first.predicted_entities != second.predicted_entities:
                yield fate_of(first.errors - second.errors), first, second

    def counts(self) -> dict[str, int]:
        """Return how many sentences have each fate; `same` for those that have not changed."""
        return counted((fate for fate, _, _ in self.changed()), len(self.pairs))

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON has it, without the sentences; scores are fractions."""
        micro = {name: one.to_json() for name, one in self.differences.items() if isinstance(name, str)}
        types = {part.name: one.to_json() for part, one in self.differences.items() if isinstance(part, Slice)}
        return {
            "task": "tagging",
            "first": self.names[0],
            "second": self.names[1],
            "sentences": len(self.pairs),
            "bootstrap": bootstrap_json(),
            "micro": micro,
            "types": types,
            "changed": self.counts(),
        }

    def changes_json(self) -> Iterator[dict[str, Any]]:
        """Yield each changed sentence as JSON has it."""
        for fate, first, second in self.changed():
            yield {
                "place": first.sentence.place,
                "fate": fate,
                "words": first.sentence.words,
                "gold": first.gold,
                "first": first.predicted,
                "second": second.predicted,
            }

    def rows(self) -> dict[Inline, Difference]:
        """Return the differences by the names that a reader sees."""
        shown = {"f1": "F1, micro average", "precision": "precision", "recall": "recall"}
        return {
            shown[part] if isinstance(part, str) else Quoted(f"F1 of {part.name}"): one
            for part, one in self.differences.items()
        }

    def document(self, title: str) -> Document:
        """Return what is to be read."""
        caption = "seqeval's default mode, in per cent; the difference is the second's less the first's"
        differences = differences_table(caption, self.rows(), self.scale)
        changes = [(fate, (first, second)) for fate, first, second in self.changed()]
        return _CHANGES.document(title, self.names, self.counts(), differences, changes)


def _item(pair: tuple[TaggedExample, TaggedExample]) -> Item:
    first, second = pair
    kept = kept_words(len(first.sentence.words), first, second)
    place = (" (", Quoted(first.sentence.place), ")") if first.sentence.place else ()
    predicted = (predicted_line(first, kept, "first"), predicted_line(second, kept, "second"))
    lines = (gold_line(first, kept, finds_all=True), *predicted)
    return Item((f"{first.errors} errors, then {second.errors}", *place), lines)


_CHANGES = ShownChanges[tuple[TaggedExample, TaggedExample]](
    "Sentences whose entities the two see differently",
    {
        "mended": "the second makes fewer mistakes",
        "broken": "the second makes more mistakes",
        "otherwise": "as many mistakes, others",
        "same": "the same entities",
    },
    ("Mended", "Broken", "Wrong in another way"),
    lambda pair: abs(pair[0].errors - pair[1].errors),
    _item,
    MARKS,
)


def _differences(first: EntityCounts, second: EntityCounts) -> dict[Slice | str, Difference]:
    """Return the differences of all scores, all of them of the same resamples."""
    types = sorted({part for some in (first, second) for part in some.slices if part.group == "type"})
    parts = [ALL, *types]
    # [sentences, systems, parts, 3]
    both = np.stack([np.stack([some.of(part) for part in parts], axis=1) for some in (first, second)], axis=1)
    values = np.nan_to_num(fractions_of(both.sum(axis=0).astype(np.float64)))
    resampled = fractions_of(resampled_sums(both.reshape(len(both), -1)).reshape(-1, *both.shape[1:]))

    def difference(part: int, score: int) -> Difference:
        counted = both[:, :, part, _COUNTS_OF[score]]
        differing = int((counted[:, 0] != counted[:, 1]).any(axis=-1).sum())
        value, drawn = values[:, part, score], resampled[:, :, part, score]
        return difference_of(float(value[0]), float(value[1]), drawn[:, 0], drawn[:, 1], differing)

    of_all: dict[Slice | str, Difference] = {
        name: difference(0, score) for score, name in ((2, "f1"), (0, "precision"), (1, "recall"))
    }
    return {**of_all, **{part: difference(number, 2) for number, part in enumerate(types, start=1)}}
