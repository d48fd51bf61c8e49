"""The layers' names."""

from __future__ import annotations

import pytest

from nlp_pipeline.training.layer_names import layer_of, norms_of_layers


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("tagger/recurrent/forward_0/lstm_cell/kernel", "recurrent/forward_0"),
        ("tagger/characters/kernel_0", "characters"),
        ("tagger/characters/embedding/embeddings", "characters/embedding"),
        ("tagger/bert/encoder/block_11/attention/kernel", "bert/block_11"),
        ("tagger/bert/encoder/embeddings/norm/scale", "bert/embeddings"),
        ("tagger/bert/mixture", "bert"),
        ("decoder/transitions", "decoder"),
        ("tagger/states", "states"),
        ("tagger", "tagger"),
    ],
)
def test_a_weight_belongs_to_a_layer(path: str, layer: str) -> None:
    assert layer_of(path, "tagger") == layer


def test_the_squares_of_all_layers_add_up() -> None:
    paths = ["a/b/kernel", "a/b/cell/bias", "a/c/kernel"]
    norms = norms_of_layers(paths, [9.0, 16.0, 144.0], "net")
    assert norms == {"a/b": 5.0, "a/c": 12.0}
    assert sum(norm**2 for norm in norms.values()) == 13.0**2
