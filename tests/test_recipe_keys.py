"""The keys of recipes as they are shown: all of them, with defaults that change nothing and values that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nlp_pipeline.errors import RecipeError
from nlp_pipeline.recipe import TASKS
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.recipe.keys import RecipeKey, RecipeSection, sections_of

GIVEN = {
    "tagging": "data: {train: train.conll, dev: dev.conll}\nwords: {}\n",
    "translation": "data: {train: {pairs: a.tsv}, dev: {pairs: b.tsv}, test: {pairs: c.tsv}}\nbert: {}\n",
}
"""A recipe of each task, with every section that may be left out."""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return tmp_path / "small.yaml"


def _leaves(data: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def _keys(task: str) -> list[RecipeKey]:
    return [key for section in sections_of(TASKS[task]) for key in section.keys]


@pytest.mark.parametrize("task", TASKS)
def test_the_keys_are_all_that_a_recipe_has(task: str, recipe_file: Path) -> None:
    recipe_file.write_text(f"task: {task}\n{GIVEN[task]}", encoding="utf-8")
    recipe = read_recipe(recipe_file)
    names = [key.name for key in _keys(task)]
    assert len(names) == len(set(names))
    assert set(names) == set(_leaves(recipe.model_dump(mode="json")))


@pytest.mark.parametrize("task", TASKS)
def test_a_default_that_is_written_out_changes_nothing(task: str, recipe_file: Path) -> None:
    recipe_file.write_text(f"task: {task}\n{GIVEN[task]}", encoding="utf-8")
    assignments = [
        f"{key.name}={key.default}"
        for key in _keys(task)
        if key.name != "name" and key.default is not None and not key.name.endswith(".pairs")
    ]
    assert len(assignments) > 50
    assert read_recipe(recipe_file, assignments) == read_recipe(recipe_file)


@pytest.mark.parametrize("task", TASKS)
def test_every_key_is_described(task: str) -> None:
    for section in sections_of(TASKS[task]):
        told = " ".join(section.description)
        assert [key.name for key in section.keys if f"`{key.name.rpartition('.')[2]}`" not in told] == []


@pytest.mark.parametrize("task", TASKS)
def test_what_must_be_given_is_missed(task: str, recipe_file: Path) -> None:
    recipe_file.write_text(f"task: {task}\ndata: {{}}\n", encoding="utf-8")
    sections = sections_of(TASKS[task])
    needed = {key.name for section in sections for key in section.keys if key.must_be_given} - {"task"}
    needed |= {section.name for section in sections if section.must_be_given} - {"data"}
    with pytest.raises(RecipeError) as caught:
        read_recipe(recipe_file)
    missed = {line.split("'")[1] for line in caught.value.lines()}
    assert missed == needed


@pytest.mark.parametrize(
    ("name", "values", "right", "wrong"),
    [
        ("training.warmup", "number from 0 below 1", "0.0", "1.0"),
        ("training.layer_decay", "number above 0 to 1", "1.0", "0.0"),
        ("training.patience", "whole number from 1, or null", "null", "0"),
        ("encoder.layers", "last, last4, mix", "mix", "first"),
        ("characters.widths", "list of at least 1: whole number from 1", "[1]", "[0]"),
        ("training.xla", "true, false", "true", "1"),
        ("data.test", "text, or null", "null", "3"),
    ],
)
def test_what_a_key_may_be_is_let_through_and_nothing_else(
    name: str, values: str, right: str, wrong: str, recipe_file: Path
) -> None:
    recipe_file.write_text(f"task: tagging\n{GIVEN['tagging']}", encoding="utf-8")
    assert {key.name: key.values for key in _keys("tagging")}[name] == values
    read_recipe(recipe_file, [f"{name}={right}"])
    with pytest.raises(RecipeError, match=name):
        read_recipe(recipe_file, [f"{name}={wrong}"])


def test_a_section_says_whether_it_may_be_left_out_and_whether_it_is() -> None:
    sections = {section.name: section for section in sections_of(TASKS["tagging"])}
    left_out = {name: (one.may_be_left_out, one.is_left_out) for name, one in sections.items()}
    assert [name for name, one in sections.items() if one.must_be_given] == ["data"]
    assert left_out["encoder"] == (True, False)
    assert left_out["words"] == (True, True)
    assert left_out["training"] == (False, False)


def test_a_section_that_extends_another_is_described_by_both() -> None:
    sections: dict[str, RecipeSection] = {section.name: section for section in sections_of(TASKS["translation"])}
    told = " ".join(sections["bert"].description)
    assert "`level`" in told
    assert "`pooling`" in told
    assert all(section.description and all(section.description) for section in sections.values())
