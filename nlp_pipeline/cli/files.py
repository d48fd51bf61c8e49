"""What `tag` and `translate` share: their options for files, the progress that is shown, and how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nlp_pipeline.cli.options import Decorator, quiet_option, stream_or_file

if TYPE_CHECKING:
    from nlp_pipeline.jobs.files import Files, Telling
    from nlp_pipeline.serving.connection import Cluster
    from nlp_pipeline.serving.files import Done
    from nlp_pipeline.serving.files import Progress as Reached

CLUSTER_OPTIONS = ("address", "workers", "cpus_per_worker", "gpus_per_worker")
OTHER_OPTIONS = ("engine", "json_progress", "quiet", *CLUSTER_OPTIONS)


def files_options(input_formats: tuple[str, ...], output_formats: tuple[str, ...], by_name: str) -> Decorator:
    """Return the options that say what is read, what is written, where it is done and what is shown.

    Args:
        input_formats: the choices besides `auto`.
        output_formats: likewise.
        by_name: what `auto` makes of names.
    """
    options = (
        click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
        click.option(
            "--output",
            required=True,
            metavar="PATH",
            callback=stream_or_file,
            help="A file; with several inputs a folder, which gets a file for each; - for standard output.",
        ),
        click.option(
            "--input-format",
            type=click.Choice(["auto", *input_formats]),
            default="auto",
            show_default=True,
            help=by_name,
        ),
        click.option(
            "--output-format",
            type=click.Choice(["auto", *output_formats]),
            default="auto",
            show_default=True,
            help=f"By the output's name; {output_formats[0]} where that says nothing.",
        ),
        click.option(
            "--text-field", default="text", show_default=True, metavar="KEY", help="Key of the text in JSON, or column."
        ),
        click.option(
            "--rejected",
            metavar="FILE",
            help="Gets a line of JSON for each record that cannot be read: file, line, reason.  "
            "[default: PATH.rejected.jsonl]",
        ),
        click.option(
            "--resume", is_flag=True, help="Go on with what a run that was killed or interrupted has left at PATH."
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            help="Where it is done: in this process, or by the workers of a Ray cluster (Ray Data).",
        ),
        click.option(
            "--address", metavar="HOST:PORT", help="Of the Ray cluster; auto for the one that this machine is of."
        ),
        click.option("--workers", type=click.IntRange(1), help="Of Ray; each loads BUNDLE.  [default: 2]"),
        click.option("--cpus-per-worker", type=click.FloatRange(0.0), help="Of Ray.  [default: 1]"),
        click.option("--gpus-per-worker", type=click.FloatRange(0.0), help="Of Ray.  [default: 0]"),
        click.option("--json-progress", is_flag=True, help="Write progress as lines of JSON to standard error."),
        quiet_option,
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def files_and_cluster(options: dict[str, Any], **more: Any) -> tuple[Files, Cluster | None]:
    """Return the files and the cluster that were asked for.

    Args:
        options: those of `files_options`.
        more: what else the files have.
    """
    from nlp_pipeline.jobs.files import Files
    from nlp_pipeline.serving.connection import Cluster

    own = {name: value for name, value in options.items() if name not in OTHER_OPTIONS}
    files = Files(**own, **more)
    told = {name.removesuffix("_per_worker"): options[name] for name in CLUSTER_OPTIONS if options[name] is not None}
    if options["engine"] == "ray":
        return files, Cluster(**told)
    if told:
        name = next(name for name in CLUSTER_OPTIONS if options[name] is not None).replace("_", "-")
        raise click.UsageError(f"--{name} is for --engine ray.")
    return files, None


@contextmanager
def shown(json_progress: bool, quiet: bool) -> Iterator[Telling]:
    """Show how a run goes: a line that moves in a terminal, lines of JSON, or nothing.

    Args:
        json_progress: as the option says.
        quiet: likewise.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from nlp_pipeline.jobs.files import Telling

    def remark(line: str) -> None:
        click.echo(line, err=True)

    def as_json(reached: Reached) -> None:
        click.echo(json.dumps(asdict(reached)), err=True)

    if json_progress:
        yield Telling(as_json, remark)
        return
    console = Console(file=sys.stderr, highlight=False)
    if quiet or not console.is_terminal:
        yield Telling(None, remark)
        return
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records  {task.fields[speed]:,.0f} words/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, records=0, speed=0.0)

        def tell(reached: Reached) -> None:
            told: dict[str, Any] = {"records": reached.records, "speed": reached.words_per_second}
            bar.update(task, total=reached.total_bytes, completed=reached.done_bytes, **told)

        yield Telling(tell, lambda line: bar.console.print(line, markup=False, soft_wrap=True))


def end(done: Done, summary: str, quiet: bool) -> None:
    """Say what was done.

    Args:
        done: what was done.
        summary: of it, without the time.
        quiet: whether only what is wrong is said.

    Raises:
        RejectedError: where records could not be read.
    """
    from nlp_pipeline.errors import RejectedError

    for note in done.notes:
        click.echo(note, err=True)
    if done.omitted:
        click.echo(f"... and {done.omitted:,} more such lines", err=True)
    if not quiet:
        speed = done.session.get("words", 0) / max(done.seconds, 1e-9)
        click.echo(f"{summary} in {done.seconds:.1f} s ({speed:,.0f} words/s)", err=True)
    if rejected := done.counts["rejected"]:
        where = f": {done.rejected}" if done.rejected is not None else ""
        first = [done.first_rejected] if done.first_rejected else []
        records = "1 record was" if rejected == 1 else f"{rejected:,} records were"
        raise RejectedError([*first, f"{records} rejected{where}"])
