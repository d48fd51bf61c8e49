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
from nlp_pipeline.jobs.evaluate import CONFUSIONS, evaluate_tagger, write_report
from nlp_pipeline.jobs.prepare import check_corpora
from nlp_pipeline.jobs.train import train_tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.folder import MANIFEST, file_digest, new_file, read_manifest, refuse_foreign
from nlp_pipeline.serving.tagger import LoadedTagger

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
    scores: EntityScores


def run(
    recipe: TaggingRecipe,
    output: Path,
    console: Console,
    force: bool = False,
    show_corpus: Callable[[dict[str, Any]], None] = lambda _summary: None,
) -> RunResult:
    """Prepare, train and evaluate.

    Training is skipped where `output` holds a whole bundle of the same recipe, corpora and version of this package.
    The evaluation is done each time: it costs little, and shows what the bundle is worth.

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
    refuse_foreign(report, CONFUSIONS)
    prepared = check_corpora(recipe, output / "corpus", lambda line: console.print(line, highlight=False, markup=False))
    show_corpus(prepared.summary)
    bundle = output / "bundle"
    sources = [nlp_pipeline.__version__, recipe.model_dump(mode="json"), prepared.summary["fingerprint"]]
    fingerprint = hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
    if not force and _is_done(output / MARKER, fingerprint, bundle):
        prepared.keep()
        console.print("training skipped: the bundle is there, and nothing has changed", highlight=False)
    else:
        train_tagger(recipe, output, console, prepared)
        _mark_done(output / MARKER, fingerprint, bundle)
    split = "test" if "test" in prepared.splits else "dev"
    evaluation = evaluate_tagger(LoadedTagger.load(bundle), prepared.splits[split])
    write_report(evaluation, report, f"{recipe.name} on its {split} corpus")
    return RunResult(bundle, report, split, evaluation.scores)


def _is_done(marker: Path, fingerprint: str, bundle: Path) -> bool:
    """Return whether the bundle is whole, and the one that the marker speaks of."""
    try:
        done = json.loads(marker.read_text(encoding="utf-8"))
        if done != {"fingerprint": fingerprint, "bundle": file_digest(bundle / MANIFEST)}:
            return False
        read_manifest(bundle)
    except (OSError, ValueError, BundleError):
        return False
    return True


def _mark_done(marker: Path, fingerprint: str, bundle: Path) -> None:
    done = {"fingerprint": fingerprint, "bundle": file_digest(bundle / MANIFEST)}
    with new_file(marker) as file:
        file.write_text(json.dumps(done), encoding="utf-8")
