"""How the layers of a network are called where a run is shown."""

from __future__ import annotations

from collections.abc import Sequence

# A BERT encoder's place among a network's layers, of which each block is told as one.
_BERT = ["bert", "encoder"]


def shown_path(path: str, network: str) -> str:
    """Return a weight's path without the name of the network, which begins some of them."""
    return path.removeprefix(f"{network}/")


def layer_of(path: str, network: str) -> str:
    """Return the layer that a weight belongs to: two names deep, and a block of a BERT encoder as one.

    `tagger/recurrent/forward_0/lstm_cell/kernel` is of `recurrent/forward_0`.
    """
    *layers, name = shown_path(path, network).split("/")
    if layers[:2] == _BERT:
        layers = ["bert", *layers[2:]]
    return "/".join(layers[:2]) or name


def norms_of_layers(paths: Sequence[str], squares: Sequence[float], network: str) -> dict[str, float]:
    """Return the norm of the gradient of each layer's weights together.

    Args:
        paths: the weights' own, as Keras has them.
        squares: of their gradients, in the same order.
        network: the network's name.
    """
    sums: dict[str, float] = {}
    for path, square in zip(paths, squares, strict=True):
        layer = layer_of(path, network)
        sums[layer] = sums.get(layer, 0.0) + square
    return {layer: total**0.5 for layer, total in sums.items()}
