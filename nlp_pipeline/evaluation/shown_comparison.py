"""The document of a comparison, of taggers or of translators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nlp_pipeline.documents.document import Block, Document, Item, Items, Quoted, Section, Table, paragraph, table
from nlp_pipeline.evaluation.fates import FATES, SHOWN_SENTENCES
from nlp_pipeline.evaluation.shown_estimates import PAIRED

Change = TypeVar("Change")


@dataclass(frozen=True)
class ShownChanges(Generic[Change]):
    """How the changed sentences of a comparison are shown.

    Attributes:
        caption: of the table of their numbers.
        meanings: of each fate, and of `same`, what it is of these sentences.
        headings: of each of `fates.FATES`.
        size: how much a sentence has changed.
        item: a sentence with what both made of it.
        marks: how to read an item, where that has to be told.
    """

    caption: str
    meanings: dict[str, str]
    headings: tuple[str, str, str]
    size: Callable[[Change], float]
    item: Callable[[Change], Item]
    marks: str = ""

    def document(
        self,
        title: str,
        names: tuple[str, str],
        counts: dict[str, int],
        differences: Table,
        changes: Sequence[tuple[str, Change]],
    ) -> Document:
        """Return what is to be read.

        Args:
            title: the document's.
            names: what the two are called.
            counts: how many sentences have each fate; see `fates.counted`.
            differences: the scores.
            changes: the changed sentences, each with its fate, in the order of the corpus.
        """
        first, second = map(Quoted, names)
        sentences = f"{sum(counts.values()):,} sentences"
        intro = paragraph("The first is ", first, ", the second ", second, f". {sentences}. {PAIRED}")
        rows = [(f"{name}: {meaning}", f"{counts[name]:,}") for name, meaning in self.meanings.items()]
        sections = [Section("Scores", (intro, differences, table(self.caption, ("", "sentences"), rows)))]
        for fate, heading in zip(FATES, self.headings, strict=True):
            found = [change for other, change in changes if other == fate]
            sections.append(Section(f"{heading}: {counts[fate]:,}", self._sentences(found)))
        return Document(title, tuple(sections))

    def _sentences(self, found: Sequence[Change]) -> tuple[Block, ...]:
        if not found:
            return (paragraph("There is none."),)
        shown = sorted(found, key=lambda change: -self.size(change))[:SHOWN_SENTENCES]
        more = f"Shown are the {SHOWN_SENTENCES} that changed most." if len(found) > SHOWN_SENTENCES else ""
        told = " ".join(part for part in (self.marks, more) if part)
        items = Items(tuple(map(self.item, shown)))
        return (paragraph(told), items) if told else (items,)
