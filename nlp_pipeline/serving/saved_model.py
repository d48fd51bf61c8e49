"""A SavedModel: signatures, the weights that they use, and assets, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.models.network import Network
from nlp_pipeline.outputs import new_folder, refuse_foreign, told
from nlp_pipeline.serving.manifest import write_json

# TensorFlow's name for a folder that is left alone by whatever loads the model.
EXTRA = "assets.extra"
ABOUT = "export.json"
MARKER = f"{EXTRA}/{ABOUT}"
"""By which a SavedModel of ours is known, and may be replaced."""

_OWN = {"saved_model.pb", "fingerprint.pb", "variables", "assets", EXTRA}
SIGNATURES = {"ids": "serving_default", "words": "tag_words", "text": "tag_text", "translate": "translate_text"}
"""What the signatures are called: of ids, of words and texts for a tagger, and of texts for a translator."""


class Exported(tf.Module):
    """What is saved: functions, and everything that they hold on to.

    Args:
        network: the network, whose weights are saved.
        parts: what else holds tables.
        signatures: functions with an input signature, by name; each returns a mapping of tensors.
    """

    def __init__(self, network: Network, parts: list[tf.Module], signatures: Mapping[str, Any]) -> None:
        super().__init__(name="exported")
        # The variables without the Keras layers around them, which would want Keras to be loaded.
        self.weights = [weight.value for weight in network.weights]
        self.parts = parts
        self.functions = dict(signatures)
        self.assets: list[Any] = []


def function_of(function: Callable[..., Mapping[str, tf.Tensor]], signature: Mapping[str, tf.TensorSpec]) -> Any:
    """Return a function that is traced, whose inputs are called as its arguments are."""
    return tf.function(function, autograph=False).get_concrete_function(**signature)


def refuse_others(target: Path) -> None:
    """Refuse to replace a folder that is no export of ours, or that holds what is none of its files.

    Raises:
        OutputError: where it is such a one.
    """
    refuse_foreign(target, MARKER)
    with told(target):
        for held in sorted(target.iterdir()) if target.is_dir() else ():
            if held.name not in _OWN:
                message = f"expected an export and nothing else to replace, received one beside {held.name}"
                raise OutputError([Problem(str(target), message)])


def write_saved_model(
    target: Path,
    exported: Exported,
    assets: Mapping[str, str],
    about: Mapping[str, Any],
    check: Callable[[Path], None],
) -> None:
    """Write a SavedModel; one that stood there is replaced when the new one is whole.

    Args:
        target: the folder.
        exported: what is saved.
        assets: texts by their file names, which the model carries with it.
        about: goes into `assets.extra/export.json`.
        check: looks at the folder before it takes its place; raises an error where it must not.

    Raises:
        OutputError: where it cannot be written.
    """
    with new_folder(target, marker=MARKER) as folder:
        with TemporaryDirectory() as aside:
            paths = [Path(aside) / name for name in assets]
            for path, content in zip(paths, assets.values(), strict=True):
                path.write_text(content, encoding="utf-8")
            # TensorFlow copies them, and the graph's definition lists them.
            exported.assets = [tf.saved_model.Asset(str(path)) for path in paths]
            tf.saved_model.save(exported, str(folder), signatures=dict(exported.functions))
        (folder / EXTRA).mkdir()
        write_json(folder / EXTRA / ABOUT, dict(about))
        check(folder)
