"""`inspect`: what a bundle is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nlp_pipeline.serving.manifest import read_manifest
from nlp_pipeline.serving.tagger_bundle import TaggerBundle


def inspect_bundle(folder: Path) -> dict[str, Any]:
    """Return the facts of a bundle.

    Raises:
        BundleError: where it is missing, incomplete or altered.
    """
    manifest = read_manifest(folder)
    bundle = TaggerBundle.read(folder)
    parts: dict[str, int] = {}
    for name, weight in bundle.network.named_weights().items():
        part = name.removeprefix("tagger/").split("/")[0]
        parts[part] = parts.get(part, 0) + weight.size
    recipe = bundle.recipe
    return {
        "name": recipe.name,
        "task": manifest["task"],
        "package": manifest["package"],
        "entity_types": list(bundle.inputs.tag_set.entity_types),
        "scheme": str(bundle.inputs.tag_set.scheme),
        "encoder": None if recipe.encoder is None else recipe.encoder.model_dump(mode="json"),
        "recurrent": recipe.recurrent.model_dump(mode="json"),
        "decoder": recipe.decoder.model_dump(mode="json"),
        "precision": recipe.training.precision,
        "vocabularies": {name: len(vocabulary) for name, vocabulary in bundle.inputs.vocabularies.items()},
        "weights": parts,
        "bytes": sum(entry["size"] for entry in manifest["files"].values()),
        "metrics": dict(bundle.metrics),
    }
