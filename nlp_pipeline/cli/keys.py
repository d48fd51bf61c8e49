"""`nlp-pipeline keys`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from nlp_pipeline.cli import suggestions

# Those of `nlp_pipeline.recipe`, which the help of a command does not load.
TASKS = ("tagging", "translation")


@click.command("keys", short_help="Show every key of a recipe.")
@click.argument("task", type=click.Choice(TASKS))
@click.argument("section", required=False, metavar="[SECTION]", shell_complete=suggestions.sections)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def command(task: str, section: str | None, as_json: bool) -> None:
    """Show every key of a recipe for a TASK: what it means, what it may be, and what it is where nothing is said.

    With a SECTION, such as training or decoder.attention, its keys alone, and those of the sections within. A recipe
    names what it wants otherwise; `--set KEY=VALUE` of the other commands does so for once.

    \b
    Example:
      nlp-pipeline keys tagging
      nlp-pipeline keys translation search
    """
    from nlp_pipeline.cli.tables import console, section_of_recipe
    from nlp_pipeline.recipe import TASKS as RECIPES
    from nlp_pipeline.recipe.keys import sections_of

    sections = sections_of(RECIPES[task])
    if section is not None:
        names = [one.name for one in sections if one.name]
        sections = [one for one in sections if one.name == section or one.name.startswith(f"{section}.")]
        if not sections:
            raise click.BadParameter(f"expected one of {', '.join(names)}. Received: {section!r}", param_hint="SECTION")
    if as_json:
        click.echo(json.dumps([asdict(one) for one in sections], indent=2))
        return
    for one in sections:
        console().print(section_of_recipe(one))
