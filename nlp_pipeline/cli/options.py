"""Arguments and options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli import suggestions

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

recipe_argument: Decorator = click.argument(
    "recipe", type=click.Path(path_type=Path), metavar="RECIPE", shell_complete=suggestions.recipes
)
bundle_argument: Decorator = click.argument(
    "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", shell_complete=suggestions.bundles
)
quiet_option: Decorator = click.option("--quiet", is_flag=True, help="Print nothing but what is wrong.")
set_option: Decorator = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set a key of the recipe, such as training.epochs=5 or characters=null. Paths are relative to the working "
    "directory. Can be given several times.",
)


class Penalty(click.FloatRange):
    """A number from 0 to 100; `nan`, which compares with nothing, is none."""

    def __init__(self) -> None:
        super().__init__(0.0, 100.0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is not in the range 0<=x<=100.", param, ctx)
        return number


def stream_or_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """Return a target; `-` for the other names of standard output, which may be a file that is not to be replaced."""
    return "-" if value in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1") else value


def corpus_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a bundle of either task is scored on, and how it is read."""
    data = "Labelled file or sentence pairs, folder of Parquet, or hub:owner/name."
    for option in (
        pair_options,
        data_options,
        format_option("conll", "tsv", "jsonl", "dataset"),
        click.option("--target", metavar="FILE", help="Their translations, line by line."),
        click.option("--source", metavar="FILE", help="Sentences, for translators, with --target."),
        click.option("--data", metavar="FILE", help=data),
    ):
        command = option(command)
    return command


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
    ):
        command = option(command)
    return command


def format_option(*formats: str) -> Decorator:
    """Return the option that says what kind of file it is."""
    kinds = click.Choice(["auto", *formats])
    return click.option("--format", "format_", type=kinds, help="Format of the file. Default: what its name says.")


def pair_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the sides of a pair are, where that differs from the bundle's own corpora."""
    for option in (
        click.option("--target-field", metavar="KEY", help="Likewise that of the target."),
        click.option("--source-field", metavar="KEY", help="Key of the source, or number of its column, from 0."),
    ):
        command = option(command)
    return command


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the search for a translation; the bundle's recipe decides where they are not given."""
    for option in (
        click.option("--coverage-penalty", type=Penalty(), help="0 for none; more favours those that look at all."),
        click.option("--length-penalty", type=Penalty(), help="0 for none; more favours longer ones."),
        click.option("--beam-size", type=click.IntRange(1, 1000), help="Hypotheses held at once; 1 is greedy."),
        click.option(
            "--shortlist",
            type=click.IntRange(0, 200),
            help="Choose among so many likely translations of each subword of the source, and so many of the most "
            "frequent ones; 0 for all. Faster with a beam and thousands of subwords; some translations differ.",
        ),
    ):
        command = option(command)
    return command


precision_option: Decorator = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="In which products are computed. auto is bfloat16 where the processor has it and the dev corpus's F1 moved by "
    "less than 0.1 with it, or its BLEU fell by less. Default: as the bundle was trained.",
)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def refuse(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse options that were given for something else.

    Args:
        kind: what they are not for.
        options: those of `given`.

    Raises:
        click.UsageError: where there is any.
    """
    for name in options:
        raise click.UsageError(f"--{name.replace('_', '-')} is not for {kind}")


def run_folder(recipe: Any, output: Path | None) -> Path:
    """Return the folder of a run: the one that was asked for, or `runs/` and the recipe's name."""
    return output if output is not None else Path("runs") / recipe.name
