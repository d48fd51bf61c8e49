"""What a tagger gets wrong: which types it takes for which, and the sentences where it is worst."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nlp_pipeline.evaluation.entities import EntityScores
from nlp_pipeline.evaluation.shown_text import in_markdown
from nlp_pipeline.text.schemes import Scheme, entities_from_tags
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

WORST_SENTENCES = 50
COMMON_CONFUSIONS = 20
NOTHING = "O"


@dataclass(frozen=True)
class TaggedExample:
    """A labelled sentence and what was predicted for it, both in IOB2."""

    sentence: Sentence
    predicted: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def gold(self) -> tuple[str, ...]:
        """The tags of the corpus."""
        assert self.sentence.tags is not None
        return self.sentence.tags

    @property
    def errors(self) -> int:
        """Entities of the corpus that were not found, and predicted ones that are not in the corpus."""
        return len(set(self.sentence.entities) ^ set(entities_from_tags(self.predicted, Scheme.IOB2)))


@dataclass(frozen=True)
class Confusion:
    """How often one thing was taken for another.

    Attributes:
        gold: an entity type, or `O` where the corpus has no entity.
        predicted: likewise.
        count: how often.
        border: True where the type is right and the borders are not.
    """

    gold: str
    predicted: str
    count: int
    border: bool = False


@dataclass(frozen=True)
class Report:
    """A report in Markdown, and the confusions in it."""

    markdown: str
    confusions: list[Confusion]


def confusions_of(examples: Sequence[TaggedExample]) -> list[Confusion]:
    """Return what was taken for what, the commonest first.

    A gold entity that was not found is set against the first predicted entity that overlaps it; where there is none it
    was taken for nothing. A predicted entity that overlaps no gold one was made of nothing.
    """
    counts: Counter[tuple[str, str, bool]] = Counter()
    for example in examples:
        gold = example.sentence.entities
        predicted = entities_from_tags(example.predicted, Scheme.IOB2)
        hits = set(gold) & set(predicted)
        missed = [entity for entity in gold if entity not in hits]
        wrong = [entity for entity in predicted if entity not in hits]
        for entity in missed:
            other = next((guess for guess in wrong if _overlap(entity, guess)), None)
            if other is None:
                counts[entity.entity_type, NOTHING, False] += 1
            else:
                counts[entity.entity_type, other.entity_type, entity.entity_type == other.entity_type] += 1
        for guess in wrong:
            if not any(_overlap(guess, entity) for entity in missed):
                counts[NOTHING, guess.entity_type, False] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Confusion(gold, predicted, count, border) for (gold, predicted, border), count in ordered]


def report_of(scores: EntityScores, examples: Sequence[TaggedExample], title: str) -> Report:
    """Return the report: scores, the commonest confusions, and the 50 worst sentences."""
    confusions = confusions_of(examples)
    worst = sorted(
        (example for example in examples if example.errors), key=lambda example: (-example.errors, _surprise(example))
    )[:WORST_SENTENCES]
    parts = [f"# {in_markdown(title)}", "", *_scores(scores), "", "## Confusions", ""]
    parts += ["| in the corpus | predicted | times |", "|---|---|---|"]
    for confusion in confusions[:COMMON_CONFUSIONS]:
        what = f"{confusion.predicted}, with other borders" if confusion.border else confusion.predicted
        parts.append(f"| {in_markdown(confusion.gold)} | {in_markdown(what)} | {confusion.count} |")
    parts += ["", f"## The {len(worst)} worst sentences", ""]
    parts += ["Gold entities stand in [square brackets], predicted ones in {braces}.", ""]
    for number, example in enumerate(worst, start=1):
        place = f" ({in_markdown(example.sentence.place)})" if example.sentence.place else ""
        parts.append(f"{number}. {example.errors} errors{place}: {_marked(example)}")
    return Report("\n".join(parts) + "\n", confusions)


def _scores(scores: EntityScores) -> list[str]:
    rows = [
        f"{scores.sentences:,} sentences, {scores.words:,} words. seqeval, tags in IOB2, in per cent.",
        "",
        "| | precision | recall | F1 | entities | predicted |",
        "|---|---|---|---|---|---|",
    ]
    named = {
        "micro average, default mode (conlleval)": scores.conlleval,
        "micro average, strict mode": scores.strict,
        "macro average, default mode": scores.macro,
        **scores.types,
    }
    for name, score in named.items():
        values = " | ".join(f"{100 * value:.2f}" for value in (score.precision, score.recall, score.f1))
        rows.append(f"| {in_markdown(name)} | {values} | {score.gold} | {score.predicted} |")
    rows += ["", f"Words with the right tag: {100 * scores.accuracy:.2f} %."]
    if scores.seen is not None and scores.unseen is not None:
        rows.append(
            f"Recall of the {scores.seen.gold} entities that the training corpus holds: "
            f"{100 * scores.seen.recall:.2f} %; "
            f"of the {scores.unseen.gold} that it does not: {100 * scores.unseen.recall:.2f} %."
        )
    return rows


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def _surprise(example: TaggedExample) -> float:
    """Return the log-probability of the predicted tags: among equals, the surest mistakes come last."""
    return sum(math.log(max(confidence, 1e-9)) for confidence in example.confidences)


def _marked(example: TaggedExample) -> str:
    """Return the sentence with both kinds of entities marked."""
    predicted = entities_from_tags(example.predicted, Scheme.IOB2)
    before: dict[int, str] = {}
    after: dict[int, str] = {}
    for entities, opening, closing in ((example.sentence.entities, "[", "]"), (predicted, "{", "}")):
        for entity in entities:
            before[entity.start] = before.get(entity.start, "") + f"**{opening}{in_markdown(entity.entity_type)}** "
            after[entity.end - 1] = f" **{closing}**" + after.get(entity.end - 1, "")
    words = enumerate(example.sentence.words)
    return " ".join(f"{before.get(place, '')}{in_markdown(word)}{after.get(place, '')}" for place, word in words)
