"""`tag`: files in, tagged files out."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path, PurePath

from nlp_pipeline.corpora.records import ReadOptions
from nlp_pipeline.corpora.sources import format_of
from nlp_pipeline.jobs.files import Files, Telling, bundle_path, plan_of, tell_chosen
from nlp_pipeline.serving.connection import Cluster
from nlp_pipeline.serving.files import Done
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.html_form import HtmlForm
from nlp_pipeline.serving.manifest import read_task
from nlp_pipeline.serving.precision import chosen
from nlp_pipeline.serving.stream import TAGGING_LIMITS, TaggingWorker
from nlp_pipeline.serving.tagged_forms import BratForm, ConllForm, TaggedJsonForm, TaggedParquetForm
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.tagger_bundle import TASK

INPUT_FORMATS = ("text", "conll", "jsonl", "parquet")
FORMS: dict[str, type[Form]] = {
    "conll": ConllForm,
    "jsonl": TaggedJsonForm,
    "parquet": TaggedParquetForm,
    "brat": BratForm,
    "html": HtmlForm,
}


def tag_files(
    bundle: str | PathLike[str],
    files: Files,
    cluster: Cluster | None = None,
    telling: Telling | None = None,
    precision: str | None = None,
    worker: TaggingWorker | None = None,
) -> Done:
    """Tag files, one output for each input.

    Args:
        bundle: a tagger's folder; loaded after the files have been looked at.
        files: what is read and written. Formats in are `INPUT_FORMATS`, those out the keys of `FORMS`.
        cluster: where it is done; None for here.
        telling: who is told how it goes.
        precision: as `LoadedTagger.load` takes it; every worker of a cluster computes in what this machine chooses.
        worker: the bundle's, where one is loaded already.

    Raises:
        ValueError: a cluster or a precision beside a loaded worker.
        UsageError: where source and output do not go together.
        CorpusError: where a source cannot be opened. What cannot be read of one is rejected, and all else done.
        BundleError: where it is not a tagger's, or not whole.
        OutputError: where the output cannot be written.
        StoppedByUserError, TerminatedError: when a signal ended the run.
    """
    form = FORMS[output_format_of(files)]()
    plan = plan_of(files, form, INPUT_FORMATS, with_words=True)
    folder = bundle_path(bundle)
    read_task(Path(bundle), TASK)
    read = ReadOptions(
        files.text_field,
        with_words=True,
        word_column=files.word_column,
        with_fields=form.name in ("jsonl", "parquet"),
        for_columns=form.name == "conll",
    )
    if worker is not None and (cluster is not None or precision is not None):
        raise ValueError("expected neither a cluster nor a precision beside a loaded worker, received one")
    asked = chosen(precision, folder) if worker is None else worker.precision
    if precision == "auto":
        tell_chosen(asked, telling)
    told = form.tells_confidences
    load = partial(worker_of, str(folder), asked, told) if worker is None else lambda: worker.with_confidences(told)
    identity = {"command": "tag", "precision": asked}
    return plan.run(folder, load, TAGGING_LIMITS, read, identity, cluster, telling or Telling())


def worker_of(bundle: str, precision: str | None = None, confidences: bool = True) -> TaggingWorker:
    """Load a tagger's bundle, for `tag_files`, which says itself whether a form tells confidences."""
    return TaggingWorker(LoadedTagger.load(bundle, precision), confidences)


def output_format_of(files: Files) -> str:
    """Return the format of the output: as it was asked for, or as its name says, and CoNLL where that says nothing."""
    if files.output_format != "auto":
        return files.output_format
    suffix = PurePath(files.output).suffix.lower()
    by_name = {".ann": "brat", ".html": "html", ".htm": "html"}
    named = format_of(files.output)
    return by_name.get(suffix, named if named in FORMS else "conll")
