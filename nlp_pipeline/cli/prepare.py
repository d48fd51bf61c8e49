"""`nlp-pipeline prepare`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_pipeline.cli.options import quiet_option, recipe_argument, run_folder, set_option


@click.command("prepare", short_help="Check the corpora of a recipe, and count what is in them.")
@recipe_argument
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/<recipe's name>]")
@click.option("--force", is_flag=True, help="Read the corpora anew, also where they seem unchanged.")
@set_option
@quiet_option
def command(recipe: Path, output: Path | None, force: bool, overrides: tuple[str, ...], quiet: bool) -> None:
    """Check every corpus of RECIPE, print what is in them, and keep them as Arrow in the run's folder.

    All problems of a file are told, the first 20 with their lines. Printed are, for each split of a tagger's corpus,
    sentences, words and entities of each type, the longest sentence, duplicates within and across splits, entities
    unseen in training, and words of which the encoder's tokenizer makes nothing; of sentence pairs, the lengths of both
    sides, pairs of which one side is far longer, duplicates within and across splits, what the recipe's filters left
    out, and the characters that are unknown to the subwords of the train corpus.

    \b
    Example:
      nlp-pipeline prepare pipelines/ner-frozen.yaml --set data.train=my/train.conll --set data.dev=my/dev.conll
    """
    from nlp_pipeline.cli.tables import console, corpus_tables
    from nlp_pipeline.jobs.tasks import prepare
    from nlp_pipeline.recipe.file import read_recipe

    read = read_recipe(recipe, overrides)
    folder = run_folder(read, output) / "corpus"
    prepared = prepare(read, folder, lambda line: None if quiet else click.echo(line, err=True), force)
    if quiet:
        return
    for table in corpus_tables(prepared.summary):
        console().print(table)
    click.echo(f"prepared corpus in {prepared.folder}" + (" (unchanged)" if prepared.reused else ""))
