"""`nlp-pipeline train`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import recipe_argument, run_folder, set_option
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("train", short_help="Train a model as a recipe says.")
@recipe_argument
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/<recipe's name>]")
@set_option
def command(recipe: Path, output: Path | None, overrides: tuple[str, ...]) -> None:
    """Train as RECIPE says.

    The run's folder gets the prepared corpus, the resolved recipe, TensorBoard's logs (`logs/`) and, at the end, the
    bundle (`bundle/`): the model of the epoch with the best dev score (F1, BLEU). An earlier bundle there is replaced.
    The same recipe and seed give the same numbers.

    \b
    Example:
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/first --set training.epochs=5
      tensorboard --logdir runs
    """
    from nlp_pipeline.recipe.file import read_recipe

    read = read_recipe(recipe, overrides)
    load_tensorflow()
    from nlp_pipeline.cli.tables import console
    from nlp_pipeline.jobs.tasks import train

    train(read, run_folder(read, output), console())
