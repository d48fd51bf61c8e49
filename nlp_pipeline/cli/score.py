"""`nlp-pipeline score`."""

from __future__ import annotations

import json

import click

from nlp_pipeline.cli.options import data_options, format_option, given


@click.command("score", short_help="Score one labelled file against another.")
@click.argument("gold", metavar="GOLD")
@click.argument("predicted", metavar="PREDICTED")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: conlleval.f1, strict.f1, types.PER.f1...")
@format_option("conll", "jsonl", "dataset")
@data_options
def command(
    gold: str,
    predicted: str,
    as_json: bool,
    format_: str | None,
    scheme: str | None,
    word_column: int | None,
    tag_column: int | None,
) -> None:
    """Score the tags of the file PREDICTED against those of the file GOLD: the same words, whoever tagged them.

    The options say how both files are read.

    \b
    Example:
      nlp-pipeline tag runs/ner-demo/bundle data/newsroom/test.conll --input-format conll --output tagged.conll
      nlp-pipeline score data/newsroom/test.conll tagged.conll
    """
    from nlp_pipeline.cli.tables import console, score_table
    from nlp_pipeline.jobs.score import score_files

    options = given(format=format_, scheme=scheme, word_column=word_column, tag_column=tag_column)
    scores = score_files(gold, predicted, options)
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
    else:
        console().print(score_table(scores))
