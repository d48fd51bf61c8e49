"""Recipes: defaults, overrides, paths, and every mistake told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nlp_pipeline.errors import RecipeError
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.recipe.file import read_recipe

SMALL = "task: tagging\ndata:\n  train: train.conll\n  dev: dev.conll\n"


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def _problems(path: Path, text: str, *overrides: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, overrides, kind=TaggingRecipe)
    return [line.replace(f"{path}", path.name) for line in caught.value.lines()]


def test_what_is_not_named_has_its_default(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file, kind=TaggingRecipe)
    assert recipe.name == "small"
    assert recipe.encoder is not None
    assert recipe.encoder.name == "minilm"
    assert recipe.decoder.kind == "crf"
    assert recipe.words is None


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("encoder.finetune=false", 2),
        ("encoder=null", 2),
        # The encoder is run in every step.
        ("encoder.finetune=true", None),
        ("training.keep_vectors=false", None),
        # There is one direction, or none.
        ("recurrent.bidirectional=false", None),
        ("recurrent.layers=0", None),
    ],
)
def test_directions_get_a_core_each_where_they_are_most_of_a_step(
    recipe_file: Path, override: str, expected: int | None
) -> None:
    assert read_recipe(recipe_file, [override], kind=TaggingRecipe).at_once == expected


def test_paths_are_relative_to_the_recipe_and_typed_ones_to_the_working_directory(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    recipe = read_recipe(recipe_file, ["data.dev=other.conll", "data.test=hub:owner/name"], kind=TaggingRecipe)
    assert recipe.data.train == str(tmp_path / "train.conll")
    assert recipe.data.dev == str(elsewhere / "other.conll")
    assert recipe.data.test == "hub:owner/name"


def test_an_encoder_is_a_folder_only_where_there_is_one(recipe_file: Path, tmp_path: Path) -> None:
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "mine").mkdir()
    recipe_file.write_text(SMALL + "encoder: {name: owner/mine}\n", encoding="utf-8")
    recipe = read_recipe(recipe_file, kind=TaggingRecipe)
    assert recipe.encoder is not None
    assert recipe.encoder.name == str(tmp_path / "owner" / "mine")
    other = read_recipe(recipe_file, ["encoder.name=owner/theirs"], kind=TaggingRecipe)
    assert other.encoder is not None
    assert other.encoder.name == "owner/theirs"


def test_a_resolved_recipe_reads_back_as_itself(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(
        recipe_file, ["seed=7", "training.learning_rate=1e-3", "characters=null", "words.size=50"], kind=TaggingRecipe
    )
    (tmp_path / "again.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert read_recipe(tmp_path / "again.yaml", kind=TaggingRecipe) == recipe
    assert yaml.safe_load(recipe.to_yaml())["characters"] is None


def test_numbers_and_words_are_those_of_yaml_1_2(recipe_file: Path) -> None:
    recipe = read_recipe(
        recipe_file, ["training.learning_rate=2e-3", "name=no", "training.clip_norm=.5"], kind=TaggingRecipe
    )
    assert (recipe.training.learning_rate, recipe.name, recipe.training.clip_norm) == (2e-3, "no", 0.5)


def test_an_override_can_remove_and_refill_a_section(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["encoder=null", "words={size: 9}"], kind=TaggingRecipe).encoder is None
    recipe = read_recipe(recipe_file, ["encoder=null", "encoder.layers=mix"], kind=TaggingRecipe)
    assert recipe.encoder is not None
    assert recipe.encoder.layers == "mix"


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        (
            SMALL + "training:\n  epoch: 3\n  patience: no\n",
            [],
            [
                "small.yaml:7: training.patience: expected a valid integer, received 'no'",
                "small.yaml:6: unknown key 'epoch' in training; did you mean 'epochs'?",
            ],
        ),
        (
            SMALL,
            ["encoder.window=3"],
            ["--set encoder.window=3: encoder.window: expected greater than or equal to 16, received 3"],
        ),
        (
            SMALL + "training:\n  steps_per_execution: 0\n",
            [],
            ["small.yaml:6: training.steps_per_execution: expected greater than or equal to 1, received 0"],
        ),
        (SMALL, ["seed.x=1"], ["--set seed.x=1: seed: expected a valid integer, received {'x': 1}"]),
        (
            SMALL,
            ["data.train.x=1"],
            ["--set data.train.x=1: expected data.train to be a section, received 'train.conll'"],
        ),
        (SMALL, ["epochs"], ["--set epochs: expected key=value, such as training.epochs=5"]),
        (SMALL, ["=5"], ["--set =5: expected key=value, such as training.epochs=5"]),
        ("task: tagging\ndata: {train: a}\n", [], ["small.yaml:2: expected a key 'data.dev', received none"]),
        ("task: tagging\n", [], ["small.yaml: expected a key 'data', received none"]),
        ("task: parsing\n", [], ["small.yaml:1: task: expected one of 'tagging', received 'parsing'"]),
        ("data: {}\n", [], ["small.yaml: task: expected one of 'tagging', received None"]),
        ("task: tagging\ntask: tagging\n", [], ["small.yaml:2: the key 'task' was given in line 1 already"]),
        ("- a\n", [], ["small.yaml:1: expected keys and values, received list"]),
        ("", [], ["small.yaml: expected a recipe, received an empty file"]),
        ("a: [\n", [], ["small.yaml:2: expected YAML, received: expected the node content, but found '<stream end>'"]),
        (SMALL + "encoder: 5\n", [], ["small.yaml:5: encoder: expected a section with keys of its own, received 5"]),
        (
            SMALL + "encoder: {overlap: 500}\n",
            [],
            [
                "small.yaml:5: encoder: overlap and max_subwords_of_word together must be at most the window less "
                "[CLS] and [SEP], 510. Received: 500 and 64"
            ],
        ),
        (
            SMALL + "encoder: null\ncharacters: null\n",
            [],
            ["small.yaml: one of encoder, words and characters must be given. Received: null for all three"],
        ),
        (SMALL + "name: a/b\n", [], [r"small.yaml:5: name: String should match pattern '^\w[\w.-]*$', received 'a/b'"]),
        (SMALL + "seed: !!python/object:os.system x\n", [], None),
    ],
)
def test_a_mistake_is_told_with_its_place(
    recipe_file: Path, text: str, overrides: list[str], expected: list[str] | None
) -> None:
    problems = _problems(recipe_file, text, *overrides)
    if expected is None:
        assert len(problems) == 1
        assert "small.yaml:5: expected YAML" in problems[0]
    else:
        assert problems == expected


@pytest.mark.parametrize("name", ["a\\0b", "~no-such-user-at-all/x"])
def test_a_name_that_no_file_can_have(recipe_file: Path, name: str) -> None:
    problems = _problems(recipe_file, f'task: tagging\ndata:\n  train: "{name}"\n  dev: b\n')
    assert len(problems) == 1
    assert problems[0].startswith("small.yaml:3: data.train: expected the name of a file or folder, received ")


TRANSLATOR = "task: translation\ndata: {train: {pairs: train.tsv}, dev: {pairs: dev.tsv}}\n"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "decoder: {attention: null, context: start, bridge: zero}",
            "a decoder sees the source by attention",
        ),
        ("decoder: {attention: {score: dot, query: state_and_subword}}", "needs score=additive and input_feeding=true"),
        ("decoder: {bridge: copy, units: 100}", "decoder.bridge=copy needs the same cell, layers and units"),
        ("bert: {name: minilm}\nsearch: {shortlist: 50}", "search.shortlist needs trained subwords of the source"),
        ("embeddings: {tie: all}\nsubwords: {joint: false}", "embeddings.tie=all needs subwords.joint=true"),
        ("search: {beam_size: 0}", "greater than or equal to 1"),
        ("search: {length_penalty: .nan}", "expected a valid number"),
        ("search: {length_penalty: 101}", "less than or equal to 100"),
    ],
)
def test_parts_of_a_translator_that_do_not_fit(tmp_path: Path, section: str, expected: str) -> None:
    (tmp_path / "translator.yaml").write_text(f"{TRANSLATOR}{section}\n", encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "translator.yaml")
    (line,) = caught.value.lines()
    assert expected in line
    assert line.startswith(f"{tmp_path / 'translator.yaml'}:")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "none.yaml", "received nothing"),
        (tmp_path, "received a directory"),
    ):
        with pytest.raises(RecipeError, match=reason):
            read_recipe(path, kind=TaggingRecipe)
    (tmp_path / "latin.yaml").write_bytes(b"task: \xe9\n")
    with pytest.raises(RecipeError, match="expected UTF-8, received byte 6"):
        read_recipe(tmp_path / "latin.yaml", kind=TaggingRecipe)


def test_nesting_without_end_is_a_problem_like_others(recipe_file: Path) -> None:
    assert len(_problems(recipe_file, "[" * 5000)) == 1
