"""`run`: prepare, train and evaluate, and skip what is done and unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import nlp_pipeline
from nlp_pipeline.errors import BundleError
from nlp_pipeline.evaluation.entities import EntityScores
from nlp_pipeline.evaluation.translations import TranslationScores
from nlp_pipeline.jobs.tasks import check, evaluate_bundle, report_files, scores_from_json, train
from nlp_pipeline.jobs.train import refuse_other_folder, say_to
from nlp_pipeline.outputs import file_digest, new_file, refuse_foreign
from nlp_pipeline.recipe import Recipe
from nlp_pipeline.serving.manifest import MANIFEST, read_manifest

MARKER = "done.json"


@dataclass(frozen=True)
class RunResult:
    """What a run leaves.

    Attributes:
        bundle: the bundle's folder.
        report: the folder of the evaluation.
        split: which corpus was evaluated, `test` or `dev`.
        scores: its scores.
    """

    bundle: Path
    report: Path
    split: str
    scores: EntityScores | TranslationScores


def run(
    recipe: Recipe,
    output: Path,
    console: Console,
    force: bool = False,
    show_corpus: Callable[[dict[str, Any]], None] = lambda _summary: None,
) -> RunResult:
    """Prepare, train and evaluate.

    Skipped is what `output` holds already: a whole bundle, and its evaluation, of the same recipe, corpora, encoder and
    version of this package. A corpus of a hub is taken to be unchanged.

    Args:
        recipe: what to do.
        output: the run's folder.
        console: where progress is shown.
        force: train even so.
        show_corpus: is given the summary of the prepared corpus.

    Raises:
        PipelineError: as the parts that it calls.
    """
    report = output / "evaluation"
    marker, scores_file, _ = report_files(recipe)
    refuse_foreign(report, marker)
    refuse_other_folder(output)
    say = say_to(console)
    prepared = check(recipe, output / "corpus", say, force)
    show_corpus(prepared.summary)
    bundle = output / "bundle"
    sources = [nlp_pipeline.__version__, recipe.model_dump(mode="json"), prepared.summary["fingerprint"]]
    fingerprint = hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
    split = "test" if "test" in prepared.splits else "dev"
    before = _what_is_done(output / MARKER, bundle)
    if not force and before == fingerprint:
        prepared.keep()
        if (kept := _kept_scores(recipe, output / MARKER, report)) is not None:
            say("training and evaluation skipped: the bundle is there, and nothing has changed")
            return RunResult(bundle, report, split, kept)
        say("training skipped: the bundle is there, and nothing has changed")
    else:
        if before is not None:
            say("the recipe or its corpora have changed: what is in the run's folder will be replaced")
        train(recipe, output, console, prepared)
    done = {"fingerprint": fingerprint, "bundle": file_digest(bundle / MANIFEST)}
    # Now, so that a run that is killed while it evaluates need not train again.
    _mark(output / MARKER, done)
    scores = evaluate_bundle(recipe, bundle, prepared.splits[split], report, f"{recipe.name} on its {split} corpus")
    _mark(output / MARKER, {**done, "scores": file_digest(report / scores_file)})
    return RunResult(bundle, report, split, scores)


def _mark(marker: Path, done: dict[str, str]) -> None:
    with new_file(marker) as file:
        file.write_text(json.dumps(done), encoding="utf-8")


def _what_is_done(marker: Path, bundle: Path) -> str | None:
    """Return the fingerprint of what the whole bundle was made from, or None where there is no such bundle."""
    try:
        done = json.loads(marker.read_text(encoding="utf-8"))
        if done["bundle"] != file_digest(bundle / MANIFEST):
            return None
        read_manifest(bundle)
        return str(done["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, BundleError):
        return None


def _kept_scores(recipe: Recipe, marker: Path, report: Path) -> EntityScores | TranslationScores | None:
    """Return the scores of the bundle's evaluation, if its report is there and as it was."""
    known_by, scores_file, to_read = report_files(recipe)
    try:
        done = json.loads(marker.read_text(encoding="utf-8"))
        if done["scores"] != file_digest(report / scores_file):
            return None
        if not all((report / name).is_file() for name in (known_by, to_read)):
            return None
        return scores_from_json(recipe, json.loads((report / scores_file).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
