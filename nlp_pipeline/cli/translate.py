"""`nlp-pipeline translate`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument, given, search_options, stream_or_file
from nlp_pipeline.cli.quiet import load_tensorflow

SHOWN = 20


@click.command("translate", short_help="Translate a file with a bundle.")
@bundle_argument
@click.argument("source", metavar="INPUT")
@click.option("--output", required=True, metavar="OUT", callback=stream_or_file, help="A file; - is standard output.")
@search_options
@click.option("--n-best", type=click.IntRange(1), default=1, show_default=True, help="Translations of each line.")
@click.option(
    "--alignments",
    metavar="FILE",
    callback=stream_or_file,
    help="Write the alignment of each line out, in Pharaoh's format.",
)
def command(
    bundle: Path,
    source: str,
    output: str,
    beam_size: int | None,
    length_penalty: float | None,
    coverage_penalty: float | None,
    n_best: int,
    alignments: str | None,
) -> None:
    """Translate INPUT, a sentence a line, with BUNDLE. An INPUT of - is standard input.

    One line comes out for each line in, in order, and an empty one for an empty one. With --n-best above 1 there are
    several for each: its number from 0, the translation and its score, with ||| between them.

    A line of more subwords than the bundle's search.part is translated in parts, and so is one of several sentences
    where training has seen single ones. A line in which the bundle knows nothing is left as it is. Both are said.

    No file is written where anything in the input is wrong.

    \b
    Example:
      nlp-pipeline translate runs/translate-demo/bundle data/phrasebook/test.en --output runs/test.fr --beam-size 5
    """
    load_tensorflow()
    from nlp_pipeline.corpora.lines import name_of
    from nlp_pipeline.errors import UsageError
    from nlp_pipeline.jobs.translate import translate_file
    from nlp_pipeline.serving.translator import LoadedTranslator

    settings = given(beam_size=beam_size, length_penalty=length_penalty, coverage_penalty=coverage_penalty)
    translator: list[LoadedTranslator] = []

    def load() -> LoadedTranslator:
        translator.append(LoadedTranslator.load(bundle))
        held = settings.get("beam_size", translator[0].bundle.recipe.search.beam_size)
        if n_best > held:
            raise UsageError(f"--n-best: expected at most the size of the beam, {held}, received {n_best}")
        return translator[0]

    done = translate_file(load, source, output, n_best, alignments, **settings)
    speed = done.sentences / max(done.seconds, 1e-9)
    for number in done.unknown[:SHOWN]:
        message = "expected text that the bundle knows, received none: left as it is"
        click.echo(f"{name_of(source)}:{number}: {message}", err=True)
    if len(done.unknown) > SHOWN:
        click.echo(f"... and {len(done.unknown) - SHOWN:,} more such lines", err=True)
    parts = f", {done.in_parts:,} of them in parts" if done.in_parts else ""
    click.echo(f"{done.sentences:,} lines in {done.seconds:.1f} s ({speed:,.0f} lines/s){parts}", err=True)
