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
from nlp_pipeline.jobs.evaluate import CONFUSIONS, REPORT, SCORES, evaluate_tagger, write_report
from nlp_pipeline.jobs.prepare import check_corpora
from nlp_pipeline.jobs.train import refuse_other_folder
from nlp_pipeline.jobs.train_tagger import train_tagger
from nlp_pipeline.outputs import file_digest, new_file, refuse_foreign
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.manifest import MANIFEST, read_manifest
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
    refuse_foreign(report, CONFUSIONS)
    refuse_other_folder(output)
    say: Callable[[str], None] = lambda line: console.print(line, highlight=False, markup=False)  # noqa: E731
    prepared = check_corpora(recipe, output / "corpus", say, force)
    show_corpus(prepared.summary)
    bundle = output / "bundle"
    sources = [nlp_pipeline.__version__, recipe.model_dump(mode="json"), prepared.summary["fingerprint"]]
    fingerprint = hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
    split = "test" if "test" in prepared.splits else "dev"
    before = _what_is_done(output / MARKER, bundle)
    if not force and before == fingerprint:
        prepared.keep()
        if (scores := _kept_scores(output / MARKER, report)) is not None:
            say("training and evaluation skipped: the bundle is there, and nothing has changed")
            return RunResult(bundle, report, split, scores)
        say("training skipped: the bundle is there, and nothing has changed")
    else:
        if before is not None:
            say("the recipe or its corpora have changed: what is in the run's folder will be replaced")
        train_tagger(recipe, output, console, prepared)
    evaluation = evaluate_tagger(LoadedTagger.load(bundle), prepared.splits[split])
    write_report(evaluation, report, f"{recipe.name} on its {split} corpus")
    done = {
        "fingerprint": fingerprint,
        "bundle": file_digest(bundle / MANIFEST),
        "scores": file_digest(report / SCORES),
    }
    with new_file(output / MARKER) as file:
        file.write_text(json.dumps(done), encoding="utf-8")
    return RunResult(bundle, report, split, evaluation.scores)


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


def _kept_scores(marker: Path, report: Path) -> EntityScores | None:
    """Return the scores of the bundle's evaluation, if its report is there and as it was."""
    try:
        done = json.loads(marker.read_text(encoding="utf-8"))
        if done["scores"] != file_digest(report / SCORES):
            return None
        if not all((report / name).is_file() for name in (CONFUSIONS, REPORT)):
            return None
        return EntityScores.from_json(json.loads((report / SCORES).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
