"""`nlp-pipeline export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nlp_pipeline.cli.options import bundle_argument
from nlp_pipeline.cli.quiet import load_tensorflow
from nlp_pipeline.devices import AT_ONCE

if TYPE_CHECKING:
    from nlp_pipeline.serving.precision import Precision


@click.command("export", short_help="Write a bundle as a SavedModel.")
@bundle_argument
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--signatures",
    metavar="KIND,...",
    help="What the model takes: ids, words and text for a tagger, ids and text for a translator. Default: all of them.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="In which it computes. Default: as the bundle was trained.",
)
@click.option(
    "--check",
    "data",
    metavar="DATA",
    help="Hold it against the bundle on this file as well: a labelled one for a tagger; for a translator "
    "sentences, a line each, or pairs (.tsv, .jsonl, .parquet).",
)
def command(bundle: Path, folder: Path, signatures: str | None, precision: Precision | None, data: str | None) -> None:
    """Write BUNDLE as a SavedModel into DIR, which runs with TensorFlow alone, with a GPU or without.

    An earlier SavedModel of ours in DIR is replaced, once the new one was checked.

    Everything is in the graph: cutting text into sentences and words, the very subwords of the encoder's tokenizer, the
    windows of long sentences, the best path under the allowed transitions; for a translator the normalisation, the
    subwords, long lines in parts, and greedy or beam search. Signatures: serving_default takes ids; tag_words takes
    padded words; tag_text and translate_text take raw text. See examples/serving_client.py.

    The model is loaded by a process that has TensorFlow alone, and must give for a dozen odd texts, and for those of
    --check, the very tags or translations of the bundle; otherwise it is not kept. In another precision than the
    bundle's, what differs is counted.

    \b
    Example:
      nlp-pipeline export runs/ner-demo/bundle serving/ner/1 --check data/newsroom/test.conll
    """
    load_tensorflow(AT_ONCE)
    from nlp_pipeline.jobs.export import export_bundle

    kinds = None if signatures is None else [kind.strip() for kind in signatures.split(",")]
    done = export_bundle(bundle, folder, kinds, precision, data)
    click.echo(f"{folder}: {', '.join(done.signatures)}; {done.precision}, {done.size / 1e6:,.0f} MB")
    checked = done.checked
    what = f"{checked.units:,} tags or translations" if checked.units else "nothing"
    equal = "all as the bundle's" if not checked.differing else f"{checked.differing:,} not as the bundle's"
    click.echo(f"checked in a process without this package: {what} of {checked.texts:,} texts, {equal}")
