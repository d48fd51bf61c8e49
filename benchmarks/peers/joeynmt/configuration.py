"""What JoeyNMT is told: the translator of the benchmark as near as its own parts come.

It differs where JoeyNMT has no choice. Its input feeding is Luong's: the state after a step finds the context, and the
readout, of state and context alone, is an input of the next step; so that the decoder has 768 inputs, ours 1,280. Its
output layer has no bias.

Subwords are its words (`level: word`). It knows a language by the ending of its files, so the languages are called
`source` and `target`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOURCE, TARGET = "source", "target"


def configuration(data: Path, folder: Path, training: Mapping[str, Any], testing: Mapping[str, Any]) -> dict[str, Any]:
    """Return what its YAML file would hold.

    Args:
        data: the folder with the vocabulary and the corpus.
        folder: for what it writes.
        training: what else is to be said of training.
        testing: what else is to be said of searching.
    """
    side = {"level": "word", "lowercase": False, "normalize": False, "voc_file": str(data / "vocabulary.txt")}
    embeddings = {"embedding_dim": 256, "scale": False, "dropout": 0.0}
    layer = {"type": "recurrent", "rnn_type": "gru", "embeddings": embeddings, "hidden_size": 512, "num_layers": 1}
    return {
        "name": "multi30k",
        "joeynmt_version": "2.3.0",
        "model_dir": str(folder),
        "use_cuda": False,
        "fp16": False,
        "random_seed": 1,
        "data": {
            "train": str(data / "train"),
            "dataset_type": "plain",
            "src": {"lang": SOURCE, **side},
            "trg": {"lang": TARGET, **side},
        },
        "model": {
            "tied_embeddings": False,
            "tied_softmax": False,
            "encoder": {**layer, "bidirectional": True, "dropout": 0.0},
            "decoder": {
                **layer,
                "dropout": 0.0,
                "hidden_dropout": 0.0,
                "init_hidden": "bridge",
                "input_feeding": True,
                "attention": "bahdanau",
            },
        },
        "training": {
            "optimizer": "adam",
            "adam_betas": [0.9, 0.999],
            # It wants a schedule: this one never changes the rate.
            "scheduling": "exponential",
            "decrease_factor": 1.0,
            "normalization": "tokens",
            "batch_size": 64,
            "batch_type": "sentence",
            "shuffle": True,
            **training,
        },
        "testing": {"batch_type": "sentence", "n_best": 1, **testing},
    }
