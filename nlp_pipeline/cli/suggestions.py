"""What a shell offers where an argument is to be completed: recipes, their sections, bundles, encoders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

# How far below what was typed so far is looked, and how many are offered at the most.
_DEPTH = 3
_MOST = 100


def recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the YAML files that begin so, here and one folder down; where there is none, any file is offered."""
    found = _below(incomplete, ("", "*/"), ("*.yaml", "*.yml"))
    return [CompletionItem(path) for path in found] or [CompletionItem(incomplete, type="file")]


def bundles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the bundles that begin so, down to three folders below; where there is none, any folder is offered."""
    # The manifest's name is written out: its own module is of those that the help of a command must not load.
    found = _below(incomplete, ("", *("*/" * depth for depth in range(1, _DEPTH + 1))), ("bundle.json",))
    folders = (str(Path(path).parent) for path in found)
    return [CompletionItem(folder) for folder in folders] or [CompletionItem(incomplete, type="dir")]


def encoders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the short names of encoders that begin so."""
    from nlp_pipeline.subwords.encoders import ALIASES

    known = ((name, encoder.description) for name, encoder in ALIASES.items())
    return [CompletionItem(name, help=description) for name, description in known if name.startswith(incomplete)]


def sections(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Return the sections of the recipe of the task that was given, as far as it is one."""
    from nlp_pipeline.recipe import TASKS
    from nlp_pipeline.recipe.keys import sections_of

    task = ctx.params.get("task")
    known = sections_of(TASKS[task]) if task in TASKS else []
    return [CompletionItem(one.name) for one in known if one.name and one.name.startswith(incomplete)]


def _below(incomplete: str, ways: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    """Return the files of some names that begin as was typed: what was typed is a folder, or begins one or a file.

    Args:
        incomplete: what was typed.
        ways: patterns of folders between it and the file.
        names: patterns of the file.
    """
    folder, slash, _ = incomplete.rpartition("/")
    top = Path(folder + slash)

    def found() -> Iterator[str]:
        for way, name in itertools.product(ways, names):
            for path in top.glob(f"{way}{name}"):
                below = path.relative_to(top)
                shown = f"{folder}{slash}{below}"
                if shown.startswith(incomplete) and not any(part.startswith(".") for part in below.parts):
                    yield shown

    return sorted(set(itertools.islice(found(), _MOST)))
