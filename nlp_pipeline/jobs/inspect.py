"""`inspect`: what a bundle is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.jobs.coverage import coverage_of
from nlp_pipeline.jobs.run import kept_scores
from nlp_pipeline.jobs.run_folder import RunFolder
from nlp_pipeline.layers.crf import CRF
from nlp_pipeline.models.network import Network
from nlp_pipeline.recipe import Recipe
from nlp_pipeline.serving.manifest import read_manifest
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.serving.translator_bundle import TASK as TRANSLATION
from nlp_pipeline.serving.translator_bundle import TranslatorBundle


def inspect_bundle(folder: Path, file: str | None = None, word_column: int | None = None) -> dict[str, Any]:
    """Return the facts of a bundle, a tagger's or a translator's.

    Args:
        folder: the bundle's.
        file: words of which is to be told how many it knows; see `coverage`.
        word_column: column of the words, where that is CoNLL; None for the default of `coverage_of`.

    Raises:
        BundleError: where it is missing, incomplete or altered.
        CorpusError: where the file cannot be read.
    """
    manifest = read_manifest(folder)
    is_translator = manifest.get("task") == TRANSLATION
    bundle = TranslatorBundle.read(folder) if is_translator else TaggerBundle.read(folder)
    facts = _of_translator(bundle) if isinstance(bundle, TranslatorBundle) else _of_tagger(bundle)
    about = {
        "name": facts["recipe"]["name"],
        "task": manifest["task"],
        "package": manifest["package"],
        "bytes": sum(entry["size"] for entry in manifest["files"].values()),
        **facts,
        "layers": _layers(bundle.network),
        "metrics": dict(bundle.metrics),
        "test": _test_scores(folder, bundle.recipe),
    }
    if file is not None:
        about["coverage"] = {"file": file, **coverage_of(bundle.inputs, file, word_column)}
    return about


def _of_tagger(bundle: TaggerBundle) -> dict[str, Any]:
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
        "transitions": _transitions(bundle),
    }


def _of_translator(bundle: TranslatorBundle) -> dict[str, Any]:
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
    }


def _parts(network: Network) -> dict[str, int]:
    """Return how many weights each part of a network has."""
    parts: dict[str, int] = {}
    for layer in _layers(network):
        part = layer["layer"].split("/")[0]
        parts[part] = parts.get(part, 0) + layer["weights"]
    return parts


def _layers(network: Network) -> list[dict[str, Any]]:
    """Return each layer that has weights of its own, in the network's order: its name, their number and their bytes."""
    trained = {id(weight) for weight in network.trainable_weights}
    layers: dict[str, dict[str, Any]] = {}
    for weight in network.weights:
        path = weight.path.removeprefix(f"{network.name}/")
        name = path.rpartition("/")[0] or path
        layer = layers.setdefault(name, {"layer": name, "weights": 0, "bytes": 0, "trained": 0})
        size = math.prod(weight.shape)
        layer["weights"] += size
        layer["bytes"] += size * np.dtype(weight.dtype).itemsize
        layer["trained"] += size if id(weight) in trained else 0
    return list(layers.values())


def _transitions(bundle: TaggerBundle) -> dict[str, Any] | None:
    """Return what a CRF has learnt of which tag follows which: scores in nats, None where it is forbidden."""
    decoder, tag_set = bundle.network.decoder, bundle.inputs.tag_set
    if not isinstance(decoder, CRF):
        return None

    def scores(learnt: NDArray[np.float32], allowed: Sequence[bool]) -> list[float | None]:
        return [float(score) if may else None for score, may in zip(learnt, allowed, strict=True)]

    rows = zip(decoder.transitions.numpy(), tag_set.allowed_transitions, strict=True)
    return {
        "tags": list(tag_set.names),
        "starts": scores(decoder.start_scores.numpy(), tag_set.allowed_starts),
        "scores": [scores(row, allowed) for row, allowed in rows],
        "ends": scores(decoder.end_scores.numpy(), tag_set.allowed_ends),
    }


def _test_scores(folder: Path, recipe: Recipe) -> dict[str, Any] | None:
    """Return what `run` has found on the test corpus, if its report lies beside the bundle and is of this very one."""
    run = RunFolder(folder.parent)
    done = run.done() if folder.resolve() == run.bundle.resolve() else None
    if done is None or "test" not in recipe.corpora():
        return None
    scores = kept_scores(recipe, done, folder.parent / "evaluation")
    return None if scores is None else scores.to_json()
