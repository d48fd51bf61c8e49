"""The values of a recipe that runs are compared by in TensorBoard's tab of hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlp_pipeline.recipe import Recipe

# Of these sections every value is told; the others say where the corpora are, and how a finished model is used.
_TOLD = (
    *("seed", "encoder", "words", "characters", "casing", "word_dropout", "recurrent"),
    *("text", "subwords", "embeddings", "bert", "decoder", "normalise", "label_smoothing"),
    *("teacher_forcing", "training"),
)
# Of these sections, what says how fast and how often, and changes nothing that is learnt.
_SPARED = {
    "training": {"strategy", "steps_per_execution", "checkpoint_steps", "keep_checkpoints", "not_finite"},
}

Value = bool | int | float | str


def hparams_of(recipe: Recipe) -> dict[str, Value]:
    """Return what is learnt by, by key, such as `training.learning_rate`; a section that is left out is `none`."""
    told = recipe.model_dump(mode="json")
    found: dict[str, Value] = {}
    for section in _TOLD:
        if section in told:
            found.update(_flat(section, told[section], _SPARED.get(section, set())))
    return found


def _flat(key: str, value: Any, spared: set[str]) -> dict[str, Value]:
    if isinstance(value, Mapping):
        inner = [_flat(f"{key}.{name}", one, set()) for name, one in value.items() if name not in spared]
        return {name: one for of_one in inner for name, one in of_one.items()}
    if value is None:
        return {key: "none"}
    return {key: value if isinstance(value, (bool, int, float, str)) else str(value)}
