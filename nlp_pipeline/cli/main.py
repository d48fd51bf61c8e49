"""The command `nlp-pipeline`."""

from __future__ import annotations

import importlib
import io
import os
import sys

import click

from nlp_pipeline import __version__
from nlp_pipeline.errors import PipelineError

COMMANDS = (
    *("prepare", "train", "evaluate", "score", "compare", "tag", "translate", "attention", "export"),
    *("run", "board", "study", "inspect", "keys", "encoder", "doctor", "completion"),
)

HELP = """BERT embeddings feed recurrent taggers and translators, in TensorFlow.

A recipe (a YAML file, see pipelines/) says what to do; a run's folder holds what came of it; a bundle is the model.

Example:

\b
  nlp-pipeline run pipelines/ner-demo.yaml
  nlp-pipeline tag runs/ner-demo/bundle letter.txt --output letter.jsonl
"""


class _Commands(click.Group):
    """The commands, each in a module of its own that is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or None for a name that is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"nlp_pipeline.cli.{cmd_name}").command
        return command


@click.command(cls=_Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nlp-pipeline")
def cli() -> None:
    """Take options of all commands; there are none besides the version."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command line, and end the process: 0, or 1 for wrong input, 2 for a wrong call, with a line a problem."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold bytes that are no text, and a terminal may lack a character: neither is a reason to
            # stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(args=arguments, prog_name="nlp-pipeline", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PipelineError as error:
        for line in error.lines():
            click.echo(_printable(line), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(_printable(f"{place}{error.strerror or error}"), err=True)
        sys.exit(1)


def _printable(line: str) -> str:
    """Return a line that any terminal takes, and that stays one line whatever the user's data holds."""
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in line)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")
