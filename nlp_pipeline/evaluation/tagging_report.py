"""What a tagger is worth, how sure that is, which types it takes for which, and the sentences where it is worst."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from nlp_pipeline.documents.document import (
    Block,
    Document,
    HeatMap,
    Item,
    Items,
    Meter,
    Quoted,
    Reliability,
    Section,
    Table,
    paragraph,
    table,
)
from nlp_pipeline.evaluation.bootstrap import Estimate
from nlp_pipeline.evaluation.calibration import Calibration, entity_calibration_of, word_calibration_of
from nlp_pipeline.evaluation.confusion import (
    Confusion,
    ConfusionMatrix,
    confusion_matrix_of,
    confusions_of,
)
from nlp_pipeline.evaluation.entities import EntityScores
from nlp_pipeline.evaluation.entity_counts import ALL, ScoredSlice, entity_counts_of, macro_f1_of, scored_slices
from nlp_pipeline.evaluation.marked_example import gold_line, kept_words, predicted_line
from nlp_pipeline.evaluation.shown_estimates import BOOTSTRAP, bootstrap_json, interval_of, meter_of
from nlp_pipeline.evaluation.tagged_example import TaggedExample

WORST_SENTENCES = 50
COMMON_CONFUSIONS = 20

MARKS = (
    "An entity that is right has a solid line below it, one of the corpus that was missed a dashed line and the word "
    "missed, a predicted one that is wrong a double line and the word wrong. In Markdown they stand in [ ], ( ) and "
    "{ }. Per cent are the confidence."
)


@dataclass(frozen=True)
class TaggingReport:
    """All that a report tells.

    Attributes:
        scores: by seqeval.
        parts: the same with intervals, in all, by type, lengths and novelty.
        macro: the mean F1 of the types with its interval.
        matrix: types of the corpus by types predicted.
        confusions: what was taken for what, the commonest first.
        words, entities: calibration of each.
        worst: the sentences with errors, those with most first.
    """

    scores: EntityScores
    parts: list[ScoredSlice]
    macro: Estimate
    matrix: ConfusionMatrix
    confusions: list[Confusion]
    words: Calibration
    entities: Calibration
    worst: list[TaggedExample]

    @classmethod
    def of(
        cls, scores: EntityScores, examples: Sequence[TaggedExample], known_entities: Set[str] | None = None
    ) -> TaggingReport:
        """Return the report of tagged sentences.

        Args:
            scores: theirs.
            examples: at least one, with confidences.
            known_entities: the training corpus's, where they are known.
        """
        counts = entity_counts_of(examples, known_entities)
        wrong = [example for example in examples if example.errors]
        # Among equals, the surest mistakes come last.
        worst = sorted(wrong, key=lambda example: (-example.errors, example.surprise))[:WORST_SENTENCES]
        return cls(
            scores,
            scored_slices(counts),
            macro_f1_of(counts),
            confusion_matrix_of(examples),
            confusions_of(examples),
            word_calibration_of(examples),
            entity_calibration_of(examples),
            worst,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON has it, without the sentences: fractions, counts and intervals."""
        groups: dict[str, Any] = {}
        for part in self.parts:
            if part.of != ALL:
                groups.setdefault(part.of.group, {})[part.of.name] = part.to_json()
        return {
            "scores": self.scores.to_json(),
            "bootstrap": bootstrap_json(),
            "micro": self.parts[0].to_json(),
            "macro_f1": self.macro.to_json(),
            "by": groups,
            "confusion_matrix": self.matrix.to_json(),
            "confusions": [asdict(confusion) for confusion in self.confusions],
            "calibration": {"entities": self.entities.to_json(), "words": self.words.to_json()},
        }

    def document(self, title: str) -> Document:
        """Return what is to be read."""
        sections = [
            Section("Scores", self._scores()),
            Section("Confusions", self._confusions()),
            Section("Where it is good and where it is not", tuple(self._groups())),
            Section("Calibration", self._calibration()),
            Section(f"The {len(self.worst)} worst sentences", (paragraph(MARKS), self._worst())),
        ]
        return Document(title, tuple(sections))

    def _scores(self) -> tuple[Block, ...]:
        scores = self.scores
        intro = (
            f"{scores.sentences:,} sentences, {scores.words:,} words. seqeval, tags in IOB2, in per cent; {BOOTSTRAP}. "
            "The default mode counts as the CoNLL script does; the strict mode takes an entity from no tags that the "
            "scheme forbids."
        )
        rows = [_row("micro average, default mode (conlleval)", self.parts[0])]
        strict = scores.strict
        rows.append(
            [
                *("micro average, strict mode", "", f"{100 * strict.f1:.2f}", ""),
                *(f"{100 * value:.2f}" for value in (strict.precision, strict.recall)),
                *(f"{strict.gold:,}", f"{strict.predicted:,}"),
            ]
        )
        macro = self.macro
        rows.append(
            [
                *("macro average, default mode", meter_of(macro)),
                *(f"{100 * macro.value:.2f}", interval_of(macro)),
                *(f"{100 * value:.2f}" for value in (scores.macro.precision, scores.macro.recall)),
                *(f"{scores.macro.gold:,}", f"{scores.macro.predicted:,}"),
            ]
        )
        rows += [_row(Quoted(part.of.name), part) for part in self.parts if part.of.group == "type"]
        accuracy = f"Words with the right tag: {100 * scores.accuracy:.2f} %."
        return paragraph(intro), table("Scores in all and by type", _COLUMNS, rows), paragraph(accuracy)

    def _confusions(self) -> tuple[Block, ...]:
        matrix = self.matrix
        shown = tuple(tuple(f"{count:,}" if count else "" for count in row) for row in matrix.counts.tolist())
        shares = tuple(tuple(row) for row in matrix.shares().tolist())
        heat = HeatMap(
            "Entities by what was made of them: rows are those of the corpus, columns what was predicted; O is "
            "nothing. The darker, the larger the share of the row.",
            tuple(Quoted(name) for name in matrix.rows),
            tuple(Quoted(name) for name in matrix.columns),
            shares,
            shown,
        )
        rows = [
            (
                Quoted(one.gold),
                Quoted(f"{one.predicted}, with other borders" if one.border else one.predicted),
                f"{one.count:,}",
            )
            for one in self.confusions[:COMMON_CONFUSIONS]
        ]
        common = table("The commonest mistakes", ("in the corpus", "predicted", "times"), rows, texts=(1,))
        return (heat, common) if rows else (heat, paragraph("There is no mistake."))

    def _groups(self) -> Sequence[Block]:
        blocks: list[Block] = []
        for group, caption in (
            ("entity length", "By words of the entity"),
            ("sentence length", "By words of the sentence"),
            ("training", "By whether the training corpus holds the entity, with the same words and type"),
        ):
            rows = [_row(part.of.name, part) for part in self.parts if part.of.group == group]
            if rows:
                blocks.append(table(f"{caption}: default mode, in per cent", _COLUMNS, rows))
        return blocks or [paragraph("There is no entity.")]

    def _calibration(self) -> tuple[Block, ...]:
        intro = (
            "Of what is predicted with a confidence of 80 %, 80 in a hundred should be right. The expected calibration "
            "error is how far the two lie apart, in the mean over all predictions (Guo et al. 2017, equation 3, "
            f"{len(self.words.bins)} bins of equal width). The confidence of a word is the marginal probability of its "
            "tag, that of an entity the lowest among its words."
        )
        blocks: list[Block] = [paragraph(intro)]
        for name, calibration in (("predicted entities", self.entities), ("words", self.words)):
            if calibration.error is None:
                blocks.append(paragraph(f"There are no {name}."))
                continue
            error = f"{calibration.count:,} {name}: expected calibration error {100 * calibration.error:.2f} %"
            bins = tuple((b.low, b.high, b.confidence or 0.0, b.right or 0.0) for b in calibration.bins if b.count)
            caption = (
                f"{error}. Bars: the share that is right; points: at the mean confidence; dashed: as sure as right."
            )
            blocks += [Reliability(caption, bins), _calibration_table(error, calibration)]
        return tuple(blocks)

    def _worst(self) -> Block:
        if not self.worst:
            return paragraph("None holds an error.")
        items = []
        for example in self.worst:
            place = (" (", Quoted(example.sentence.place), ")") if example.sentence.place else ()
            count = f"{example.errors} error{'s' if example.errors > 1 else ''}"
            kept = kept_words(len(example.sentence.words), example)
            items.append(Item((count, *place), (gold_line(example, kept), predicted_line(example, kept))))
        return Items(tuple(items))


_COLUMNS = ("", "F1, 0 to 100", "F1", "", "precision", "recall", "in the corpus", "predicted")


def _row(name: str | Quoted, part: ScoredSlice) -> list[str | Quoted | Meter]:
    f1 = part.f1
    return [
        *(name, meter_of(f1), f"{100 * f1.value:.2f}", interval_of(f1)),
        *(f"{100 * value.value:.2f} {interval_of(value)}".strip() for value in (part.precision, part.recall)),
        *(f"{part.gold:,}", f"{part.predicted:,}"),
    ]


def _calibration_table(caption: str, calibration: Calibration) -> Table:
    rows = [
        (
            f"{100 * one.low:.0f} to {100 * one.high:.0f} %",
            f"{one.count:,}",
            "" if one.confidence is None else f"{100 * one.confidence:.1f}",
            "" if one.right is None else f"{100 * one.right:.1f}",
        )
        for one in calibration.bins
    ]
    return table(caption, ("confidence", "predictions", "mean confidence, %", "right, %"), rows)
