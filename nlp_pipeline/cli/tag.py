"""`nlp-pipeline tag`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument, stream_or_file
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("tag", short_help="Tag files with a bundle.")
@bundle_argument
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--output",
    required=True,
    metavar="PATH",
    callback=stream_or_file,
    help="A file; with several inputs a folder, which gets a file for each; - for standard output.",
)
@click.option(
    "--input-format",
    type=click.Choice(["auto", "text", "conll", "jsonl"]),
    default="auto",
    show_default=True,
    help="Raw text, a paragraph a line; words in the first column; or JSON objects with text or words. By the name: "
    ".jsonl and .json; .conll, .iob, .iob2, .bio and .tsv; anything else is text.",
)
@click.option(
    "--output-format",
    type=click.Choice(["auto", "conll", "jsonl"]),
    default="auto",
    show_default=True,
    help="Words and tags, or JSON objects. By the name: jsonl for .jsonl and .json, conll for anything else.",
)
@click.option("--word-column", type=int, default=0, show_default=True, help="Column of the words in CoNLL input.")
def command(
    bundle: Path, inputs: tuple[str, ...], output: str, input_format: str, output_format: str, word_column: int
) -> None:
    """Tag INPUT files with BUNDLE, as a stream. An INPUT of - is standard input.

    Raw text is cut into sentences and words; a line's end ends a sentence. JSON lines come out with one object for each
    line of text: entities with start and end (code points of the text), type, text and score (the lowest probability
    among the entity's words); words come out as words and tags.

    No file is written where anything in the input is wrong.

    \b
    Example:
      nlp-pipeline tag runs/ner-demo/bundle data/newsroom/article.txt --output article.jsonl
    """
    load_tensorflow()
    from nlp_pipeline.jobs.tag import tag_files
    from nlp_pipeline.serving.tagger import LoadedTagger

    counted = tag_files(lambda: LoadedTagger.load(bundle), inputs, output, input_format, output_format, word_column)
    click.echo(
        f"{counted.words:,} words, {counted.sentences:,} sentences, {counted.entities:,} entities in "
        f"{counted.seconds:.1f} s ({counted.words / max(counted.seconds, 1e-9):,.0f} words/s)",
        err=True,
    )
