"""What differs from task to task: which function checks, trains and evaluates for a recipe or a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_pipeline.jobs.prepare import PreparedCorpus, Say
from nlp_pipeline.jobs.prepare_tagging import check_corpora
from nlp_pipeline.jobs.prepare_translation import check_pairs
from nlp_pipeline.jobs.run_folder import Start
from nlp_pipeline.recipe import Recipe, TaggingRecipe
from nlp_pipeline.stopping import Signals, StopNow

if TYPE_CHECKING:
    from rich.console import Console

    from nlp_pipeline.evaluation.entities import EntityScores
    from nlp_pipeline.evaluation.translations import TranslationScores
    from nlp_pipeline.jobs.train import Trained
    from nlp_pipeline.jobs.training_task import TrainingTask
    from nlp_pipeline.training.team import Team


def check(recipe: Recipe, folder: Path, say: Say = lambda _line: None, force: bool = False) -> PreparedCorpus[Any]:
    """Read and check a recipe's corpora, and write nothing: `check_corpora` or `check_pairs`.

    Raises:
        PipelineError: as they do.
    """
    if isinstance(recipe, TaggingRecipe):
        return check_corpora(recipe, folder, say, force)
    return check_pairs(recipe, folder, say, force)


def prepare(recipe: Recipe, folder: Path, say: Say = lambda _line: None, force: bool = False) -> PreparedCorpus[Any]:
    """Read, check and keep a recipe's corpora.

    Raises:
        PipelineError: as `check`.
        OutputError: where they cannot be kept.
    """
    prepared = check(recipe, folder, say, force)
    prepared.keep()
    return prepared


def train(
    recipe: Recipe,
    output: Path,
    console: Console,
    prepared: PreparedCorpus[Any] | None = None,
    start: Start = Start.NEW,
    signals: Signals | None = None,
    team: Team | None = None,
) -> Trained:
    """Train what a recipe says, and leave a bundle in `output/bundle`.

    With several workers, each of them calls this, and the chief alone writes and shows something.

    Args:
        recipe: what to do.
        output: the run's folder. It gets the prepared corpus, the resolved recipe, TensorBoard's logs, checkpoints and,
            at the end, the bundle.
        console: where progress is shown.
        prepared: the recipe's corpora, where they have been checked already.
        start: what becomes of an earlier training into this folder that was not finished.
        signals: may end it, and are waited for already; those that this process gets, without.
        team: where; what the recipe says, without.

    Raises:
        CorpusError, EncoderError, OutputError, UsageError, TrainingError: as the parts that it calls.
        StoppedByUserError, TerminatedError: after a signal, and a checkpoint.
    """
    from rich.console import Console

    from nlp_pipeline.jobs.console import say_to
    from nlp_pipeline.jobs.run_folder import RunFolder
    from nlp_pipeline.jobs.train import TrainingRun, describe_team, refuse_untried
    from nlp_pipeline.training.team import gather_team

    if team is None:
        # Before signals are waited for: one that comes while the workers are must end the process.
        team = gather_team(recipe.training.strategy, say_to(console))
        if team.chief:
            say_to(console)(describe_team(team, recipe))
    if not team.chief:
        console = Console(quiet=True)
    refuse_untried(team, recipe.training)
    folder = RunFolder(output, recipe.training.keep_checkpoints)

    def begun() -> tuple[PreparedCorpus[Any], TrainingTask]:
        if team.chief:
            folder.refuse_other()
        found = check(recipe, folder.corpus, say_to(console)) if prepared is None else prepared
        return found, training_of(recipe, found)

    with nullcontext(signals) if signals is not None else Signals() as heard:
        try:
            with heard.at_once():
                found, task = team.together(begun)
                about = team.tell_json(lambda: folder.about(recipe, found))
                team.together(lambda: folder.refuse_another_recipe(about, recipe, found))
            return TrainingRun(task, team, folder, found, console, heard).train(start)
        except StopNow:
            message = (
                "stopped at once; the same command with --resume goes on from the last checkpoint, if there is one"
            )
            raise heard.error(message) from None


def training_of(recipe: Recipe, prepared: PreparedCorpus[Any]) -> TrainingTask:
    """Return the training of a recipe on its corpora.

    Raises:
        EncoderError: where there is no such encoder.
    """
    if isinstance(recipe, TaggingRecipe):
        from nlp_pipeline.jobs.tagger_training import TaggerTraining

        return TaggerTraining(recipe, prepared)
    from nlp_pipeline.jobs.translator_training import TranslatorTraining

    return TranslatorTraining(recipe, prepared)


def report_marker(recipe: Recipe) -> str:
    """Return the file that the folder of an evaluation's report is known by."""
    if isinstance(recipe, TaggingRecipe):
        from nlp_pipeline.jobs.evaluate import CONFUSIONS

        return CONFUSIONS
    from nlp_pipeline.jobs.evaluate_translator import TRANSLATIONS

    return TRANSLATIONS


def evaluate_bundle(
    recipe: Recipe, bundle: Path, examples: Sequence[Any], report: Path, title: str
) -> EntityScores | TranslationScores:
    """Score a recipe's bundle on examples of its task, and write the report.

    Raises:
        BundleError: where it cannot be loaded.
        OutputError: where the report cannot be written.
    """
    if isinstance(recipe, TaggingRecipe):
        from nlp_pipeline.jobs.evaluate import evaluate_tagger, write_report
        from nlp_pipeline.serving.tagger import LoadedTagger

        evaluation = evaluate_tagger(LoadedTagger.load(bundle), examples)
        write_report(evaluation, report, title)
        return evaluation.scores
    from nlp_pipeline.jobs.evaluate_translator import evaluate_translator, write_translation_report
    from nlp_pipeline.serving.translator import LoadedTranslator

    translator = LoadedTranslator.load(bundle)
    translated = evaluate_translator(translator, examples)
    write_translation_report(translator, translated, report, title)
    return translated.scores


def scores_from_json(recipe: Recipe, told: Mapping[str, Any]) -> EntityScores | TranslationScores:
    """Return the scores that a report's `scores.json` tells.

    Raises:
        KeyError, TypeError: for anything else.
    """
    if isinstance(recipe, TaggingRecipe):
        from nlp_pipeline.evaluation.entities import EntityScores

        return EntityScores.from_json(told)
    from nlp_pipeline.evaluation.translations import TranslationScores

    return TranslationScores.from_json(told)
