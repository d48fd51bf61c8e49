"""`nlp-pipeline study`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.options import quiet_option
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.studies.memory_settings import BLOCK, MemorySettings
from nlp_pipeline.studies.networks import FORMS


def _listed(of: type[int] | type[str], name: str) -> Callable[..., tuple[Any, ...] | None]:
    """Return the callback of an option that takes values with commas between them.

    Args:
        of: makes a value of its text; raises `ValueError` where it cannot.
        name: what is listed.
    """

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
        try:
            return None if value is None else tuple(of(one.strip()) for one in value.split(","))
        except ValueError:
            message = f"expected {name} with commas between them, received {value!r}"
            raise click.BadParameter(message, ctx, param) from None

    return read


@click.group("study", short_help="Show what recurrent networks can and cannot do.")
def command() -> None:
    """Show what recurrent networks can and cannot do, by small experiments on this machine.

    \b
    Example:
      nlp-pipeline study memory --output runs/memory
    """


@command.command("memory", short_help="How far networks remember, and how their gradient vanishes.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs/study-memory"),
    show_default=True,
    help="The study's folder; an earlier study there is replaced.",
)
@click.option(
    "--networks",
    callback=_listed(str, "names"),
    metavar="NAME,...",
    help=f"Some of {', '.join(FORMS)}.  [default: all]",
)
@click.option(
    "--distances",
    callback=_listed(int, "whole numbers"),
    metavar="D,...",
    help=f"How many distractors, increasing.  [default: {','.join(map(str, MemorySettings.distances))}]",
)
@click.option(
    "--seeds",
    type=int,
    help=f"How often each network is trained at each distance.  [default: {MemorySettings.seeds}]",
)
@click.option("--units", type=int, help=f"Of each layer and direction.  [default: {MemorySettings.units}]")
@click.option(
    "--steps",
    type=int,
    help=f"Of a training at the most, a multiple of {BLOCK}.  [default: {MemorySettings.steps}]",
)
@click.option(
    "--gradient-at",
    type=int,
    metavar="D",
    help="At which distance the gradient through time is measured.  "
    f"[default: {MemorySettings.gradient_at}, or the middle of the distances]",
)
@quiet_option
def memory(output: Path, quiet: bool, **given: Any) -> None:
    """Train networks to recall a symbol over growing distances, and look at their gradient.

    A vanilla RNN, GRU, LSTM, two-way LSTM, deep LSTM and an LSTM with attention read a symbol, then distractors, and
    are asked for the symbol: all with the same budget, with and without clipping of the gradient. The study's folder
    gets a page that explains what came out (memory.html, and the same as memory.md), the figure (memory.png), every
    training (accuracy.csv), the gradient that arrives at each step back (gradient.csv), the settings, versions and
    findings (study.json) and TensorBoard's logs. The same seeds give the same numbers.

    A training ends early when the task is solved. With the defaults all of it takes eight minutes on one core.

    \b
    Example:
      nlp-pipeline study memory
      nlp-pipeline study memory --networks rnn,lstm --distances 5,10,20 --seeds 1 --output runs/quick
      nlp-pipeline board runs/study-memory
    """
    asked = {name: value for name, value in given.items() if value is not None}
    distances = asked.get("distances", ())
    if distances and "gradient_at" not in asked and MemorySettings.gradient_at not in distances:
        asked["gradient_at"] = distances[len(distances) // 2]
    settings = MemorySettings(**asked)
    load_tensorflow()
    from nlp_pipeline.cli.tables import console, console_or_quiet, memory_table
    from nlp_pipeline.jobs.study_memory import study_memory

    study = study_memory(settings, output, console_or_quiet(quiet))
    if quiet:
        return
    console().print(memory_table(study))
    for finding in study.findings():
        came = "came out" if finding.holds else "did NOT come out"
        click.echo(f"{finding.claim}: {came} ({finding.numbers})")
    click.echo(f"page in {output / 'memory.html'}")
