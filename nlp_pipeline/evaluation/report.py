"""What a tagger gets wrong: which types it takes for which, and the sentences where it is worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlp_pipeline.evaluation.confusion import Confusion, confusions_of
from nlp_pipeline.evaluation.entities import EntityScores
from nlp_pipeline.evaluation.shown_text import in_markdown
from nlp_pipeline.evaluation.tagged_example import TaggedExample

WORST_SENTENCES = 50
COMMON_CONFUSIONS = 20


@dataclass(frozen=True)
class Report:
    """A report in Markdown, and the confusions in it."""

    markdown: str
    confusions: list[Confusion]


def report_of(scores: EntityScores, examples: Sequence[TaggedExample], title: str) -> Report:
    """Return the report: scores, the commonest confusions, and the 50 worst sentences."""
    confusions = confusions_of(examples)
    worst = sorted(
        (example for example in examples if example.errors), key=lambda example: (-example.errors, example.surprise)
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


def _marked(example: TaggedExample) -> str:
    """Return the sentence with both kinds of entities marked."""
    before: dict[int, str] = {}
    after: dict[int, str] = {}
    for entities, opening, closing in ((example.gold_entities, "[", "]"), (example.predicted_entities, "{", "}")):
        for entity in entities:
            before[entity.start] = before.get(entity.start, "") + f"**{opening}{in_markdown(entity.entity_type)}** "
            after[entity.end - 1] = f" **{closing}**" + after.get(entity.end - 1, "")
    words = enumerate(example.sentence.words)
    return " ".join(f"{before.get(place, '')}{in_markdown(word)}{after.get(place, '')}" for place, word in words)
