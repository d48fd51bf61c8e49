"""`evaluate`: what a bundle is worth on a labelled file."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.corpus import read_corpus
from nlp_pipeline.errors import Problems
from nlp_pipeline.evaluation.entities import EntityScores, score_entities
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.evaluation.tagging_report import TaggingReport
from nlp_pipeline.jobs.prepare_tagging import refuse_one_tag
from nlp_pipeline.jobs.report_files import SCORES, write_readable
from nlp_pipeline.outputs import new_folder, refuse_foreign
from nlp_pipeline.serving.manifest import write_json
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

CONFUSIONS = "confusions.json"


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they were computed from.

    Attributes:
        scores: the scores.
        examples: each sentence with its gold and its predicted tags.
        known_entities: digests of the entities that the tagger has met in training.
    """

    scores: EntityScores
    examples: list[TaggedExample]
    known_entities: Set[str] | None = None


def read_labelled(
    tagger: LoadedTagger, source: str, options: dict[str, Any] | None = None, split: str = "test"
) -> list[Sentence]:
    """Read a labelled file the way that the bundle's recipe read its own corpora.

    Args:
        tagger: its recipe says which columns and which scheme.
        source: a file, a folder of Parquet, or `hub:owner/name`.
        options: settings of the recipe's `data` section that this file needs otherwise.
        split: which split of a dataset: `test` or `dev`.

    Raises:
        CorpusError: with the problems of the file, or where every word of it has the same tag.
    """
    data = tagger.bundle.recipe.data.model_copy(update=options or {})
    sentences = read_corpus(
        source,
        format=data.format,
        split=getattr(data.splits, split),
        word_column=data.word_column,
        tag_column=data.tag_column,
        separator=data.separator,
        scheme=data.scheme if data.scheme == "auto" else Scheme(data.scheme),
        config=data.config,
        words=data.words,
        tags=data.tags,
    )
    problems = Problems()
    refuse_one_tag(sentences, source, problems)
    problems.raise_if_any()
    return sentences


def unknown_types(tagger: LoadedTagger, sentences: Sequence[Sentence]) -> list[str]:
    """Return the entity types of labelled sentences that the tagger was not trained on, and so never finds."""
    known = set(tagger.bundle.inputs.tag_set.entity_types)
    return sorted({entity.entity_type for sentence in sentences for entity in sentence.entities} - known)


def evaluate_tagger(tagger: LoadedTagger, sentences: Sequence[Sentence]) -> Evaluation:
    """Tag labelled sentences and score the tags."""
    examples = [TaggedExample(one.sentence, one.tags, one.confidences) for one in tagger.tag_stream(sentences)]
    gold = [example.gold for example in examples]
    predicted = [example.predicted for example in examples]
    words = [example.sentence.words for example in examples]
    return Evaluation(
        score_entities(gold, predicted, words, tagger.bundle.known_entities), examples, tagger.bundle.known_entities
    )


def evaluate_labelled(
    bundle: Path,
    source: str,
    report: Path | None,
    options: dict[str, Any],
    warn: Callable[[str], None],
    precision: str | None = None,
) -> EntityScores:
    """Score a bundle's folder on a labelled file, and write a report where one is wanted.

    Args:
        bundle: the folder.
        source: a file, a folder of Parquet, or `hub:owner/name`.
        report: the report's folder.
        options: as for `read_labelled`.
        warn: is told of types that the bundle cannot find.
        precision: as `LoadedTagger.load` takes it.

    Raises:
        PipelineError: as the parts that it calls.
    """
    if report is not None:
        refuse_foreign(report, CONFUSIONS)
    tagger = LoadedTagger.load(bundle, precision)
    sentences = read_labelled(tagger, source, options)
    if unknown := unknown_types(tagger, sentences):
        known = ", ".join(tagger.bundle.inputs.tag_set.entity_types)
        warn(f"warning: {', '.join(unknown)}: the bundle knows {known} alone")
    evaluation = evaluate_tagger(tagger, sentences)
    if report is not None:
        write_report(evaluation, report, f"{tagger.bundle.recipe.name} on {Path(source).name}")
    return evaluation.scores


def write_report(evaluation: Evaluation, folder: Path, title: str) -> None:
    """Write a report into a folder of its own, in place of an earlier one.

    `report.html` and `report.md` are to be read, `report.json` holds all their numbers, `scores.json` and
    `confusions.json` the first of them by themselves.

    Raises:
        OutputError: where it cannot be written, or holds something else.
    """
    report = TaggingReport.of(evaluation.scores, evaluation.examples, evaluation.known_entities)
    told = report.to_json()
    with new_folder(folder, marker=CONFUSIONS) as beside:
        write_readable(report.document(title), told, beside)
        write_json(beside / SCORES, told["scores"])
        write_json(beside / CONFUSIONS, told["confusions"])
