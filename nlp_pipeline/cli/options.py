"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

recipe_argument: Decorator = click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE")
bundle_argument: Decorator = click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE")
set_option: Decorator = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set a key of the recipe, such as training.epochs=5 or characters=null. Paths are relative to the working "
    "directory. Can be given several times.",
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a labelled file is read where it differs from the bundle's own corpora."""
    for option in (
        click.option("--tag-column", type=int, help="Column of the tags in CoNLL, from 0, or from the end: -1."),
        click.option("--word-column", type=int, help="Column of the words in CoNLL, from 0."),
        click.option(
            "--scheme",
            type=click.Choice(["auto", "IOB1", "IOB2", "IOBES", "BILOU"]),
            help="Scheme of the tags in the file.",
        ),
        click.option(
            "--format",
            "format_",
            type=click.Choice(["auto", "conll", "jsonl", "dataset"]),
            help="Format of the file. Default: what its name says.",
        ),
    ):
        command = option(command)
    return command


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the search for a translation; the bundle's recipe decides where they are not given."""
    for option in (
        click.option(
            "--coverage-penalty", type=click.FloatRange(0.0), help="0 for none; more favours those that look at all."
        ),
        click.option("--length-penalty", type=click.FloatRange(0.0), help="0 for none; more favours longer ones."),
        click.option("--beam-size", type=click.IntRange(1), help="Hypotheses that are held at once; 1 is greedy."),
    ):
        command = option(command)
    return command


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def run_folder(recipe: Any, output: Path | None) -> Path:
    """Return the folder of a run: the one that was asked for, or `runs/` and the recipe's name."""
    return output if output is not None else Path("runs") / recipe.name
