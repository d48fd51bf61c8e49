"""`export`: a bundle becomes a SavedModel, which is held against the bundle before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from nlp_pipeline import __version__
from nlp_pipeline.errors import UsageError
from nlp_pipeline.jobs.check_export import Checked, check_tagger, check_translator
from nlp_pipeline.outputs import file_digest
from nlp_pipeline.serving.manifest import MANIFEST, read_task
from nlp_pipeline.serving.precision import Precision
from nlp_pipeline.serving.saved_model import refuse_others, write_saved_model

KINDS = {"tagging": ("ids", "words", "text"), "translation": ("ids", "text")}
"""What a task's signatures may take."""

if TYPE_CHECKING:
    from nlp_pipeline.serving.translator import LoadedTranslator


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        signatures: their names.
        precision: in which the model computes.
        size: of the folder, in bytes.
        checked: what was held against the bundle.
    """

    signatures: tuple[str, ...]
    precision: str
    size: int
    checked: Checked


def export_bundle(
    bundle: Path,
    target: Path,
    kinds: Sequence[str] | None = None,
    precision: Precision | None = None,
    data: str | None = None,
) -> Export:
    """Write a bundle as a SavedModel that needs nothing but TensorFlow, on any processor.

    It is loaded by a process that cannot import this package, and must give the same tags, or the same translations, as
    the bundle does, for some texts and for those that are given; otherwise nothing is left of it. Where its
    precision is not the bundle's own, what differs is told instead.

    Args:
        bundle: the folder.
        target: the folder to be.
        kinds: what its signatures take, of `KINDS`; all of them where it is left out.
        precision: `float32` or `bfloat16`; the bundle's where it is left out.
        data: a labelled file for a tagger, sentences for a translator.

    Raises:
        BundleError: where the bundle cannot be loaded.
        UsageError: for a kind that the task does not have.
        EncoderError: where the tokenizer does what a graph cannot.
        CorpusError: with the problems of the data.
        ExportError: where something differs.
        OutputError: where it cannot be written.
    """
    task = read_task(bundle)
    chosen = list(dict.fromkeys(kinds or KINDS[task]))
    if unknown := [kind for kind in chosen if kind not in KINDS[task]]:
        expected, received = ", ".join(KINDS[task]), ", ".join(kind or repr(kind) for kind in unknown)
        raise UsageError(f"--signatures: expected some of {expected} for this bundle, received {received}")
    refuse_others(target)
    make = _tagger if task == "tagging" else _translator
    exported, assets, own, computed, check = make(bundle, chosen, precision, data)
    about: dict[str, Any] = {
        "package": __version__,
        "task": task,
        "bundle": file_digest(bundle / MANIFEST),
        "precision": computed,
        "signatures": list(exported.functions),
    }
    checked: list[Checked] = []

    def compare(folder: Path) -> None:
        checked.append(check(folder))
        if own == computed:
            checked[0].raise_if_any(target)

    write_saved_model(target, exported, assets, about, compare)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return Export(tuple(exported.functions), computed, size, checked[0])


def _tagger(bundle: Path, kinds: list[str], precision: Precision | None, data: str | None) -> Any:
    from nlp_pipeline.jobs.evaluate import read_labelled
    from nlp_pipeline.serving.tagger import LoadedTagger
    from nlp_pipeline.serving.tagger_bundle import TaggerBundle
    from nlp_pipeline.serving.tagger_export import TaggerExport

    tagger = LoadedTagger.load(bundle)
    sentences = [] if data is None else read_labelled(tagger, data)
    rebuilt = TaggerBundle.read(bundle, use_cudnn=False, precision=precision)
    export = TaggerExport(rebuilt, kinds)
    own, computed = tagger.bundle.recipe.training.precision, rebuilt.recipe.training.precision

    return export.exported, export.assets(), own, computed, partial(check_tagger, tagger, kinds, sentences)


def _translator(bundle: Path, kinds: list[str], precision: Precision | None, data: str | None) -> Any:
    from nlp_pipeline.serving.translator import LoadedTranslator
    from nlp_pipeline.serving.translator_bundle import TranslatorBundle
    from nlp_pipeline.serving.translator_export import TranslatorExport

    translator = LoadedTranslator.load(bundle)
    texts = [] if data is None else _sources_of(translator, data)
    rebuilt = TranslatorBundle.read(bundle, use_cudnn=False, precision=precision)
    export = TranslatorExport(rebuilt, kinds)
    own, computed = translator.bundle.recipe.training.precision, rebuilt.recipe.training.precision

    return export.exported, export.assets(), own, computed, partial(check_translator, translator, kinds, texts)


def _sources_of(translator: LoadedTranslator, data: str) -> list[str]:
    """Return the sources of a file: its lines, or those of its pairs, by what its name says.

    Raises:
        CorpusError: with the problems of the file.
    """
    from nlp_pipeline.corpora.lines import read_lines
    from nlp_pipeline.errors import Problems
    from nlp_pipeline.jobs.evaluate_translator import read_aligned_pairs

    if PurePath(data).suffix.lower() in (".tsv", ".jsonl", ".json", ".parquet"):
        return [pair.source for pair in read_aligned_pairs(translator, pairs=data)]
    problems = Problems()
    texts = [line for _, line in read_lines(data, problems)]
    problems.raise_if_any()
    return texts
