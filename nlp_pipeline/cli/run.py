"""`nlp-pipeline run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.options import quiet_option, recipe_argument, run_folder, set_option
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("run", short_help="Prepare, train and evaluate in one.")
@recipe_argument
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/<recipe's name>]")
@click.option("--force", is_flag=True, help="Do everything anew, also what is done and unchanged.")
@click.option(
    "--strategy",
    type=click.Choice(["auto", "none", "mirrored"]),
    help="Where to train: training.strategy of the recipe.",
)
@set_option
@quiet_option
def command(
    recipe: Path,
    output: Path | None,
    force: bool,
    strategy: str | None,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Prepare, train and evaluate as RECIPE says; what is done and unchanged is skipped.

    Evaluated is on the recipe's test corpus, or on its dev corpus where it has none; the report is in `evaluation/` of
    the run's folder.

    \b
    Example:
      nlp-pipeline run pipelines/ner-demo.yaml
    """
    from nlp_pipeline.recipe.file import read_recipe

    if strategy is not None:
        overrides = (*overrides, f"training.strategy={strategy}")
    read = read_recipe(recipe, overrides)
    load_tensorflow(read.at_once)
    from nlp_pipeline.cli.tables import console_or_quiet, corpus_tables, scores_table
    from nlp_pipeline.jobs.run import run

    console = console_or_quiet(quiet)

    def show_corpus(summary: dict[str, Any]) -> None:
        for table in corpus_tables(summary):
            console.print(table)

    result = run(
        read,
        run_folder(read, output),
        console,
        force=force,
        show_corpus=show_corpus,
    )
    console.print(scores_table(result.scores, title=f"{result.split} corpus"))
    if not quiet:
        click.echo(f"bundle in {result.bundle}, report in {result.report / 'report.html'}")
