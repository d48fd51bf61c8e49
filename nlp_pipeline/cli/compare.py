"""`nlp-pipeline compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli import suggestions
from nlp_pipeline.cli.options import corpus_options, given, refuse
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.devices import AT_ONCE


@click.command("compare", short_help="Compare two runs on the same sentences.")
@click.argument("first", metavar="FIRST", shell_complete=suggestions.bundles)
@click.argument("second", metavar="SECOND", shell_complete=suggestions.bundles)
@corpus_options
@click.option(
    "--gold", metavar="FILE", help="FIRST and SECOND are labelled files; this one, with the same words, is right."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: micro.f1.difference.value, p_value...")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write what has changed, and where.")
def command(
    first: str,
    second: str,
    data: str | None,
    source: str | None,
    target: str | None,
    gold: str | None,
    as_json: bool,
    report: Path | None,
    format_: str | None,
    scheme: str | None,
    word_column: int | None,
    tag_column: int | None,
    source_field: str | None,
    target_field: str | None,
) -> None:
    """Compare FIRST and SECOND, two runs or two bundles, on the same sentences.

    They are scored on the test corpus of their own recipes, or the dev corpus where there is none; or on --data; or,
    for translators, on --source and --target. With --gold they are files that were tagged already.

    Told are the differences of F1, or of BLEU, chrF and TER, with the 95 % interval of a paired bootstrap and a
    p-value, and how many sentences were mended and broken; --report shows them, with what both made of them.

    \b
    Example:
      nlp-pipeline compare runs/ner-demo runs/ner-small --report runs/ner-compared
      nlp-pipeline compare before.conll after.conll --gold data/newsroom/test.conll
    """
    of_labelled = given(scheme=scheme, word_column=word_column, tag_column=tag_column)
    of_pairs = given(source_field=source_field, target_field=target_field)
    of_both = given(format=format_)
    sides = None if source is None or target is None else (source, target)
    if (source is None) != (target is None):
        raise click.UsageError("--source and --target belong together")
    if sum(one is not None for one in (data, sides, gold)) > 1:
        raise click.UsageError("expected one of --data, --source with --target, and --gold")
    from nlp_pipeline.cli.tables import comparison_tables, console

    if gold is None:
        load_tensorflow(AT_ONCE)
    from nlp_pipeline.jobs import compare

    if report is not None:
        compare.refuse_foreign_report(report)
    comparison: Any
    if gold is not None:
        refuse("labelled files", of_pairs)
        comparison = compare.compare_files(first, second, gold, of_both | of_labelled)
    elif compare.common_task(Path(first), Path(second)) == "tagging":
        refuse("taggers", of_pairs | given(source=source))
        comparison = compare.compare_taggers(Path(first), Path(second), data, of_both | of_labelled)
    else:
        refuse("translators", of_labelled)
        comparison = compare.compare_translators(Path(first), Path(second), data, sides, of_both | of_pairs)
    if report is not None:
        compare.write_comparison(comparison, report)
    if as_json:
        click.echo(json.dumps(comparison.to_json(), indent=2, ensure_ascii=False))
        return
    for shown in comparison_tables(comparison):
        console().print(shown)
    if report is not None:
        click.echo(f"report in {report / 'report.html'}")
