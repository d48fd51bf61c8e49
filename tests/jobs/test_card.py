"""The model card: what it says, and that no text of the user breaks its Markdown."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

import nlp_pipeline
from nlp_pipeline.jobs.card import licence_of
from nlp_pipeline.jobs.tasks import train
from nlp_pipeline.recipe import Encoder, TaggingRecipe
from nlp_pipeline.recipe.file import read_recipe
from tests.conftest import TINY_CORPUS, TINY_RECIPE
from tests.tiny_checkpoint import write_tiny_checkpoint

HEADINGS = ["What it is for", "Made from", "How it was trained", "Scores on the dev corpus", "Use", "Beware"]

NAME = "__a_b__"
TRAIN = "a|b `c` *d* <e> [f](g) &amp; \\h.conll"
DEV = "``two\n# lines|.conll"
ENCODER = "`my*` |_encoder_"
TYPES = ["A|B", "`C`", "*D*", "<b>", "_E_"]


class Card:
    """A card as Markdown with tables shows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = MarkdownIt("commonmark").enable("table").parse(text)
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        self.shown = [(before, _plain(token)) for before, token in pairs if token.type == "inline"]

    @property
    def headings(self) -> list[tuple[str, str]]:
        """Its headings, each with its level."""
        return [(opened.tag, text) for opened, text in self.shown if opened.type == "heading_open"]

    @property
    def prose(self) -> str:
        """Its paragraphs."""
        return "\n".join(text for opened, text in self.shown if opened.type == "paragraph_open")

    @property
    def code(self) -> str:
        """Its indented lines."""
        return "".join(token.content for token in self.tokens if token.type == "code_block")

    @property
    def tables(self) -> list[list[list[str]]]:
        """Its tables: rows of cells."""
        found: list[list[list[str]]] = []
        cells = iter([text for opened, text in self.shown if opened.type in ("td_open", "th_open")])
        for token in self.tokens:
            if token.type == "table_open":
                found.append([])
            elif token.type == "tr_open":
                found[-1].append([])
            elif token.type in ("td_open", "th_open"):
                found[-1][-1].append(next(cells))
        return found


def _plain(inline: Token) -> str:
    """Return what a reader sees, without anything that is set in bold, is a link, or is HTML."""
    return "".join(
        "\n" if part.type == "softbreak" else part.content
        for part in inline.children or []
        if part.type in ("text", "code_inline", "softbreak")
    )


def _read(bundle: Path) -> Card:
    return Card((bundle / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def card(tiny_bundle: Path) -> Card:
    return _read(tiny_bundle)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """Return the card of a tagger whose every name looks like Markdown."""
    folder = tmp_path_factory.mktemp("hostile")
    corpus = "".join(f"word{number} B-{name}\nor O\n\n" for number, name in enumerate(TYPES))
    for name in (TRAIN, DEV):
        (folder / name).write_text(corpus, encoding="utf-8")
    write_tiny_checkpoint(folder / "encoder").rename(folder / ENCODER)
    (folder / "recipe.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    shape = {"window": 32, "overlap": 4, "max_subwords_of_word": 16, "layers": "last"}
    overrides = {
        "name": NAME,
        "data": {"train": str(folder / TRAIN), "dev": str(folder / DEV)},
        "encoder": {"name": str(folder / ENCODER), **shape},
        "words": None,
        "characters": None,
        "casing": None,
        "training.epochs": 1,
        "training.keep_vectors": False,
    }
    settings = [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
    recipe = read_recipe(folder / "recipe.yaml", settings, kind=TaggingRecipe)
    return _read(train(recipe, folder / "run", Console(file=io.StringIO())).bundle)


def test_it_is_headed_by_the_name_and_has_its_parts(card: Card) -> None:
    assert card.headings == [("h1", "tiny"), *(("h2", heading) for heading in HEADINGS)]
    assert not any(token.type.startswith("html") for token in card.tokens)


def test_it_says_what_the_model_is(card: Card, tiny_bundle: Path) -> None:
    metrics = json.loads((tiny_bundle / "metrics.json").read_text(encoding="utf-8"))
    assert "tagger for the types LOC, PER, made by nlp_pipeline " + nlp_pipeline.__version__ in card.prose
    assert "trained word embeddings, a character CNN, the casing of the word" in card.prose
    assert "1 two-way GRU layer(s) of 8 units and a CRF over IOBES tags" in card.prose
    assert f"{metrics['weights']['trained']:,} weights were trained" in card.prose


def test_it_says_what_the_model_was_made_from(card: Card, tiny_bundle: Path) -> None:
    metrics = json.loads((tiny_bundle / "metrics.json").read_text(encoding="utf-8"))
    made_from = card.tables[0]
    assert made_from[0] == ["split", "source", "sentences", "words", "entities"]
    assert made_from[1:] == [["train", "train.conll", "4", "23", "8"], ["dev", "train.conll", "4", "23", "8"]]
    assert "All of its weights come from these corpora." in card.prose
    assert "10 epochs in " in card.prose
    assert "with seed 13" in card.prose
    assert f"kept is epoch {metrics['best_epoch']}, the best on the dev corpus" in card.prose
    about = metrics["circumstances"]
    assert f"until\n{about['finished']}, with {about['versions']}." in card.prose
    assert (
        f"nlp_pipeline {nlp_pipeline.__version__}, Python {platform.python_version()}, tensorflow " in about["versions"]
    )
    assert about["machine"] in card.prose
    # Whose machine it was is nobody's business, either.
    assert platform.node() not in card.text.replace("\n", " ").split()
    # The folder in which it was trained is nobody's business.
    assert str(tiny_bundle.parent) not in card.text


def test_its_scores_are_those_of_the_metrics_with_their_modes(card: Card, tiny_bundle: Path) -> None:
    dev = json.loads((tiny_bundle / "metrics.json").read_text(encoding="utf-8"))["dev"]
    scores = {row[0]: row[1:] for row in card.tables[1]}
    assert scores.pop("type") == ["precision", "recall", "F1", "entities"]
    for name, score in (*dev["types"].items(), ("micro average", dev["conlleval"])):
        percent = [f"{100 * score[part]:.2f}" for part in ("precision", "recall", "f1")]
        assert scores.pop(name) == [*percent, str(score["gold"])]
    assert not scores
    assert "seqeval, default (conlleval) mode, IOB2, in per cent" in card.prose
    assert f"Strict mode of IOB2, micro F1: {100 * dev['strict']['f1']:.2f}." in card.prose


def test_it_says_how_to_use_the_model_and_that_works(card: Card, tiny_bundle: Path) -> None:
    shell, _, python = card.code.partition("import nlp_pipeline")
    assert shell.startswith("nlp-pipeline tag THIS_FOLDER ")
    program = f"import nlp_pipeline{python}".replace("THIS_FOLDER", str(tiny_bundle))
    *statements, expression = program.strip().splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(statements), names)
    entities = eval(expression.replace("A text with names in it.", "Ana Reis lives in Oslo."), names)
    assert [(entity.start, entity.end, entity.entity_type) for entity in entities] == [(0, 8, "PER"), (18, 22, "LOC")]


def test_a_name_that_looks_like_markdown_is_shown_as_it_is(hostile: Card) -> None:
    assert hostile.headings == [("h1", NAME), *(("h2", heading) for heading in HEADINGS)]


def test_files_that_look_like_markdown_stay_in_their_cells(hostile: Card) -> None:
    made_from = hostile.tables[0]
    assert made_from[1] == ["train", TRAIN, str(len(TYPES)), str(2 * len(TYPES)), str(len(TYPES))]
    # A line's end cannot stand in a table; how it is told is left to the card.
    split, source, sentences, *_ = made_from[2]
    assert (split, sentences) == ("dev", str(len(TYPES)))
    assert source.startswith("``two")
    assert source.endswith("# lines|.conll")
    assert len(made_from) == 3


def test_types_that_look_like_markdown_are_shown_as_they_are(hostile: Card) -> None:
    assert f"tagger for the types {', '.join(sorted(TYPES))}, made by" in hostile.prose
    rows = hostile.tables[1]
    assert {row[0] for row in rows[1:]} == {*TYPES, "micro average"}
    assert {row[-1] for row in rows[1:-1]} == {"1"}
    assert rows[-1][-1] == str(len(TYPES))


def test_an_encoder_that_looks_like_markdown_is_shown_as_it_is(hostile: Card) -> None:
    assert f"the last layer of the frozen encoder {ENCODER}" in hostile.prose
    assert (
        f"The bundle holds the weights of the encoder {ENCODER}, under the licence that it came with." in hostile.prose
    )


def test_the_licence_of_the_default_encoder_is_told() -> None:
    told = licence_of(Encoder(name="minilm"))
    assert told.startswith(
        "The bundle holds the weights of the encoder minilm (sentence-transformers/all-MiniLM-L6-v2), "
        "licensed Apache-2.0."
    )


def test_nothing_of_the_user_becomes_html(hostile: Card) -> None:
    inner = [part for token in hostile.tokens for part in token.children or []]
    kinds = {token.type for token in (*hostile.tokens, *inner)}
    assert not kinds & {"html_inline", "html_block", "link_open", "em_open", "strong_open", "image"}


def test_a_file_whose_name_is_no_text_does_not_stop_a_training(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.conll")
    try:
        (tmp_path / name).write_text(TINY_CORPUS, encoding="utf-8")
    except OSError:
        pytest.skip("the file system takes no such name")
    (tmp_path / "recipe.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    shutil.copy(tmp_path / name, tmp_path / "train.conll")
    # YAML takes such a name as JSON writes it.
    source = f"data.train={json.dumps(str(tmp_path / name))}"
    smaller = ["characters=null", "casing=null", "training.epochs=1", source]
    recipe = read_recipe(tmp_path / "recipe.yaml", smaller, kind=TaggingRecipe)
    card = _read(train(recipe, tmp_path / "run", Console(file=io.StringIO())).bundle)
    split, shown, *_ = card.tables[0][1]
    assert split == "train"
    assert shown.startswith("caf")
    assert shown.endswith(".conll")
