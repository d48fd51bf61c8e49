"""What a translator is worth on sentence pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.parallel import read_parallel
from nlp_pipeline.evaluation.translation_report import Candidate, Insight, TranslatedExample, TranslationReport
from nlp_pipeline.evaluation.translations import TranslationScores, score_translations
from nlp_pipeline.jobs.attention import alignment_of, joined_to_words
from nlp_pipeline.jobs.report_files import SCORES, write_readable
from nlp_pipeline.outputs import new_folder, refuse_foreign
from nlp_pipeline.serving.manifest import write_json
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.pair import SentencePair

TRANSLATIONS = "translations.jsonl"
# How many translations of a sentence a report lists, where the beam holds as many.
N_BEST = 5


@dataclass(frozen=True)
class TranslationEvaluation:
    """Scores, what they were computed from, and the settings of the search."""

    scores: TranslationScores
    examples: list[TranslatedExample]
    settings: Mapping[str, Any]


def read_aligned_pairs(
    translator: LoadedTranslator,
    source: str | None = None,
    target: str | None = None,
    pairs: str | None = None,
    split: str = "test",
    **reading: Any,
) -> list[SentencePair]:
    """Read sentence pairs the way that the bundle's recipe read its own corpora; a pair of two empty sides is left out.

    Args:
        translator: its recipe says which columns or keys, and whether a pair with one empty side is left out.
        source: a file of sentences, with `target`.
        target: their translations, line by line.
        pairs: one file, folder or `hub:owner/name` instead.
        split: which split of a dataset: `test` or `dev`.
        reading: what differs from the recipe: `format`, `source_field`, `target_field`.

    Raises:
        CorpusError: with the problems of the files.
    """
    data = translator.bundle.recipe.data
    found, _ = read_parallel(
        source=source,
        target=target,
        pairs=pairs,
        split=getattr(data.splits, split),
        config=data.config,
        empty=data.empty,
        **{"format": data.format, "source_field": data.source_field, "target_field": data.target_field, **reading},
    )
    return found


def evaluate_translator(
    translator: LoadedTranslator, pairs: Sequence[SentencePair], **settings: Any
) -> TranslationEvaluation:
    """Translate the sources and score the translations.

    Args:
        translator: what is scored.
        pairs: sources and references.
        settings: of the search, in the place of the recipe's.
    """
    normalise = translator.bundle.inputs.normalise
    found = translator.translate_stream((pair.source for pair in pairs), **settings)
    examples = [
        TranslatedExample(pair.source, normalise(pair.target), one.text, pair.place)
        for pair, one in zip(pairs, found, strict=True)
    ]
    scores = score_translations(
        [example.reference for example in examples],
        [example.hypothesis for example in examples],
        [example.source for example in examples],
    )
    return TranslationEvaluation(scores, examples, settings)


def evaluate_pairs(
    bundle: Path,
    source: str | None,
    target: str | None,
    pairs: str | None,
    report: Path | None,
    reading: Mapping[str, Any],
    precision: str | None = None,
    **settings: Any,
) -> TranslationScores:
    """Score a bundle's folder on sentence pairs, and write a report where one is wanted.

    Args:
        bundle: the folder.
        source: as for `read_aligned_pairs`, like `target` and `pairs`.
        target: likewise.
        pairs: likewise.
        report: the report's folder.
        reading: as for `read_aligned_pairs`.
        precision: as `LoadedTranslator.load` takes it.
        settings: of the search, in the place of the recipe's.

    Raises:
        PipelineError: as the parts that it calls.
    """
    if report is not None:
        refuse_foreign(report, TRANSLATIONS)
    translator = LoadedTranslator.load(bundle, precision)
    # Refused before the corpus is read.
    translator.bundle.shortlist_of(settings.get("shortlist", translator.bundle.recipe.search.shortlist))
    examples = read_aligned_pairs(translator, source, target, pairs, **reading)
    evaluation = evaluate_translator(translator, examples, **settings)
    if report is not None:
        name = Path(source or pairs or "").name
        write_translation_report(translator, evaluation, report, f"{translator.bundle.recipe.name} on {name}")
    return evaluation.scores


def write_translation_report(
    translator: LoadedTranslator, evaluation: TranslationEvaluation, folder: Path, title: str
) -> None:
    """Write a report into a folder, in place of an earlier one.

    `report.html` and `report.md` are to be read, `report.json` holds their numbers, `scores.json` the first of them,
    and `translations.jsonl` every sentence.

    Raises:
        OutputError: where it cannot be written, or holds something else.
    """
    report = TranslationReport.of(evaluation.scores, evaluation.examples)
    report = replace(report, insights=insights_of(translator, evaluation, report.looked_into()))
    told = report.to_json()
    with new_folder(folder, marker=TRANSLATIONS) as beside:
        write_readable(report.document(title), told, beside)
        write_json(beside / SCORES, told["scores"])
        with (beside / TRANSLATIONS).open("w", encoding="utf-8", errors="backslashreplace") as file:
            for example in evaluation.examples:
                line = {"source": example.source, "reference": example.reference, "hypothesis": example.hypothesis}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def insights_of(
    translator: LoadedTranslator, evaluation: TranslationEvaluation, numbers: Sequence[int]
) -> dict[int, Insight]:
    """Translate some sentences once more, and keep what the scores need nothing of: alignments and n-best lists.

    A sentence is translated the same in whatever company, so that of all others none of it has to be held.
    """
    beam = evaluation.settings.get("beam_size", translator.bundle.recipe.search.beam_size)
    sources = (evaluation.examples[number].source for number in numbers)
    found = translator.translate_stream(sources, n_best=min(N_BEST, beam), **evaluation.settings)
    insights = {}
    for number, one in zip(numbers, found, strict=True):
        candidates = tuple(Candidate(it.text, it.score, it.log_probability) for it in one.hypotheses)
        aligned = alignment_of(one)
        by_words = None if aligned is None else joined_to_words(translator, one, aligned)
        insights[number] = Insight(by_words, candidates)
    return insights
