"""What a translator is worth on sentence pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.parallel import read_parallel
from nlp_pipeline.evaluation.translation_report import TranslatedExample, translation_report_of
from nlp_pipeline.evaluation.translations import TranslationScores, score_translations
from nlp_pipeline.outputs import new_folder, refuse_foreign
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.pair import SentencePair

TRANSLATIONS = "translations.jsonl"
REPORT = "report.md"
SCORES = "scores.json"


@dataclass(frozen=True)
class TranslationEvaluation:
    """Scores, and what they were computed from."""

    scores: TranslationScores
    examples: list[TranslatedExample]


def read_aligned_pairs(
    translator: LoadedTranslator,
    source: str | None = None,
    target: str | None = None,
    pairs: str | None = None,
    **reading: Any,
) -> list[SentencePair]:
    """Read sentence pairs the way that the bundle's recipe read its own corpora; a pair of two empty sides is left out.

    Args:
        translator: its recipe says which columns or keys, and whether a pair with one empty side is left out.
        source: a file of sentences, with `target`.
        target: their translations, line by line.
        pairs: one file, folder or `hub:owner/name` instead.
        reading: what differs from the recipe: `format`, `source_field`, `target_field`.

    Raises:
        CorpusError: with the problems of the files.
    """
    data = translator.bundle.recipe.data
    found, _ = read_parallel(
        source=source,
        target=target,
        pairs=pairs,
        split=data.splits.test,
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
    return TranslationEvaluation(scores, examples)


def evaluate_pairs(
    bundle: Path,
    source: str | None,
    target: str | None,
    pairs: str | None,
    report: Path | None,
    reading: Mapping[str, Any],
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
        settings: of the search, in the place of the recipe's.

    Raises:
        PipelineError: as the parts that it calls.
    """
    if report is not None:
        refuse_foreign(report, TRANSLATIONS)
    translator = LoadedTranslator.load(bundle)
    examples = read_aligned_pairs(translator, source, target, pairs, **reading)
    evaluation = evaluate_translator(translator, examples, **settings)
    if report is not None:
        name = Path(source or pairs or "").name
        write_translation_report(evaluation, report, f"{translator.bundle.recipe.name} on {name}")
    return evaluation.scores


def write_translation_report(evaluation: TranslationEvaluation, folder: Path, title: str) -> None:
    """Write `report.md`, `scores.json` and `translations.jsonl` into a folder, in place of an earlier report.

    Raises:
        OutputError: where it cannot be written, or holds something else.
    """
    with new_folder(folder, marker=TRANSLATIONS) as beside:
        report = translation_report_of(evaluation.scores, evaluation.examples, title)
        (beside / REPORT).write_text(report, encoding="utf-8", errors="backslashreplace")
        scores = json.dumps(evaluation.scores.to_json(), indent=2, ensure_ascii=False)
        (beside / SCORES).write_text(scores + "\n", encoding="utf-8")
        with (beside / TRANSLATIONS).open("w", encoding="utf-8", errors="backslashreplace") as file:
            for example in evaluation.examples:
                told = {"source": example.source, "reference": example.reference, "hypothesis": example.hypothesis}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
