"""The command that shows the keys of recipes."""

from __future__ import annotations

import json

import pytest

from nlp_pipeline.recipe import TASKS
from nlp_pipeline.recipe.keys import sections_of
from tests.cli.conftest import CommandLine


@pytest.mark.parametrize("task", TASKS)
def test_the_command_shows_them(task: str, command: CommandLine) -> None:
    keys = [key for section in sections_of(TASKS[task]) for key in section.keys]
    outcome = command("keys", task)
    assert (outcome.code, outcome.err) == (0, "")
    for key in keys:
        assert any(line.split()[:1] == [key.name] for line in outcome.out.splitlines()), key.name
    as_json = json.loads(command("keys", task, "--json").out)
    assert [key["name"] for section in as_json for key in section["keys"]] == [key.name for key in keys]


def test_the_command_shows_one_section_with_those_within(command: CommandLine) -> None:
    as_json = json.loads(command("keys", "translation", "decoder", "--json").out)
    assert [section["name"] for section in as_json] == ["decoder", "decoder.attention"]
    outcome = command("keys", "tagging", "trainin")
    assert outcome.code == 2
    assert "Received: 'trainin'" in outcome.err
    assert "recurrent.dropout, decoder, training" in outcome.err
