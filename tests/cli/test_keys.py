"""The command that shows the keys of recipes."""

from __future__ import annotations

import json

import click
import pytest

from nlp_pipeline.cli import suggestions
from nlp_pipeline.cli.keys import command as command_of_keys
from nlp_pipeline.recipe import TASKS
from nlp_pipeline.recipe.keys import sections_of
from tests.cli.conftest import CommandLine


@pytest.mark.parametrize("task", TASKS)
def test_the_command_shows_them(task: str, command: CommandLine) -> None:
    keys = [key for section in sections_of(TASKS[task]) for key in section.keys]
    outcome = command("keys", task)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    for key in keys:
        shown = " ".join([key.name, key.values, "must be given" if key.default is None else key.default])
        assert any(" ".join(line.split()) == shown for line in lines), key.name
    for section in sections_of(TASKS[task]):
        assert set(section.description) <= set(lines)
    assert {"data (must be given)", "training", "dashboard"} <= {line.strip() for line in lines}
    left_out = {"tagging": "words", "translation": "bert"}[task]
    assert f"{left_out} (null leaves it out; so does saying nothing)" in lines
    as_json = json.loads(command("keys", task, "--json").out)
    assert [key["name"] for section in as_json for key in section["keys"]] == [key.name for key in keys]


def test_the_command_shows_one_section_with_those_within(command: CommandLine) -> None:
    as_json = json.loads(command("keys", "translation", "decoder", "--json").out)
    assert [section["name"] for section in as_json] == ["decoder", "decoder.attention"]
    outcome = command("keys", "tagging", "trainin")
    assert outcome.code == 2
    assert "Received: 'trainin'" in outcome.err
    assert "recurrent.dropout, decoder, training" in outcome.err


def test_sections_are_completed() -> None:
    context = click.Context(command_of_keys, info_name="keys")
    context.params["task"] = "translation"
    found = suggestions.sections(context, command_of_keys.params[1], "dec")
    assert [item.value for item in found] == ["decoder", "decoder.attention"]
    context.params["task"] = "no task"
    assert suggestions.sections(context, command_of_keys.params[1], "") == []
