"""`nlp-pipeline inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("inspect", short_help="Show what a bundle is.")
@bundle_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path, as_json: bool) -> None:
    """Show what BUNDLE is: its types and tags, its parts with their weights, its size, and what it scored.

    Every file is held against its digest, so that this also checks whether a bundle is whole.

    \b
    Example:
      nlp-pipeline inspect runs/ner-demo/bundle
    """
    load_tensorflow()
    from nlp_pipeline.cli.tables import bundle_tables, console
    from nlp_pipeline.jobs.inspect import inspect_bundle

    facts = inspect_bundle(bundle)
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for table in bundle_tables(facts):
            console().print(table)
