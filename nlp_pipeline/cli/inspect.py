"""`nlp-pipeline inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("inspect", short_help="Show what a bundle is.")
@bundle_argument
@click.option(
    "--coverage", metavar="FILE", help="Tell how many of the words of a file it knows, and which it does not."
)
@click.option(
    "--word-column", type=int, help="Column of the words, where that is CoNLL. Default: as the bundle's recipe has it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path, coverage: str | None, word_column: int | None, as_json: bool) -> None:
    """Show what BUNDLE is: its types and tags, where it was trained, its layers with their weights, and its scores.

    Of a tagger's CRF, each tag is shown with those that follow it most readily, in nats (a step of 1 is a factor of
    2.7), and with those that may not. --coverage takes text, CoNLL, JSON lines or Parquet, as the file's name says.

    Every file is held against its digest, so that this also checks whether a bundle is whole.

    \b
    Example:
      nlp-pipeline inspect runs/ner-demo/bundle
      nlp-pipeline inspect runs/ner-demo/bundle --coverage data/newsroom/test.conll
    """
    load_tensorflow()
    from nlp_pipeline.cli.bundle_tables import bundle_tables
    from nlp_pipeline.cli.tables import console
    from nlp_pipeline.jobs.inspect import inspect_bundle

    facts = inspect_bundle(bundle, coverage, word_column)
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for table in bundle_tables(facts):
            console().print(table)
