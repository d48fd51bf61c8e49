"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import HEAVY_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from nlp_pipeline.evaluation.entities import EntityScores
    from nlp_pipeline.evaluation.tagger_comparison import TaggerComparison
    from nlp_pipeline.evaluation.translations import Score, TranslationScores
    from nlp_pipeline.evaluation.translator_comparison import TranslatorComparison
    from nlp_pipeline.jobs.doctor import Finding
    from nlp_pipeline.recipe.keys import RecipeSection
    from nlp_pipeline.studies.memory_results import MemoryStudy
    from nlp_pipeline.subwords.encoders import AvailableEncoder


@cache
def console() -> Console:
    """Return the console of standard output. Nothing is wrapped where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=1000)


def console_or_quiet(quiet: bool) -> Console:
    """Return the console of standard output, or one that prints nothing."""
    return Console(quiet=True) if quiet else console()


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: bool = True,
    texts: Collection[int] = (),
) -> Table:
    """Return a table. Nothing in it is markup; where there is no terminal it has no lines drawn in it.

    Args:
        title: above it.
        columns: their headings. The first is text.
        rows: their cells.
        numbers: whether the other columns are numbers, which stand to the right.
        texts: which of them are not, from 0.
    """
    drawn = HEAVY_HEAD if console().is_terminal else None
    made = Table(title=Text(title), title_justify="left", box=drawn)
    for number, column in enumerate(columns):
        made.add_column(Text(column), justify="right" if number and numbers and number not in texts else "left")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def corpus_tables(summary: Mapping[str, Any]) -> list[Table]:
    """Return the statistics of a prepared corpus: one table of counts, and one of entities by type."""
    splits: Mapping[str, Mapping[str, Any]] = summary["splits"]
    if "dropped" in summary:
        return [_pairs_table(summary)]
    empty = summary["words_without_subword"] or {}
    shared = summary["shared"]
    rows: list[list[str]] = []
    for label, key in (
        ("sentences", "sentences"),
        ("words", "words"),
        ("entities", "entities"),
        ("words of the longest sentence", "longest"),
        ("where it stands", "longest_place"),
        ("repeated sentences", "duplicates"),
    ):
        shown = (split[key] for split in splits.values())
        rows.append([label, *(f"{value:,}" if isinstance(value, int) else Path(value).name for value in shown)])
    unseen = (split["unseen"] for split in splits.values())
    rows.append(["entities unseen in train", *("" if share is None else f"{100 * share:.1f} %" for share in unseen)])
    for other in list(splits)[:-1]:
        counts = (shared.get(f"{other}/{name}") for name in splits)
        rows.append([f"sentences also in {other}", *("" if count is None else f"{count:,}" for count in counts)])
    if empty:
        rows.append(["words without a subword", *(f"{empty[name]:,}" for name in splits)])
    types = sorted({name for split in splits.values() for name in split["types"]})
    of_types = [[name, *(f"{split['types'].get(name, 0):,}" for split in splits.values())] for name in types]
    return [table("corpus", ["", *splits], rows), table("entities", ["type", *splits], of_types)]


def _pairs_table(summary: Mapping[str, Any]) -> Table:
    """Return the statistics of prepared sentence pairs."""
    splits: Mapping[str, Mapping[str, Any]] = summary["splits"]
    rows: list[list[str]] = [["pairs", *(f"{split['pairs']:,}" for split in splits.values())]]
    for side in ("source", "target"):
        sides = [split[side] for split in splits.values()]
        rows.append([f"words of the {side}", *(f"{one['words']:,}" for one in sides)])
        rows.append([f"words of a {side}, on average", *(f"{one['mean_words']:.1f}" for one in sides)])
        rows.append([f"words of the longest {side}", *(f"{one['longest_words']:,}" for one in sides)])
        rows.append(["where it stands", *(Path(one["longest_place"]).name for one in sides)])
    rows.append(["one side more than three times the other", *(f"{split['outliers']:,}" for split in splits.values())])
    if any(split["outliers"] for split in splits.values()):
        places = ((split["outlier_places"] or [""])[0] for split in splits.values())
        rows.append(["where the first one stands", *(Path(place).name for place in places)])
    for label, key in (
        ("repeated pairs", "duplicates"),
        ("both sides the same", "identical"),
        ("pairs also in train", "known_pairs"),
        ("sources also in train", "known_sources"),
    ):
        rows.append([label, *("" if split[key] is None else f"{split[key]:,}" for split in splits.values())])
    for rule in sorted({rule for dropped in summary["dropped"].values() for rule in dropped}):
        label = {"one_empty": "left out: one side empty", "both_empty": "left out: both sides empty"}.get(
            rule, f"left out: data.{rule}"
        )
        rows.append([label, *(f"{summary['dropped'][name].get(rule, 0):,}" for name in splits)])
    for side in ("source", "target"):
        if all(side in of_split for of_split in summary["unknown"].values()):
            of_side = [summary["unknown"][name][side] for name in splits]
            rows.append([f"unknown subwords of the {side}", *(f"{one['subwords']:,}" for one in of_side)])
            if any(one["characters"] for one in of_side):
                rows.append([f"unknown characters of the {side}", *(f"{one['characters']:,}" for one in of_side)])
                rows.append(["the commonest of them", *(shown(one["commonest"]) for one in of_side)])
    return table("sentence pairs", ["", *splits], rows)


def shown(texts: Sequence[str], most: int = 8) -> str:
    """Return the first of some texts, each cut short, and what cannot be seen of them by its numbers."""
    from nlp_pipeline.documents.shown_text import visible

    return " ".join(visible(text if len(text) <= 40 else f"{text[:39]}…") for text in texts[:most])


def section_of_recipe(section: RecipeSection) -> Group:
    """Return what a section of a recipe is, and the table of its keys."""
    remark = ""
    if section.must_be_given:
        remark = " (must be given)"
    elif section.may_be_left_out:
        remark = " (null leaves it out; so does saying nothing)" if section.is_left_out else " (null leaves it out)"
    title = f"{section.name or 'the recipe itself'}{remark}"
    rows = [[key.name, key.values, "must be given" if key.default is None else key.default] for key in section.keys]
    keys = table("", ["key", "may be", "default"], rows, numbers=False)
    return Group(Text(title, style="bold"), *map(Text, section.description), keys, "")


def memory_table(study: MemoryStudy) -> Table:
    """Return the accuracy of each network by distance, with and without clipping of the gradient."""
    rows = [
        [f"{row[0]}, {'clipped' if clipped else 'unclipped'}", *row[1:]]
        for clipped in (True, False)
        for row in study.accuracy_rows(clipped)
    ]
    return table("accuracy by distance", study.accuracy_columns(), rows)


def scores_table(scores: EntityScores | TranslationScores, title: str = "") -> Table:
    """Return the scores of either task."""
    from nlp_pipeline.evaluation.entities import EntityScores

    return score_table(scores, title) if isinstance(scores, EntityScores) else translation_table(scores, title)


def comparison_tables(comparison: TaggerComparison | TranslatorComparison) -> list[Table]:
    """Return the differences of two, and how many sentences have changed."""
    from nlp_pipeline.evaluation.shown_estimates import LEVEL_SHOWN, differences_table

    told = differences_table("", comparison.rows(), comparison.scale)
    rows = [[cell if isinstance(cell, str) else getattr(cell, "text", "") for cell in row] for row in told.rows]
    columns = ["", "first", "second", "difference", f"{LEVEL_SHOWN} interval", "p"]
    counts = [[name, f"{count:,}"] for name, count in comparison.counts().items()]
    title = f"first: {comparison.names[0]}\nsecond: {comparison.names[1]}"
    return [table(title, columns, rows), table("", ["sentences", ""], counts)]


def translation_table(scores: TranslationScores, title: str = "") -> Table:
    """Return the scores of translations, each with sacrebleu's signature, and BLEU by length."""
    from nlp_pipeline.evaluation.translations import SHOWN_SCORES

    rows = []
    for name, shown in SHOWN_SCORES.items():
        score: Score = getattr(scores, name)
        rows.append([shown, f"{score.score:.2f}", score.signature])
    for bucket in scores.by_length:
        if bucket.score is not None:
            rows.append(
                [f"BLEU of {bucket.words} {scores.length_of} words", f"{bucket.score:.2f}", f"{bucket.count:,}"]
            )
    return table(title, ["translations", "score", "signature, or sentences"], rows, texts=(2,))


def score_table(scores: EntityScores, title: str = "") -> Table:
    """Return precision, recall and F1 in per cent, with the mode that each was counted in."""
    named = {
        **scores.types,
        "micro average (conlleval)": scores.conlleval,
        "micro average (strict, IOB2)": scores.strict,
        "macro average (conlleval)": scores.macro,
    }
    rows = [
        [
            name,
            *(f"{100 * value:.2f}" for value in (score.precision, score.recall, score.f1)),
            f"{score.gold:,}",
            "" if score.predicted is None else f"{score.predicted:,}",
        ]
        for name, score in named.items()
    ]
    for name, recall in (("seen in training", scores.seen), ("unseen in training", scores.unseen)):
        if recall is not None and recall.gold:
            rows.append([name, "", f"{100 * recall.recall:.2f}", "", f"{recall.gold:,}", ""])
    return table(title, ["entities", "precision", "recall", "F1", "gold", "predicted"], rows)


def encoder_table(encoders: Iterable[AvailableEncoder]) -> Table:
    """Return the encoders with a short name, and where they are."""
    rows = [
        [
            encoder.name,
            encoder.description,
            "not fetched" if encoder.size is None else f"{encoder.size / 1e6:,.0f} MB in the cache",
        ]
        for encoder in encoders
    ]
    return table("encoders", ["name", "what it is", "cache"], rows, numbers=False)


def doctor_table(findings: Iterable[Finding]) -> Table:
    """Return what was looked at, and whether it is fine."""
    rows = [[finding.subject, finding.found, "ok" if finding.fine else "AMISS"] for finding in findings]
    return table("this machine", ["", "", ""], rows, numbers=False)
