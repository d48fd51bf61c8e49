"""`compare`: two taggers or two translators on the same sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_pipeline.errors import CorpusError, Problem, UsageError
from nlp_pipeline.evaluation.tagger_comparison import TaggerComparison
from nlp_pipeline.evaluation.translation_report import TranslatedExample
from nlp_pipeline.evaluation.translator_comparison import TranslatorComparison
from nlp_pipeline.jobs.report_files import write_readable
from nlp_pipeline.jobs.score import read_scored
from nlp_pipeline.outputs import new_folder, refuse_foreign
from nlp_pipeline.serving.manifest import MANIFEST, read_task, write_json
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.sentence import Sentence

COMPARISON = "comparison.json"
CHANGES = "changes.jsonl"
Comparison = TaggerComparison | TranslatorComparison


def compare_files(first: str, second: str, gold: str, options: Mapping[str, Any]) -> TaggerComparison:
    """Compare two labelled files with the same words as a third one, which is right.

    Raises:
        CorpusError: as `score_files`.
    """
    examples = [read_scored(gold, predicted, dict(options)) for predicted in (first, second)]
    return TaggerComparison.of((first, second), *examples)


def common_task(first: Path, second: Path) -> str:
    """Return the task of two runs or bundles.

    Raises:
        BundleError: where one is none.
        UsageError: where one is a tagger and the other a translator.
    """
    one, other = (read_task(bundle_of(path)) for path in (first, second))
    if one != other:
        names = {"tagging": "a tagger", "translation": "a translator"}
        message = (
            f"expected two taggers or two translators, received {names.get(one, one)} and {names.get(other, other)}"
        )
        raise UsageError([Problem(f"{first}, {second}", message)])
    return one


def bundle_of(path: Path) -> Path:
    """Return the folder of a bundle: of a run the one within."""
    return path / "bundle" if (path / "bundle" / MANIFEST).is_file() else path


def compare_taggers(first: Path, second: Path, data: str | None, options: Mapping[str, Any]) -> TaggerComparison:
    """Compare two taggers.

    Args:
        first: a run's folder, or a bundle's.
        second: likewise.
        data: a labelled file, a folder of Parquet, or `hub:owner/name`; None for the test corpus of both recipes, or
            their dev corpus where they have no other.
        options: as for `read_labelled`.

    Raises:
        CorpusError: where the corpus cannot be read, or the recipes name two that differ.
        PipelineError: as the parts that it calls.
    """
    from nlp_pipeline.jobs.evaluate import evaluate_tagger, read_labelled
    from nlp_pipeline.serving.tagger import LoadedTagger

    tagged = []
    before: Sequence[Sentence] | None = None
    for path in (first, second):
        tagger = LoadedTagger.load(bundle_of(path))
        split, source = ("test", data) if data is not None else _last(tagger.bundle.recipe.corpora())
        sentences = read_labelled(tagger, source, dict(options), split)
        if before is not None:
            _refuse_others(_texts_of(before), _texts_of(sentences), first, second)
        before = sentences
        tagged.append(evaluate_tagger(tagger, sentences).examples)
    return TaggerComparison.of((str(first), str(second)), *tagged)


def compare_translators(
    first: Path,
    second: Path,
    data: str | None,
    sides: tuple[str, str] | None,
    reading: Mapping[str, Any],
) -> TranslatorComparison:
    """Compare two translators.

    Args:
        first: a run's folder, or a bundle's.
        second: likewise.
        data: sentence pairs; or `sides`.
        sides: a file of sentences and one of their translations; None, without `data`, for the test corpus of both
            recipes, or their dev corpus where they have no other.
        reading: as for `read_aligned_pairs`.

    Raises:
        CorpusError: where the corpus cannot be read, or the recipes name two that differ, or bring it into forms that
            differ.
        PipelineError: as the parts that it calls.
    """
    from nlp_pipeline.jobs.evaluate_translator import evaluate_translator, read_aligned_pairs
    from nlp_pipeline.serving.translator import LoadedTranslator

    translated: list[Sequence[TranslatedExample]] = []
    before: Sequence[SentencePair] | None = None
    for path in (first, second):
        translator = LoadedTranslator.load(bundle_of(path))
        source, target = (None, None) if sides is None else sides
        split, pairs = "test", data
        if data is None and sides is None:
            split, files = _last(translator.bundle.recipe.corpora())
            source, target, pairs = files.source, files.target, files.pairs
        found = read_aligned_pairs(translator, source, target, pairs, split, **reading)
        if before is not None:
            _refuse_others(_texts_of(before), _texts_of(found), first, second)
        before = found
        translated.append(evaluate_translator(translator, found).examples)
    references = [[(one.place, one.reference) for one in some] for some in translated]
    _refuse_others(references[0], references[1], first, second)
    return TranslatorComparison.of((str(first), str(second)), *translated)


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `report.html`, `report.md`, `comparison.json` and `changes.jsonl`, in place of an earlier comparison.

    Raises:
        OutputError: where they cannot be written, or the folder holds something else.
    """
    told = comparison.to_json()
    title = " and ".join(map(_name_of, comparison.names))
    with new_folder(folder, marker=COMPARISON) as beside:
        write_readable(comparison.document(title), told, beside)
        write_json(beside / COMPARISON, told)
        with (beside / CHANGES).open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(json.dumps(change, ensure_ascii=False) + "\n" for change in comparison.changes_json())


def refuse_foreign_report(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier comparison, before anything is computed.

    Raises:
        OutputError: where it does.
    """
    refuse_foreign(folder, COMPARISON)


def _name_of(path: str) -> str:
    """Return what a title calls a run, a bundle or a file: a bundle by its run."""
    absolute = Path(path).resolve()
    return absolute.parent.name if absolute.name == "bundle" else absolute.name


def _last(corpora: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the test corpus, or the dev corpus where there is none."""
    split = "test" if "test" in corpora else "dev"
    return split, corpora[split]


def _texts_of(examples: Sequence[Sentence] | Sequence[SentencePair]) -> list[tuple[str, Any]]:
    """Return the place of each example, and what there is to it."""
    return [
        (one.place, (one.words, one.tags) if isinstance(one, Sentence) else (one.source, one.target))
        for one in examples
    ]


def _refuse_others(one: Sequence[tuple[str, Any]], other: Sequence[tuple[str, Any]], first: Path, second: Path) -> None:
    """Refuse two readings of a corpus that differ, and tell the first place where they do.

    Raises:
        CorpusError: where they do.
    """
    for (place, content), (other_place, other_content) in zip(one, other, strict=False):
        if content != other_content:
            message = f"expected the sentence of {place}, on which {first} is scored, received another for {second}"
            raise CorpusError([Problem(other_place, message)])
    if len(one) != len(other):
        message = f"expected the {len(one):,} sentences on which {first} is scored, received {len(other):,}"
        raise CorpusError([Problem(str(second), message)])
