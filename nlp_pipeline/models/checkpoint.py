"""Reads published BERT checkpoints (`config.json` and safetensors) into our layers.

The only file that knows the names which others give to weights. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.layers.bert import BertEncoder
from nlp_pipeline.layers.bert_block import ACTIVATIONS, BertBlock, BertNorm
from nlp_pipeline.subwords.checkpoint_files import CONFIG_FILE, encoder_error, one_line, read_json, weight_files

_ANCHOR = "embeddings.word_embeddings.weight"
_OLD_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
_DTYPES = ("F32", "F16", "BF16")

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BertConfig:
    """What `config.json` says of the architecture, in our words; the fields are arguments of `BertEncoder`."""

    vocabulary_size: int
    units: int
    layers: int
    heads: int
    inner_units: int
    positions: int
    segments: int
    activation: str
    epsilon: float
    dropout: float
    attention_dropout: float


def read_config(folder: Path) -> BertConfig:
    """Read and check a checkpoint's `config.json`.

    Raises:
        EncoderError: it is missing or no JSON object, lacks a number, or describes another architecture.
    """
    path = folder / CONFIG_FILE
    settings = read_json(path)

    def refusal(key: str, expected: str) -> EncoderError:
        received = json.dumps(settings[key])[:80] if key in settings else "none"
        return encoder_error(path, f"expected `{key}` to be {expected}, received {received}")

    def count(key: str, default: int | None = None) -> int:
        value = settings.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise refusal(key, "a positive integer")
        return value

    def share(key: str, default: float) -> float:
        value = settings.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
            raise refusal(key, "a number from 0 to below 1")
        return float(value)

    if settings.get("model_type") != "bert":
        raise refusal("model_type", '"bert"')
    if settings.get("position_embedding_type", "absolute") != "absolute":
        raise refusal("position_embedding_type", '"absolute"')
    for key in ("is_decoder", "add_cross_attention"):
        if settings.get(key):
            raise refusal(key, "false")
    activation = settings.get("hidden_act", "gelu")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise refusal("hidden_act", f"one of {', '.join(ACTIVATIONS)}")
    units, heads = count("hidden_size"), count("num_attention_heads")
    if units % heads:
        raise refusal("num_attention_heads", f"a divisor of `hidden_size`, {units}")
    return BertConfig(
        vocabulary_size=count("vocab_size"),
        units=units,
        layers=count("num_hidden_layers"),
        heads=heads,
        inner_units=count("intermediate_size"),
        positions=count("max_position_embeddings", 512),
        segments=count("type_vocab_size", 2),
        activation=activation,
        epsilon=share("layer_norm_eps", 1e-12),
        dropout=share("hidden_dropout_prob", 0.1),
        attention_dropout=share("attention_probs_dropout_prob", 0.1),
    )


def load_encoder(folder: Path, *, up_to_layer: int | None = None, **arguments: Any) -> BertEncoder:
    """Build the encoder of a checkpoint and fill it.

    Args:
        folder: where `config.json` and the weights are.
        up_to_layer: the last layer that is wanted (see `BertEncoder`).
        arguments: further arguments of `BertEncoder`, some in place of the checkpoint's (`dropout=0.0`, `name=...`).

    Raises:
        EncoderError: the checkpoint is missing something, broken, or of another architecture.
    """
    encoder = BertEncoder(**{**asdict(read_config(folder)), "up_to_layer": up_to_layer, **arguments})
    load_weights(encoder, folder)
    return encoder


def load_weights(encoder: BertEncoder, folder: Path) -> None:
    """Fill an encoder from the safetensors files of a checkpoint; build it first when it is not yet.

    Takes float32, float16 and bfloat16; one file or shards with an index; names with a prefix (`bert.`) or without;
    `LayerNorm.weight`/`bias` or the older `gamma`/`beta`. Poolers and heads are passed over.

    Raises:
        EncoderError: a file or tensor is missing, cut short, or of another shape or type than the encoder's.
    """
    if not encoder.built:
        encoder.build()
    with _open_weights(folder) as weights:
        _fill_embeddings(encoder, weights)
        for number, block in enumerate(encoder.blocks):
            _fill_block(block, weights, f"encoder.layer.{number}.")


def _fill_embeddings(encoder: BertEncoder, weights: _Weights) -> None:
    embeddings = encoder.embeddings
    for variable, name in (
        (embeddings.subword_table, "word_embeddings"),
        (embeddings.position_table, "position_embeddings"),
        (embeddings.segment_table, "token_type_embeddings"),
    ):
        variable.assign(weights.read(f"embeddings.{name}.weight", variable.shape))
    _fill_norm(embeddings.norm, weights, "embeddings.")


def _fill_norm(norm: BertNorm, weights: _Weights, place: str) -> None:
    norm.scale.assign(weights.read(f"{place}LayerNorm.weight", norm.scale.shape))
    norm.offset.assign(weights.read(f"{place}LayerNorm.bias", norm.offset.shape))


def _fill_block(block: BertBlock, weights: _Weights, place: str) -> None:
    units = block.units
    parts = [f"{place}attention.self.{part}" for part in ("query", "key", "value")]
    # PyTorch keeps a dense layer's kernel as [outputs, inputs].
    block.attention.kernel.assign(
        np.concatenate([weights.read(f"{p}.weight", (units, units)).T for p in parts], axis=1)
    )
    block.attention.bias.assign(np.concatenate([weights.read(f"{p}.bias", (units,)) for p in parts]))

    def fill_dense(kernel: keras.Variable, bias: keras.Variable, name: str) -> None:
        kernel.assign(weights.read(f"{place}{name}.weight", kernel.shape[::-1]).T)
        bias.assign(weights.read(f"{place}{name}.bias", bias.shape))

    fill_dense(block.attention.output_kernel, block.attention.output_bias, "attention.output.dense")
    fill_dense(block.inner_kernel, block.inner_bias, "intermediate.dense")
    fill_dense(block.output_kernel, block.output_bias, "output.dense")
    _fill_norm(block.attention_norm, weights, f"{place}attention.output.")
    _fill_norm(block.output_norm, weights, f"{place}output.")


class _Weights:
    """The tensors of a checkpoint's open files, by the names that BERT's first PyTorch port gave them.

    Args:
        main: the file to name when a tensor is in none of them.
        files: the open file and its path, for each tensor of the checkpoint.
    """

    def __init__(self, main: Path, files: Mapping[str, tuple[Any, Path]]) -> None:
        self._main = main
        self._files = files
        anchors = [name for name in files if name == _ANCHOR or name.endswith(f".{_ANCHOR}")]
        if len(anchors) != 1:
            received = " and ".join(sorted(anchors)) or f"none among {len(files)} tensors"
            raise encoder_error(main, f"expected one tensor `{_ANCHOR}`, with a prefix or without, received {received}")
        self._prefix = anchors[0].removesuffix(_ANCHOR)

    def read(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Return a tensor in float32, after a look at its type and shape."""
        full = self._prefix + name
        if full not in self._files:
            for new, old in _OLD_NAMES.items():
                full = full.replace(new, old)
        if full not in self._files:
            raise encoder_error(
                self._main, f"expected the tensor `{self._prefix}{name}` {list(shape)}, received none of that name"
            )
        file, path = self._files[full]
        tensor = file.get_slice(full)
        received = tuple(tensor.get_shape())
        if received != tuple(shape):
            raise encoder_error(path, f"expected `{full}` to have the shape {list(shape)}, received {list(received)}")
        if tensor.get_dtype() not in _DTYPES:
            raise encoder_error(
                path, f"expected `{full}` to be one of {', '.join(_DTYPES)}, received {tensor.get_dtype()}"
            )
        return np.asarray(file.get_tensor(full), dtype=np.float32)


@contextmanager
def _open_weights(folder: Path) -> Iterator[_Weights]:
    import ml_dtypes  # noqa: F401  (makes NumPy know bfloat16, which safetensors then finds)
    from safetensors import SafetensorError, safe_open

    main, placed = weight_files(folder)
    with ExitStack() as stack:
        files: dict[str, tuple[Any, Path]] = {}
        for path, expected in placed.items():
            try:
                file = stack.enter_context(safe_open(path, framework="numpy"))
                names = set(file.keys())
            except FileNotFoundError:
                raise encoder_error(path, "expected a file of weights, received none") from None
            except (SafetensorError, OSError) as error:
                raise encoder_error(path, f"expected a whole safetensors file, received {one_line(error)}") from None
            for name in expected or names:
                if name not in names:
                    raise encoder_error(
                        path, f"expected the tensor `{name}`, as {main.name} says, received none of that name"
                    )
                files[name] = (file, path)
        yield _Weights(main, files)
