"""What a translator is worth, how sure that is, at which lengths, where it looks, and where it is worst and best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_pipeline.documents.document import (
    Block,
    Cell,
    Document,
    Item,
    ItemBlock,
    Items,
    Quoted,
    Section,
    Steps,
    TextLine,
    paragraph,
    table,
)
from nlp_pipeline.documents.shown_text import shortened
from nlp_pipeline.evaluation.alignment_panels import heat_maps_of
from nlp_pipeline.evaluation.bootstrap import Estimate
from nlp_pipeline.evaluation.heatmap import AlignedTranslation
from nlp_pipeline.evaluation.shown_estimates import BOOTSTRAP, bootstrap_json, interval_of, meter_of
from nlp_pipeline.evaluation.translation_counts import translation_counts_of
from nlp_pipeline.evaluation.translations import (
    SHOWN_SCORES,
    Score,
    SentenceScore,
    TranslationScores,
    length_buckets,
    sentence_scores,
)

WORST_SENTENCES = 50
BEST_SENTENCES = 20
ALIGNED_WORST, ALIGNED_BEST = 20, 10
_TEXT_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class TranslatedExample:
    """A sentence, how people translated it, and what the translator made of it.

    Attributes:
        source: the sentence.
        reference: the translation of the corpus.
        hypothesis: the translator's; may be empty.
        place: where the sentence stands, such as `test.en:12`.
    """

    source: str
    reference: str
    hypothesis: str
    place: str = ""


@dataclass(frozen=True)
class RankedExample:
    """A translated sentence with its scores, and its number in the corpus, from 0."""

    example: TranslatedExample
    score: SentenceScore
    number: int


@dataclass(frozen=True)
class Candidate:
    """One of several translations of a sentence, the text, what it was ranked by, and its log-probability in nats."""

    text: str
    score: float
    log_probability: float


@dataclass(frozen=True)
class Insight:
    """What is known of a translation beyond its text.

    Attributes:
        alignment: where the decoder looked, by words; None without attention, or for an empty translation.
        candidates: what the search ended with, the best first.
    """

    alignment: AlignedTranslation | None
    candidates: tuple[Candidate, ...]


def ranked(examples: Sequence[TranslatedExample]) -> list[RankedExample]:
    """Return the examples from the worst to the best: by BLEU, then chrF; among equals the shorter one is worse.

    A short sentence is easily right, and a long one tells more, so the best begin with long ones.
    """
    if not examples:
        return []
    scores = sentence_scores([e.reference for e in examples], [e.hypothesis for e in examples])
    pairs = [
        RankedExample(example, score, number)
        for number, (example, score) in enumerate(zip(examples, scores, strict=True))
    ]
    # To two decimals, as they are shown: what differs by rounding errors counts as equal.
    return sorted(
        pairs, key=lambda it: (round(it.score.bleu, 2), round(it.score.chrf, 2), len(it.example.reference.split()))
    )


@dataclass(frozen=True)
class TranslationReport:
    """All that a report tells.

    Attributes:
        scores: by sacrebleu.
        estimates: the same with intervals, by the names of `TranslationScores`.
        by_length: BLEU with its interval of each of the scores' lengths; None where there is no such sentence.
        worst: the sentences that are not their reference, the worst first; at most 50.
        best: of the others, the best first; at most 20.
        insights: by the number of a sentence; see `looked_into` for whose.
    """

    scores: TranslationScores
    estimates: Mapping[str, Estimate]
    by_length: Sequence[Estimate | None]
    worst: list[RankedExample]
    best: list[RankedExample]
    insights: dict[int, Insight]

    @classmethod
    def of(cls, scores: TranslationScores, examples: Sequence[TranslatedExample]) -> TranslationReport:
        """Return the report of translated sentences, without insights."""
        order = ranked(examples)
        worst = [it for it in order if it.example.hypothesis != it.example.reference][:WORST_SENTENCES]
        listed = {it.number for it in worst}
        best = [it for it in reversed(order) if it.number not in listed][:BEST_SENTENCES]
        counts = translation_counts_of(
            [example.reference for example in examples], [example.hypothesis for example in examples]
        )
        of_source = scores.length_of == "source"
        lengths = [len((example.source if of_source else example.reference).split()) for example in examples]
        by_length = [
            counts.of_some(places, "bleu").estimates()["bleu"] if places else None
            for places in length_buckets(lengths).values()
        ]
        return cls(scores, counts.estimates(), by_length, worst, best, {})

    def looked_into(self) -> list[int]:
        """Return the numbers of the sentences that the report is about, for whoever finds the insights."""
        return [it.number for it in (*self.worst, *self.best)]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON has it, without the sentences."""
        return {
            "scores": self.scores.to_json(),
            "bootstrap": bootstrap_json(),
            **{name: estimate.to_json() for name, estimate in self.estimates.items()},
            "by_length": {
                bucket.words: None if estimate is None else estimate.to_json()
                for bucket, estimate in zip(self.scores.by_length, self.by_length, strict=True)
            },
        }

    def document(self, title: str) -> Document:
        """Return what is to be read."""
        sections = [Section("Scores", self._scores()), Section("BLEU by length", self._lengths())]
        aligned = [*self.worst[:ALIGNED_WORST], *self.best[:ALIGNED_BEST]]
        steps = [item for it in aligned if (item := self._alignment(it)) is not None]
        if steps:
            sections.append(Section("Where it looks", (paragraph(_ALIGNMENTS), Steps("alignments", tuple(steps)))))
        for name, chosen in (("worst", self.worst), ("best", self.best)):
            items = Items(tuple(self._sentence(it) for it in chosen))
            blocks: tuple[Block, ...] = (items,) if chosen else (paragraph("There is none."),)
            sections.append(Section(f"The {len(chosen)} {name} sentences", blocks))
        return Document(title, tuple(sections))

    def _scores(self) -> tuple[Block, ...]:
        scores = self.scores
        rows: list[tuple[Cell, ...]] = []
        for name, shown in SHOWN_SCORES.items():
            score: Score = getattr(scores, name)
            estimate = self.estimates[name]
            # TER has no upper end.
            drawn: Cell = "" if name == "ter" else meter_of(estimate, 0.01)
            rows.append((shown, drawn, f"{score.score:.2f}", interval_of(estimate, 1.0), score.signature))
        intro = (
            f"{scores.sentences:,} sentences. sacrebleu, one reference each; {BOOTSTRAP}, counted as sacrebleu counts."
        )
        ratio = f"The hypotheses hold {scores.length_ratio:.3f} tokens for each one of the references."
        if scores.empty:
            ratio += f" Empty: {scores.empty:,}."
        columns = ("", "0 to 100", "score", "", "signature")
        return paragraph(intro), table("Scores", columns, rows, texts=(4,)), paragraph(ratio)

    def _lengths(self) -> tuple[Block, ...]:
        rows: list[tuple[Cell, ...]] = []
        for bucket, estimate in zip(self.scores.by_length, self.by_length, strict=True):
            figures: tuple[Cell, ...] = ("", "", "")
            if estimate is not None:
                figures = (f"{estimate.value:.2f}", interval_of(estimate, 1.0), meter_of(estimate, 0.01))
            rows.append((bucket.words, f"{bucket.count:,}", *figures))
        columns = (f"words of the {self.scores.length_of}", "sentences", "BLEU", "", "0 to 100")
        return (table("BLEU of the sentences of each length", columns, rows),)

    def _sentence(self, it: RankedExample) -> Item:
        blocks = _texts(it)
        insight = self.insights.get(it.number)
        if insight is not None and len(insight.candidates) > 1:
            rows = [
                (str(rank), f"{one.score:.3f}", f"{one.log_probability:.2f}", Quoted(shortened(one.text, 300)))
                for rank, one in enumerate(insight.candidates, start=1)
            ]
            columns = ("rank", "ranked by", "log-probability, nats", "translation")
            blocks.append(table(f"The {len(rows)} best that the search found", columns, rows, texts=(3,)))
        return Item(title_of(it), tuple(blocks))

    def _alignment(self, it: RankedExample) -> Item | None:
        insight = self.insights.get(it.number)
        maps = [] if insight is None or insight.alignment is None else heat_maps_of(insight.alignment)
        return Item(title_of(it), (*_texts(it), *maps)) if maps else None


_ALIGNMENTS = (
    "How much each word of the translation (rows) attended to each word of the source (columns), from 0 to 1; the "
    "largest weight of a word is underlined, or, where there is no table, the only one that is given. The "
    f"{ALIGNED_WORST} worst sentences come first, then the {ALIGNED_BEST} best ones."
)


def _texts(it: RankedExample) -> list[ItemBlock]:
    told = (("source", it.example.source), ("reference", it.example.reference), ("hypothesis", it.example.hypothesis))
    return [TextLine(name, shortened(text, _TEXT_CHARACTERS)) for name, text in told]


def title_of(it: RankedExample) -> tuple[str | Quoted, ...]:
    """Return the heading of a sentence: its scores and its place."""
    place = (" (", Quoted(it.example.place), ")") if it.example.place else ()
    return (f"BLEU {it.score.bleu:.2f}, chrF {it.score.chrf:.2f}", *place)
