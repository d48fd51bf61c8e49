"""Two translators on the same sentences: whose scores are higher, whether that is chance, and what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nlp_pipeline.documents.document import Document, Inline, Item, Quoted, TextLine
from nlp_pipeline.documents.shown_text import shortened
from nlp_pipeline.evaluation.bootstrap import Difference, difference_of
from nlp_pipeline.evaluation.fates import counted, fate_of
from nlp_pipeline.evaluation.shown_comparison import ShownChanges
from nlp_pipeline.evaluation.shown_estimates import bootstrap_json, differences_table
from nlp_pipeline.evaluation.translation_counts import translation_counts_of
from nlp_pipeline.evaluation.translation_report import TranslatedExample
from nlp_pipeline.evaluation.translations import SHOWN_SCORES, SentenceScore, sentence_scores

_TEXT_CHARACTERS = 2_000


@dataclass(frozen=True)
class Change:
    """A sentence that the two translate differently, what became of it, and the scores of both translations."""

    fate: str
    first: TranslatedExample
    second: TranslatedExample
    scores: tuple[SentenceScore, SentenceScore]

    @property
    def gain(self) -> float:
        """How much more chrF the second has."""
        return self.scores[1].chrf - self.scores[0].chrf


@dataclass(frozen=True)
class TranslatorComparison:
    """What is told of two translators.

    Attributes:
        names: what the two are called.
        differences: of each score, by the names of `TranslationScores`, from 0 to 100.
        changes: the sentences that they translate differently, in order.
        sentences: how many sentences there are.
    """

    names: tuple[str, str]
    differences: dict[str, Difference]
    changes: list[Change]
    sentences: int

    scale: ClassVar[float] = 1.0
    """What scores are multiplied with to be from 0 to 100."""

    @classmethod
    def of(
        cls, names: tuple[str, str], first: Sequence[TranslatedExample], second: Sequence[TranslatedExample]
    ) -> TranslatorComparison:
        """Compare two translations of the same sentences.

        Raises:
            ValueError: where the sentences or their references are not the same.
        """
        if [(e.source, e.reference) for e in first] != [(e.source, e.reference) for e in second]:
            raise ValueError("expected the same sentences twice. Received: others")
        references = [example.reference for example in first]
        counts = [translation_counts_of(references, [one.hypothesis for one in some]) for some in (first, second)]
        scores, resampled = ([one.scores() for one in counts], [one.resampled for one in counts])
        differences = {}
        for name in scores[0]:
            differing = int((counts[0].of[name] != counts[1].of[name]).any(axis=-1).sum())
            values, drawn = [one[name] for one in scores], [one[name] for one in resampled]
            differences[name] = difference_of(values[0], values[1], drawn[0], drawn[1], differing)
        pairs = [pair for pair in zip(first, second, strict=True) if pair[0].hypothesis != pair[1].hypothesis]
        return cls(names, differences, _changes(pairs), len(first))

    def counts(self) -> dict[str, int]:
        """Return how many sentences have each fate; `same` for those that have not changed."""
        return counted((change.fate for change in self.changes), self.sentences)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON has it, without the sentences."""
        return {
            "task": "translation",
            "first": self.names[0],
            "second": self.names[1],
            "sentences": self.sentences,
            "bootstrap": bootstrap_json(),
            **{name: one.to_json() for name, one in self.differences.items()},
            "changed": self.counts(),
        }

    def changes_json(self) -> Iterator[dict[str, Any]]:
        """Yield each changed sentence as JSON has it."""
        for one in self.changes:
            yield {
                "place": one.first.place,
                "fate": one.fate,
                "source": one.first.source,
                "reference": one.first.reference,
                "first": one.first.hypothesis,
                "second": one.second.hypothesis,
                "chrf": [score.chrf for score in one.scores],
            }

    def rows(self) -> dict[Inline, Difference]:
        """Return the differences by the names that a reader sees."""
        return {shown: self.differences[name] for name, shown in SHOWN_SCORES.items()}

    def document(self, title: str) -> Document:
        """Return what is to be read."""
        caption = "sacrebleu, BLEU by its tokenizer 13a; the difference is the second's less the first's"
        differences = differences_table(caption, self.rows(), self.scale)
        changes = [(change.fate, change) for change in self.changes]
        return _CHANGES.document(title, self.names, self.counts(), differences, changes)


def _item(change: Change) -> Item:
    place = (" (", Quoted(change.first.place), ")") if change.first.place else ()
    lines = (
        ("source", change.first.source),
        ("reference", change.first.reference),
        ("first", change.first.hypothesis),
        ("second", change.second.hypothesis),
    )
    blocks = tuple(TextLine(name, shortened(text, _TEXT_CHARACTERS)) for name, text in lines)
    return Item((f"chrF {change.scores[0].chrf:.2f}, then {change.scores[1].chrf:.2f}", *place), blocks)


_CHANGES = ShownChanges[Change](
    "Sentences that the two translate differently",
    {
        "mended": "the second has more chrF",
        "broken": "the second has less chrF",
        "otherwise": "as much chrF, another text",
        "same": "the same text",
    },
    ("Mended", "Broken", "Changed otherwise"),
    lambda change: abs(change.gain),
    _item,
)


def _changes(pairs: Sequence[tuple[TranslatedExample, TranslatedExample]]) -> list[Change]:
    if not pairs:
        return []
    references = [first.reference for first, _ in pairs]
    of_first, of_second = (sentence_scores(references, [pair[at].hypothesis for pair in pairs]) for at in (0, 1))
    changes = []
    for (first, second), one, other in zip(pairs, of_first, of_second, strict=True):
        gain = round(other.chrf - one.chrf, 2)  # as it is shown
        changes.append(Change(fate_of(gain), first, second, (one, other)))
    return changes
