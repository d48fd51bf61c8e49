"""In which precision a tagger is used: as it was trained, or in bfloat16 where that is faster and changes little."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

from nlp_pipeline.devices import multiplies_bfloat16
from nlp_pipeline.serving.manifest import read_json, read_task

Precision = Literal["float32", "bfloat16", "float16"]
# Of a bundle's metrics: what the dev corpus scores in bfloat16, where the training's machine could find out.
DEV_BFLOAT16 = "dev_bfloat16"
# By how many points F1 of the dev corpus may move.
MOVED = 0.1


def chosen(asked: str | None, bundle: Path) -> Precision | None:
    """Return the precision in which a tagger's bundle is to be used; None for that in which it was trained.

    Args:
        asked: `float32`, `bfloat16`, None, or `auto`: bfloat16 where this machine multiplies it as such, and F1 of the
            dev corpus was found to move by less than `MOVED`.
        bundle: its folder.

    Raises:
        BundleError: for `auto`, where it is not a tagger's, or not whole.
    """
    if asked is None or asked in get_args(Precision):
        return cast("Precision | None", asked)
    if asked != "auto":
        raise ValueError(f"expected auto, float32 or bfloat16. Received: {asked!r}")
    read_task(bundle, "tagging")
    return "bfloat16" if multiplies_bfloat16() and moves_little(read_json(bundle / "metrics.json")) else None


def moves_little(metrics: Mapping[str, Any]) -> bool:
    """Return whether bfloat16 was found to leave F1 of the dev corpus about as it is."""
    if DEV_BFLOAT16 not in metrics:
        return False
    first, second = (metrics[name]["conlleval"]["f1"] for name in ("dev", DEV_BFLOAT16))
    return bool(100 * abs(first - second) < MOVED)
