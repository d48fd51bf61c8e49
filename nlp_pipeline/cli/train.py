"""`nlp-pipeline train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.options import quiet_option, recipe_argument, run_folder, set_option
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
@click.option(
    "--cluster",
    type=click.Choice(["ray"]),
    help="Train by the workers of a Ray cluster (Ray Train), which begins them anew where one is lost.",
)
@click.option("--address", metavar="HOST:PORT", help="Of the Ray cluster; auto for the one that this machine is of.")
@click.option("--workers", type=click.IntRange(1), help="Of Ray.  [default: 2]")
@click.option("--cpus-per-worker", type=click.FloatRange(0.0), help="Of Ray.  [default: 1]")
@click.option("--gpus-per-worker", type=click.IntRange(0), help="Of Ray.  [default: 0]")
@click.option("--restarts", type=click.IntRange(0), help="How often Ray begins the workers anew.  [default: 3]")
@set_option
@quiet_option
def command(
    recipe: Path,
    output: Path | None,
    resume: bool,
    force: bool,
    strategy: str | None,
    overrides: tuple[str, ...],
    cluster: str | None,
    restarts: int | None,
    quiet: bool,
    **places: Any,
) -> None:
    """Train as RECIPE says.

    The run's folder gets the prepared corpus, the resolved recipe, TensorBoard's logs (`logs/`) and, at the end, the
    bundle (`bundle/`): the model of the epoch with the best dev score (F1, BLEU), the latest of equals. An earlier
    bundle there is replaced. The same recipe and seed give the same numbers.

    While it trains, `checkpoints/` holds all that is needed to go on. After a crash, a kill or a power cut, --resume
    goes on from the last checkpoint that is whole, and ends with the numbers of a run that was not disturbed. SIGTERM
    and Ctrl-C write one first (exit code 143 or 130).

    Several machines train together with --strategy multi_worker: the same command on each of them, and TF_CONFIG in the
    environment, which names all of them and says which one it is; the first one writes.

    With --cluster ray, Ray places the workers on the machines of its cluster, or starts one on this machine; each
    machine must see the corpora and the run's folder under the same names.

    \b
    Example:
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/first --set training.epochs=5
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/first --set training.epochs=5 --resume
      nlp-pipeline train pipelines/ner-demo.yaml --output runs/second --cluster ray --workers 2
      nlp-pipeline board runs
    """
    from nlp_pipeline.recipe.file import read_recipe

    if resume and force:
        raise click.UsageError("--resume and --force exclude each other.")
    told = {name.removesuffix("_per_worker"): value for name, value in places.items() if value is not None}
    if cluster is None and (told or restarts is not None):
        name = next((name for name in places if places[name] is not None), "restarts").replace("_", "-")
        raise click.UsageError(f"--{name} is for --cluster ray.")
    if cluster is not None and strategy not in (None, "multi_worker"):
        raise click.UsageError(f"--cluster ray trains with --strategy multi_worker, not with {strategy}.")
    strategy = "multi_worker" if cluster is not None else strategy
    if strategy is not None:
        overrides = (*overrides, f"training.strategy={strategy}")
    read = read_recipe(recipe, overrides)
    load_tensorflow(read.at_once)
    from nlp_pipeline.cli.tables import console_or_quiet
    from nlp_pipeline.jobs.run_folder import Start

    start = Start.RESUME if resume else Start.FORCE if force else Start.NEW
    if cluster is None:
        from nlp_pipeline.jobs.tasks import train

        train(read, run_folder(read, output), console_or_quiet(quiet), start=start)
    else:
        from nlp_pipeline.jobs.train_on_cluster import train_on
        from nlp_pipeline.serving.connection import Cluster

        times = 3 if restarts is None else restarts
        train_on(Cluster(**told), times, read, run_folder(read, output), console_or_quiet(quiet), start)
