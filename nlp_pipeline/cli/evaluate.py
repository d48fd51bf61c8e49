"""`nlp-pipeline evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument, data_options, given
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("evaluate", short_help="Score a bundle on a labelled corpus.")
@bundle_argument
@click.option("--data", required=True, metavar="FILE", help="Labelled file, folder of Parquet, or hub:owner/name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: conlleval.f1, strict.f1, types.PER.f1...")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write confusions and worst sentences.")
@data_options
def command(
    bundle: Path,
    data: str,
    as_json: bool,
    report: Path | None,
    format_: str | None,
    scheme: str | None,
    word_column: int | None,
    tag_column: int | None,
) -> None:
    """Tag a labelled corpus with BUNDLE and score the tags with seqeval.

    F1 is given in the default mode, which counts as the CoNLL script does (conlleval), and in the strict mode of IOB2;
    for each type, and as micro and macro average; with the recall of entities seen and unseen in training.

    \b
    Example:
      nlp-pipeline evaluate runs/ner-demo/bundle --data data/newsroom/test.conll --report runs/ner-demo/report
    """
    load_tensorflow()
    from nlp_pipeline.cli.tables import console, score_table
    from nlp_pipeline.jobs.evaluate import CONFUSIONS, evaluate_tagger, read_labelled, unknown_types, write_report
    from nlp_pipeline.outputs import refuse_foreign
    from nlp_pipeline.serving.tagger import LoadedTagger

    if report is not None:
        refuse_foreign(report, CONFUSIONS)
    tagger = LoadedTagger.load(bundle)
    options = given(format=format_, scheme=scheme, word_column=word_column, tag_column=tag_column)
    sentences = read_labelled(tagger, data, options)
    if unknown := unknown_types(tagger, sentences):
        known = ", ".join(tagger.bundle.inputs.tag_set.entity_types)
        click.echo(f"warning: {', '.join(unknown)}: the bundle knows {known} alone", err=True)
    evaluation = evaluate_tagger(tagger, sentences)
    if report is not None:
        write_report(evaluation, report, f"{tagger.bundle.recipe.name} on {Path(data).name}")
    if as_json:
        click.echo(json.dumps(evaluation.scores.to_json(), indent=2, ensure_ascii=False))
    else:
        console().print(score_table(evaluation.scores))
        if report is not None:
            click.echo(f"report in {report / 'report.md'}")
