"""In which precision a bundle is used: as it was trained, or in bfloat16 where that is faster and changes little."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from nlp_pipeline.devices import multiplies_bfloat16
from nlp_pipeline.recipe import TaggingRecipe, TranslationRecipe
from nlp_pipeline.serving.manifest import read_json, read_task

Precision = Literal["float32", "bfloat16", "float16"]
_Recipe = TypeVar("_Recipe", TaggingRecipe, TranslationRecipe)
# Of a bundle's metrics: what the dev corpus scores in bfloat16, where the training's machine could find out.
DEV_BFLOAT16 = "dev_bfloat16"
# By how many points F1, or BLEU, of the dev corpus may move.
MOVED = 0.1


def chosen(asked: str | None, bundle: Path) -> Precision | None:
    """Return the precision in which a bundle is to be used; None for that in which it was trained.

    Args:
        asked: `float32`, `bfloat16`, None, or `auto`: bfloat16 where this machine multiplies it as such, and F1 of the
            dev corpus was found to move by less than `MOVED`; of a translator, BLEU not to fall by as much.
        bundle: its folder.

    Raises:
        BundleError: for `auto`, where it is none, or not whole.
    """
    if asked is None or asked in get_args(Precision):
        return cast("Precision | None", asked)
    if asked != "auto":
        raise ValueError(f"expected auto, float32 or bfloat16. Received: {asked!r}")
    read_task(bundle)
    return "bfloat16" if multiplies_bfloat16() and moves_little(read_json(bundle / "metrics.json")) else None


def in_precision(recipe: _Recipe, precision: Precision) -> _Recipe:
    """Return a recipe, of either task, whose network computes in a precision."""
    training = recipe.training.model_copy(update={"precision": precision})
    return recipe.model_copy(update={"training": training})


def moves_little(metrics: Mapping[str, Any]) -> bool:
    """Return whether bfloat16 was found to leave the scores of the dev corpus about as they are."""
    if DEV_BFLOAT16 not in metrics:
        return False
    own, other = metrics["dev"], metrics[DEV_BFLOAT16]
    if "bleu" in own:
        # Of another translation that is as good BLEU is another, too.
        return bool(100 * (own["bleu"] - other["bleu"]) < MOVED)
    return bool(100 * abs(own["conlleval"]["f1"] - other["conlleval"]["f1"]) < MOVED)
