"""`nlp-pipeline board`."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import click


@click.command("board", short_help="Show runs in TensorBoard, side by side.")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--host", default="localhost", show_default=True, help="Where it can be reached: 0.0.0.0 is everywhere.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Where it listens; 0 for any free port.  [default: the first free one from 6006 up]",
)
def command(runs: tuple[Path, ...], host: str, port: int | None) -> None:
    """Start TensorBoard on each RUN, side by side, and print its address; Ctrl-C ends it.

    A RUN is the folder that `train` or `run` writes into, while it is trained or afterwards, or a folder of several of
    them. What to look at is told in the README.

    \b
    Example:
      nlp-pipeline board runs/ner-demo runs/translate-demo
      nlp-pipeline board runs --port 6007
    """
    # TensorBoard may import TensorFlow, whose remarks on processors and drivers are of no use here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from nlp_pipeline.jobs.board import board
    from nlp_pipeline.stopping import Signals, StopNow

    with Signals() as heard:
        try:
            with heard.at_once(), board(runs, host, port) as shown:
                for name, logs in shown.runs.items():
                    click.echo(f"{name}: {logs}")
                click.echo(f"TensorBoard is at {shown.address} (Ctrl-C ends it)")
                threading.Event().wait()
        except StopNow:
            raise heard.error("TensorBoard is stopped") from None
