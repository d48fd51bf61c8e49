"""`encoder get`: whether a checkpoint can be used."""

from __future__ import annotations

from pathlib import Path

from nlp_pipeline.models.checkpoint import read_config
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer


def check_encoder(folder: Path) -> str:
    """Return a line on a checkpoint's encoder.

    Raises:
        EncoderError: where its architecture or its tokenizer is not one that is supported.
    """
    config = read_config(folder)
    casing = "uncased" if CheckpointTokenizer(folder).lowercases else "cased"
    return (
        f"{config.layers} layers of {config.units} units, {config.vocabulary_size:,} subwords, {casing}, "
        f"up to {config.positions} subwords at once"
    )
