"""`nlp-pipeline evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.options import (
    bundle_argument,
    corpus_options,
    given,
    precision_option,
    refuse,
    search_options,
)
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.devices import AT_ONCE


@click.command("evaluate", short_help="Score a bundle on a corpus.")
@bundle_argument
@corpus_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: conlleval.f1, strict.f1, bleu.score...")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write what was wrong, and where.")
@search_options
@precision_option
def command(
    bundle: Path,
    data: str | None,
    source: str | None,
    target: str | None,
    as_json: bool,
    report: Path | None,
    format_: str | None,
    scheme: str | None,
    word_column: int | None,
    tag_column: int | None,
    source_field: str | None,
    target_field: str | None,
    shortlist: int | None,
    beam_size: int | None,
    length_penalty: float | None,
    coverage_penalty: float | None,
    precision: str | None,
) -> None:
    """Score BUNDLE on a corpus.

    A tagger tags --data; the tags are scored with seqeval. F1 is given in the default mode, which counts as the CoNLL
    script does (conlleval), and in the strict mode of IOB2; for each type, and as micro and macro average; with the
    recall of entities seen and unseen in training.

    A translator translates --source, or the sources of the pairs in --data; the translations are scored with sacrebleu:
    BLEU, chrF and TER, with their signatures, and BLEU by length.

    --report writes one page of HTML that needs nothing from elsewhere, and the same as Markdown: scores with intervals
    of a bootstrap over sentences, confusions, calibration, and the worst sentences with gold and predicted entities; of
    a translator BLEU by length, alignments, and the best translations that the search found. report.json holds the
    numbers.

    \b
    Example:
      nlp-pipeline evaluate runs/ner-demo/bundle --data data/newsroom/test.conll --report runs/ner-demo/report
      nlp-pipeline evaluate runs/translate-demo/bundle --source data/phrasebook/test.en --target data/phrasebook/test.fr
    """
    if data is None and source is None and target is None:
        raise click.UsageError("Missing option '--data'. A translator may be given '--source' and '--target' instead.")
    load_tensorflow(AT_ONCE)
    from nlp_pipeline.cli.tables import console, scores_table
    from nlp_pipeline.jobs.evaluate import evaluate_labelled
    from nlp_pipeline.jobs.evaluate_translator import evaluate_pairs
    from nlp_pipeline.serving.manifest import read_task

    of_both = given(format=format_)
    of_labelled = given(scheme=scheme, word_column=word_column, tag_column=tag_column)
    of_pairs = given(source_field=source_field, target_field=target_field)
    penalties = given(length_penalty=length_penalty, coverage_penalty=coverage_penalty)
    of_search = given(shortlist=shortlist, beam_size=beam_size) | penalties
    scores: Any
    if read_task(bundle) == "translation":
        refuse("the bundle of a translator", of_labelled)
        if (data is None) == (source is None and target is None) or (source is None) != (target is None):
            raise click.UsageError("a translator is scored on --source and --target, or on --data")
        if format_ == "conll":
            raise click.UsageError("--format conll is not for the bundle of a translator")
        scores = evaluate_pairs(bundle, source, target, data, report, of_both | of_pairs, precision, **of_search)
    else:
        refuse("the bundle of a tagger", of_search | of_pairs | given(source=source, target=target))
        if format_ == "tsv":
            raise click.UsageError("--format tsv is not for the bundle of a tagger")
        if data is None:
            raise click.UsageError("a tagger is scored on --data")
        warn = lambda line: click.echo(line, err=True)  # noqa: E731
        scores = evaluate_labelled(bundle, data, report, of_both | of_labelled, warn, precision)
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
    else:
        console().print(scores_table(scores))
        if report is not None:
            click.echo(f"report in {report / 'report.html'}")
