"""`nlp-pipeline train`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import recipe_argument, run_folder, set_option
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("train", short_help="Train a model as a recipe says.")
@recipe_argument
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/<recipe's name>]")
@click.option("--resume", is_flag=True, help="Go on with the training in the run's folder that was not finished.")
@click.option("--force", is_flag=True, help="Begin anew, whatever the run's folder holds of an earlier training.")
@click.option(
    "--strategy",
    type=click.Choice(["auto", "none", "mirrored", "multi_worker"]),
    help="Where to train: training.strategy of the recipe.",
)
@set_option
def command(
    recipe: Path, output: Path | None, resume: bool, force: bool, strategy: str | None, overrides: tuple[str, ...]
) -> None:
    """Train as RECIPE says.

    The run's folder gets the prepared corpus, the resolved recipe, TensorBoard's logs (`logs/`) and, at the end, the
    bundle (`bundle/`): the model of the epoch with the best dev score (F1, BLEU). An earlier bundle there is replaced.
    The same recipe and seed give the same numbers.

    While it trains, `checkpoints/` holds all that is needed to go on. After a crash, a kill or a power cut, --resume
    goes on from the last checkpoint that is whole, and ends with the numbers of a run that was not disturbed. SIGTERM
    and Ctrl-C write one first (exit code 143 or 130).

    Several machines train together with --strategy multi_worker: the same command on each of them, and TF_CONFIG in the
    environment, which names all of them and says which one it is; the first one writes.

    \b
    Example:
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/first --set training.epochs=5
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/first --set training.epochs=5 --resume
      tensorboard --logdir runs
    """
    from nlp_pipeline.recipe.file import read_recipe

    if resume and force:
        raise click.UsageError("--resume and --force exclude each other")
    if strategy is not None:
        overrides = (*overrides, f"training.strategy={strategy}")
    read = read_recipe(recipe, overrides)
    load_tensorflow()
    from nlp_pipeline.cli.tables import console
    from nlp_pipeline.jobs.run_folder import Start
    from nlp_pipeline.jobs.tasks import train

    start = Start.RESUME if resume else Start.FORCE if force else Start.NEW
    train(read, run_folder(read, output), console(), start=start)
