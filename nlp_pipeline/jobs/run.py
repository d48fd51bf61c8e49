"""`run`: prepare, train and evaluate, and skip what is done and unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from nlp_pipeline.errors import Problem, UsageError
from nlp_pipeline.evaluation.entities import EntityScores
from nlp_pipeline.evaluation.translations import TranslationScores
from nlp_pipeline.jobs.console import say_to
from nlp_pipeline.jobs.run_folder import RunFolder, Start
from nlp_pipeline.jobs.tasks import check, evaluate_bundle, report_files, scores_from_json, train
from nlp_pipeline.outputs import file_digest, refuse_foreign
from nlp_pipeline.recipe import Recipe


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
    version of this package. A corpus of a hub is taken to be unchanged. A training that was not finished is gone on
    with.

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
    if recipe.training.strategy == "multi_worker":
        message = "expected one worker, received multi_worker: train on all of them, and then evaluate"
        raise UsageError([Problem("training.strategy", message)])
    marker, scores_file, _ = report_files(recipe)
    refuse_foreign(report, marker)
    folder = RunFolder(output)
    folder.refuse_other()
    from nlp_pipeline.jobs.train import describe_team
    from nlp_pipeline.training.team import gather_team

    say = say_to(console)
    team = gather_team(recipe.training.strategy)
    say(describe_team(team, recipe))
    prepared = check(recipe, folder.corpus, say, force)
    show_corpus(prepared.summary)
    split = "test" if "test" in prepared.splits else "dev"
    done = folder.done()
    if not force and done is not None and done["fingerprint"] == folder.fingerprint(recipe, prepared):
        prepared.keep()
        if (kept := kept_scores(recipe, done, report)) is not None:
            say("training and evaluation skipped: the bundle is there, and nothing has changed")
            return RunResult(folder.bundle, report, split, kept)
        say("training skipped: the bundle is there, and nothing has changed")
    else:
        if done is not None:
            say("the recipe or its corpora have changed: what is in the run's folder will be replaced")
        train(recipe, output, console, prepared, Start.FORCE if force else Start.GO_ON, team=team)
        done = folder.done()
        assert done is not None
    title = f"{recipe.name} on its {split} corpus"
    scores = evaluate_bundle(recipe, folder.bundle, prepared.splits[split], report, title)
    folder.mark({**done, "scores": file_digest(report / scores_file)})
    return RunResult(folder.bundle, report, split, scores)


def kept_scores(recipe: Recipe, done: Mapping[str, str], report: Path) -> EntityScores | TranslationScores | None:
    """Return the scores of the bundle's evaluation, if its report is there and as it was."""
    known_by, scores_file, to_read = report_files(recipe)
    try:
        if done["scores"] != file_digest(report / scores_file):
            return None
        if not all((report / name).is_file() for name in (known_by, to_read)):
            return None
        return scores_from_json(recipe, json.loads((report / scores_file).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
