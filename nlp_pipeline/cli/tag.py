"""`nlp-pipeline tag`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.files import end, files_and_cluster, files_options, shown
from nlp_pipeline.cli.options import bundle_argument, precision_option
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.devices import AT_ONCE


@click.command("tag", short_help="Tag files with a bundle.")
@bundle_argument
@files_options(
    ("text", "conll", "jsonl", "parquet"),
    ("conll", "jsonl", "parquet", "brat", "html"),
    "Raw text, a paragraph a line; words in a column; JSON objects with a text or words; a column of texts. By the "
    "name: .jsonl and .json; .conll, .iob, .iob2, .bio and .tsv; .parquet; anything else is text. All but Parquet can "
    "be packed (.gz).",
)
@click.option("--word-column", type=int, default=0, show_default=True, help="Column of the words in CoNLL input.")
@precision_option
def command(bundle: Path, word_column: int, precision: str | None, **options: Any) -> None:
    """Tag INPUT files, folders or patterns with BUNDLE, as a stream. An INPUT of - is standard input.

    Raw text is cut into sentences and words; a line's end ends a sentence. JSON lines come out with one object for each
    line of text: entities with start and end (code points of the text), type, text and score (the lowest probability
    among the entity's words); words come out as words and tags; other fields stay. brat is two files, .txt and .ann;
    html is a page with the entities marked.

    What cannot be read of an input is rejected and told, all else is tagged, and the exit code is 3. The output is
    written beside PATH and takes its place when it is whole. A run that was killed, interrupted (exit code 130, or 143
    for SIGTERM) or out of space goes on with --resume, and ends with the bytes of one that was not.

    \b
    Example:
      nlp-pipeline tag runs/ner-demo/bundle data/newsroom/article.txt --output article.jsonl
      nlp-pipeline tag runs/ner-demo/bundle 'mail/**/*.txt.gz' --output tagged --output-format html --resume
    """
    load_tensorflow(AT_ONCE)
    from nlp_pipeline.jobs.tag import tag_files

    files, cluster = files_and_cluster(options, word_column=word_column)
    with shown(options["json_progress"], options["quiet"]) as telling:
        done = tag_files(bundle, files, cluster, telling, precision)
    counts = {"sentences": 0, "entities": 0, **done.session}
    summary = f"{counts['words']:,} words, {counts['sentences']:,} sentences, {counts['entities']:,} entities"
    end(done, summary, options["quiet"])
