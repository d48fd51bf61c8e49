"""`nlp-pipeline translate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nlp_pipeline.cli.files import end, files_and_cluster, files_options, shown
from nlp_pipeline.cli.options import bundle_argument, given, precision_option, search_options, stream_or_file
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.devices import AT_ONCE


@click.command("translate", short_help="Translate files with a bundle.")
@bundle_argument
@files_options(
    ("text", "jsonl", "parquet"),
    ("text", "jsonl", "parquet"),
    "A sentence a line; JSON objects with a text; a column of texts. By the name: .jsonl and .json; .parquet; anything "
    "else is text. All but Parquet can be packed (.gz).",
)
@search_options
@precision_option
@click.option("--n-best", type=click.IntRange(1), default=1, show_default=True, help="Translations of each line.")
@click.option(
    "--alignments",
    metavar="FILE",
    callback=stream_or_file,
    help="Gets a line for each line of text out, in Pharaoh's format: the source's subword and the target's, from 0. "
    "With several inputs a folder.",
)
def command(
    bundle: Path,
    shortlist: int | None,
    beam_size: int | None,
    length_penalty: float | None,
    coverage_penalty: float | None,
    precision: str | None,
    n_best: int,
    alignments: str | None,
    **options: Any,
) -> None:
    """Translate INPUT files, folders or patterns, a sentence a line, with BUNDLE. An INPUT of - is standard input.

    One line comes out for each line in, in order, and an empty one for an empty one. With --n-best above 1 there are
    several for each: its number from 0, the translation and its score, with ||| between them. JSON lines and Parquet
    hold text, translation, score, alignment and n_best; other fields stay.

    A line of more subwords than the bundle's search.part is translated in parts, and so is one of several sentences
    where training has seen single ones. A line in which the bundle knows nothing is left as it is. Both are said.

    What cannot be read of an input is rejected and told, and leaves an empty line, so that none is shifted; all else
    is translated, and the exit code is 3. The output is written beside PATH and takes its place when it is whole. A run
    that was killed, interrupted or out of space goes on with --resume, and ends with the bytes of one that was not.

    \b
    Example:
      nlp-pipeline translate runs/translate-demo/bundle data/phrasebook/test.en --output runs/test.fr --beam-size 5
    """
    load_tensorflow(AT_ONCE)
    from nlp_pipeline.jobs.translate import translate_files

    penalties = given(length_penalty=length_penalty, coverage_penalty=coverage_penalty)
    settings = given(shortlist=shortlist, beam_size=beam_size) | penalties
    files, cluster = files_and_cluster(options, second=alignments)
    with shown(options["json_progress"], options["quiet"]) as telling:
        done = translate_files(bundle, files, n_best, settings, cluster, telling, precision)
    parts = f", {done.session['in_parts']:,} of them in parts" if done.session.get("in_parts") else ""
    end(done, f"{done.session['records']:,} lines{parts}", options["quiet"])
