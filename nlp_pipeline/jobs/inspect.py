"""`inspect`: what a bundle is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nlp_pipeline.models.network import Network
from nlp_pipeline.serving.manifest import read_manifest
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.serving.translator_bundle import TASK as TRANSLATION
from nlp_pipeline.serving.translator_bundle import TranslatorBundle


def inspect_bundle(folder: Path) -> dict[str, Any]:
    """Return the facts of a bundle, a tagger's or a translator's.

    Raises:
        BundleError: where it is missing, incomplete or altered.
    """
    manifest = read_manifest(folder)
    facts = _of_translator(folder) if manifest.get("task") == TRANSLATION else _of_tagger(folder)
    return {
        "name": facts["recipe"]["name"],
        "task": manifest["task"],
        "package": manifest["package"],
        "bytes": sum(entry["size"] for entry in manifest["files"].values()),
        **facts,
    }


def _of_tagger(folder: Path) -> dict[str, Any]:
    bundle = TaggerBundle.read(folder)
    recipe = bundle.recipe
    return {
        "recipe": recipe.model_dump(mode="json"),
        "entity_types": list(bundle.inputs.tag_set.entity_types),
        "scheme": str(bundle.inputs.tag_set.scheme),
        "encoder": None if recipe.encoder is None else recipe.encoder.model_dump(mode="json"),
        "recurrent": recipe.recurrent.model_dump(mode="json"),
        "decoder": recipe.decoder.model_dump(mode="json"),
        "precision": recipe.training.precision,
        "vocabularies": {name: len(vocabulary) for name, vocabulary in bundle.inputs.vocabularies.items()},
        "weights": _parts(bundle.network),
        "metrics": dict(bundle.metrics),
    }


def _of_translator(folder: Path) -> dict[str, Any]:
    bundle = TranslatorBundle.read(folder)
    recipe, inputs = bundle.recipe, bundle.inputs
    vocabularies = {"target": len(inputs.target_tokenizer)}
    if inputs.source_tokenizer is not None:
        vocabularies["source"] = len(inputs.source_tokenizer)
    return {
        "recipe": recipe.model_dump(mode="json"),
        "languages": [recipe.data.source_language, recipe.data.target_language],
        "bert": None if recipe.bert is None else recipe.bert.model_dump(mode="json"),
        "encoder": recipe.encoder.model_dump(mode="json"),
        "decoder": recipe.decoder.model_dump(mode="json"),
        "precision": recipe.training.precision,
        "vocabularies": vocabularies,
        "weights": _parts(bundle.network),
        "metrics": dict(bundle.metrics),
    }


def _parts(network: Network) -> dict[str, int]:
    """Return how many weights each part of a network has."""
    parts: dict[str, int] = {}
    for name, weight in network.named_weights().items():
        part = name.removeprefix(f"{network.name}/").split("/")[0]
        parts[part] = parts.get(part, 0) + weight.size
    return parts
