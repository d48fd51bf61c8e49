"""Every command tells what it does, with an example that works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

import click
import pytest

from nlp_pipeline.cli.main import COMMANDS, cli
from tests.cli.conftest import CommandLine


def _commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to a group and to each command below it."""
    yield above
    context = click.Context(group)
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        if isinstance(inner, click.Group):
            yield from _commands(inner, (*above, name))
        else:
            yield (*above, name)


def _command(names: Sequence[str]) -> click.Command:
    """Return the command that the names lead to."""
    found: click.Command | None = cli
    for name in names:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found is not None
    return found


ALL = list(_commands(cli))


def _examples(shown: str) -> list[str]:
    """Return the lines below `Example:` in a help text."""
    found = re.search(r"^ *Example:\n+((?: {4}.*\n)+)", shown, re.MULTILINE)
    return [] if found is None else [line.strip() for line in found[1].splitlines()]


def test_the_commands_are_those_of_the_list() -> None:
    assert {names[0] for names in ALL if names} == set(COMMANDS)


@pytest.mark.parametrize("names", ALL, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_says_what_a_command_does_and_gives_an_example(
    command: CommandLine, names: tuple[str, ...], option: str
) -> None:
    outcome = command(*names, option)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: {' '.join(('nlp-pipeline', *names))} ")
    assert "\b" not in outcome.out
    examples = _examples(outcome.out)
    assert any(example.startswith(" ".join(("nlp-pipeline", *names))) for example in examples)


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_every_example_is_a_call_that_is_understood(command: CommandLine, names: tuple[str, ...]) -> None:
    for example in _examples(command(*names, "--help").out):
        program, *arguments = shlex.split(example.partition(" > ")[0])
        if program == "tensorboard":
            continue
        assert program == "nlp-pipeline"
        depth = 2 if arguments[0] in ("encoder", "study") else 1
        # Raises where an option or an argument is not one of the command's.
        _command(arguments[:depth]).make_context(example, arguments[depth:])


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_every_option_is_explained(names: tuple[str, ...]) -> None:
    for parameter in _command(names).params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name


def test_help_and_the_version_load_no_tensorflow() -> None:
    program = (
        "import sys\n"
        "from nlp_pipeline.cli.main import main\n"
        "for line in (['--help'], ['--version'], ['train', '--help'], ['tag', '--help']):\n"
        "    main(line)\n"
        "slow = {'tensorflow', 'keras', 'transformers', 'datasets', 'numpy'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
