"""`nlp-pipeline encoder`."""

from __future__ import annotations

import click

from nlp_pipeline.cli import suggestions
from nlp_pipeline.cli.quiet import load_tensorflow


@click.group("encoder", short_help="List and fetch encoders.")
def command() -> None:
    """List and fetch encoders: BERT checkpoints that turn subwords into vectors.

    Besides the short names, a recipe's `encoder.name` takes any hub id or local folder of a BERT-architecture
    checkpoint (`config.json`, `model.safetensors`, tokenizer files).

    \b
    Example:
      nlp-pipeline encoder get minilm
    """


@command.command("list", short_help="List the encoders that have a short name.")
def list_() -> None:
    """List the encoders that have a short name, and whether they are in the cache.

    \b
    Example:
      nlp-pipeline encoder list
    """
    from nlp_pipeline.cli.tables import console, encoder_table
    from nlp_pipeline.subwords.encoders import available_encoders, cache_folder

    console().print(encoder_table(available_encoders()))
    click.echo(f"cache: {cache_folder()}")


@command.command("get", short_help="Fetch an encoder into the cache.")
@click.argument("name", shell_complete=suggestions.encoders)
def get(name: str) -> None:
    """Fetch the encoder NAME into the cache, check it, and print its folder.

    \b
    Example:
      nlp-pipeline encoder get minilm
    """
    from nlp_pipeline.subwords.encoders import find_encoder

    folder = find_encoder(name)
    load_tensorflow()
    from nlp_pipeline.jobs.encoder import check_encoder

    click.echo(check_encoder(folder), err=True)
    click.echo(folder)
