"""`nlp-pipeline attention`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import bundle_argument
from nlp_pipeline.cli.quiet import load_tensorflow


@click.command("attention", short_help="Draw where a translator looks.")
@bundle_argument
@click.argument("sentence")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file whose name ends in .png, .html or .json.",
)
@click.option("--target", metavar="TEXT", help="Look at this translation instead of the one that is found.")
@click.option("--words", is_flag=True, help="Join subwords to words, but where none are written apart.")
def command(bundle: Path, sentence: str, output: Path, target: str | None, words: bool) -> None:
    """Translate SENTENCE with BUNDLE, and draw the attention weights: the source across, the translation down.

    \b
    Example:
      nlp-pipeline attention runs/translate-demo/bundle "The red car is old." --output runs/attention.png
    """
    load_tensorflow()
    import warnings

    from nlp_pipeline.evaluation.fonts import FontWarning
    from nlp_pipeline.jobs.attention import check_name, looked_at, write_attention
    from nlp_pipeline.serving.translator import LoadedTranslator

    check_name(output)
    text, aligned = looked_at(LoadedTranslator.load(bundle), sentence, target, words)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", FontWarning)
        write_attention(aligned, output)
    for warning in told:
        click.echo(f"warning: {warning.message}", err=True)
    click.echo(f"{text}\nheat map in {output}")
