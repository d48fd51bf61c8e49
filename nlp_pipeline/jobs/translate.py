"""`translate`: files in, their translations out, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.records import ReadOptions
from nlp_pipeline.corpora.sources import format_of
from nlp_pipeline.errors import BundleError, Problem, RecipeError, UsageError
from nlp_pipeline.evaluation.heatmap import pharaoh_of
from nlp_pipeline.jobs.files import Files, Telling, bundle_path, plan_of, tell_chosen
from nlp_pipeline.recipe import TranslationRecipe
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.serving.connection import Cluster
from nlp_pipeline.serving.files import Done
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.manifest import read_task
from nlp_pipeline.serving.precision import chosen
from nlp_pipeline.serving.translated_forms import (
    TRANSLATING_LIMITS,
    TranslatedJsonForm,
    TranslatedParquetForm,
    TranslatedTextForm,
    TranslatingWorker,
)
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.serving.translator_bundle import NO_SHORTLIST, SHORTLIST, TASK

INPUT_FORMATS = ("text", "jsonl", "parquet")
OUTPUT_FORMATS = ("text", "jsonl", "parquet")


def translate_files(
    bundle: str | PathLike[str],
    files: Files,
    n_best: int = 1,
    settings: Mapping[str, Any] | None = None,
    cluster: Cluster | None = None,
    telling: Telling | None = None,
    precision: str | None = None,
    worker: TranslatingWorker | None = None,
) -> Done:
    """Translate files, one output for each input, with a line or record out for each one in, in order.

    Args:
        bundle: a translator's folder; loaded after the files have been looked at.
        files: what is read and written, in `INPUT_FORMATS` and `OUTPUT_FORMATS`; `second` gets the alignment of each
            line of text, in Pharaoh's format: `0-0 1-2`, from 0.
        n_best: how many translations of each.
        settings: of the search, in the place of the recipe's.
        cluster: where it is done; None for here.
        telling: who is told how it goes.
        precision: as `LoadedTranslator.load` takes it; every worker of a cluster computes in what this machine chooses.
        worker: the bundle's, with these settings, where one is loaded already.

    Raises:
        ValueError: a cluster or a precision beside a loaded worker.
        UsageError: where the names do not go together, more translations are wanted than the beam holds, or the
            bundle's decoder has no attention to align by.
        CorpusError: where a source cannot be opened. What cannot be read of one is rejected, and all else done.
        BundleError: where it is not a translator's, or not whole.
        OutputError: where the output cannot be written.
        StoppedByUserError, TerminatedError: when a signal ended the run.
    """
    if worker is not None and (cluster is not None or precision is not None):
        raise ValueError("expected neither a cluster nor a precision beside a loaded worker, received one")
    form = _form_of(files, n_best)
    plan = plan_of(files, form, INPUT_FORMATS, with_words=False)
    folder = bundle_path(bundle)
    read_task(Path(bundle), TASK)
    settings = dict(settings or {})
    _refuse_wrong_search(Path(bundle), files, n_best, settings)
    read = ReadOptions(files.text_field, with_words=False, with_fields=form.name != "text")
    asked = chosen(precision, folder) if worker is None else worker.precision
    if precision == "auto":
        tell_chosen(asked, telling)
    load = partial(worker_of, str(folder), n_best, settings, asked) if worker is None else lambda: worker
    identity = {"command": "translate", "n_best": n_best, "settings": settings, "precision": asked}
    return plan.run(folder, load, TRANSLATING_LIMITS, read, identity, cluster, telling or Telling())


def worker_of(bundle: str, n_best: int, settings: Mapping[str, Any], precision: str | None = None) -> TranslatingWorker:
    """Load a translator's bundle, for `translate_files`."""
    return TranslatingWorker(LoadedTranslator.load(bundle, precision), n_best, **settings)


def _form_of(files: Files, n_best: int) -> Form:
    kind = files.output_format
    if kind == "auto":
        kind = format_of(files.output)
    if kind == "jsonl":
        form: Form = TranslatedJsonForm(pharaoh_of)
    elif kind == "parquet":
        form = TranslatedParquetForm(pharaoh_of)
    else:
        return TranslatedTextForm(n_best, None if files.second is None else pharaoh_of)
    if files.second is not None:
        raise UsageError(f"--alignments: expected an output of text, received {kind}, which holds them itself")
    return form


def _refuse_wrong_search(bundle: Path, files: Files, n_best: int, settings: Mapping[str, Any]) -> None:
    """Refuse what the bundle's search cannot give, before its network is loaded."""
    try:
        recipe = read_recipe(bundle / "recipe.yaml", kind=TranslationRecipe)
    except RecipeError as error:
        reason = str(error).splitlines()[0]
        message = f"expected a bundle that this version of nlp_pipeline can read, received: {reason}"
        raise BundleError([Problem(str(bundle), message)]) from None
    held = settings.get("beam_size", recipe.search.beam_size)
    if n_best > held:
        raise UsageError(f"--n-best: expected at most the size of the beam, {held}, received {n_best}")
    count = settings.get("shortlist", recipe.search.shortlist)
    if count and not (bundle / SHORTLIST).is_file():
        raise BundleError([Problem("search.shortlist", f"{NO_SHORTLIST}, received {count}")])
    if files.second is not None and recipe.decoder.attention is None:
        message = "expected a bundle whose decoder has attention, to align by, received one without"
        raise UsageError([Problem(files.second, message)])
