"""Writes tiny BERT checkpoints with random weights, in every form that published ones come in.

The weights are the same on every machine and under every version of NumPy: they are made from the raw stream of a bit
generator, which NumPy promises to keep. `benchmarks/encoder_parity.py` has PyTorch compute what such checkpoints give.
It imports this file where neither TensorFlow nor this package is installed, so only NumPy is used here.
"""

from __future__ import annotations

import json
import string
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "of", "and", "to", "in", "is", "was", "on", "for", "with", "as", "at", "by", "from", "he", "she", "it"]
WORDS += [
    "they",
    "we",
    "you",
    "not",
    "are",
    "has",
    "said",
    "new",
    "one",
    "two",
    "year",
    "day",
    "time",
    "people",
    "city",
]
WORDS += ["man", "world", "company", "president", "work", "house", "play", "game", "team", "music", "night", "river"]
NAMES = ["Maria", "John", "Berlin", "London", "Google", "Paris", "Anna", "Europe"]
SUFFIXES = ["##s", "##ed", "##ing", "##er", "##ly", "##ion", "##al", "##an", "##en", "##on", "##in", "##or", "##est"]

VARIANTS: dict[str, dict[str, Any]] = {
    "uncased": {},
    "cased, bert. prefix, gamma and beta, no pooler": {
        "cased": True,
        "prefix": "bert.",
        "old_norm_names": True,
        "pooler": False,
    },
    "sharded, one segment": {"shards": 3, "segments": 1, "prefix": "bert."},
    "gelu_new, another epsilon": {"activation": "gelu_new", "epsilon": 1e-3},
    "float16, relu, vocab.txt alone": {"dtype": "F16", "activation": "relu", "tokenizer_file": False},
    "bfloat16, cased, vocab.txt alone": {"dtype": "BF16", "cased": True, "tokenizer_file": False},
}
"""The forms that are held against PyTorch: arguments of `write_tiny_checkpoint`."""


def write_tiny_checkpoint(
    folder: Path,
    *,
    cased: bool = False,
    prefix: str = "",
    old_norm_names: bool = False,
    pooler: bool = True,
    shards: int = 1,
    segments: int = 2,
    activation: str = "gelu",
    epsilon: float = 1e-12,
    layers: int = 2,
    units: int = 16,
    heads: int = 4,
    inner_units: int = 32,
    positions: int = 64,
    dtype: str = "F32",
    tokenizer_file: bool = True,
    seed: int = 1,
) -> Path:
    """Write `config.json`, weights and tokenizer files into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tiny_vocabulary(cased=cased)
    config = {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": activation,
        "hidden_dropout_prob": 0.1,
        "hidden_size": units,
        "intermediate_size": inner_units,
        "layer_norm_eps": epsilon,
        "max_position_embeddings": positions,
        "model_type": "bert",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 0,
        "type_vocab_size": segments,
        "vocab_size": len(vocabulary),
    }
    write_json(folder / "config.json", config)
    write_tokenizer(folder, vocabulary, cased=cased, tokenizer_file=tokenizer_file)

    shapes = tiny_shapes(len(vocabulary), units, layers, inner_units, positions, segments)
    if pooler:
        shapes |= {"pooler.dense.weight": (units, units), "pooler.dense.bias": (units,)}
    tensors = {}
    for name, shape in shapes.items():
        published = prefix + name
        if old_norm_names:
            published = published.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta")
        tensors[published] = random_weights(name, shape, seed)
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, dtype)
        return folder
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: tensors[name] for name in sorted(tensors)[shard::shards]}
        write_safetensors(folder / file, part, dtype)
        weight_map |= dict.fromkeys(part, file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    return folder


def tiny_vocabulary(*, cased: bool) -> list[str]:
    """Return about 200 subwords: special tokens, every ASCII character, some words and endings."""
    letters = string.ascii_lowercase + (string.ascii_uppercase if cased else "")
    names = NAMES if cased else [name.lower() for name in NAMES]
    single = [*string.punctuation, *string.digits, *letters]
    inner = [f"##{character}" for character in string.digits + letters]
    return list(dict.fromkeys([*SPECIAL, *single, *inner, *WORDS, *names, *SUFFIXES, "é", "ü", "中"]))


def tiny_shapes(
    vocabulary_size: int, units: int, layers: int, inner_units: int, positions: int, segments: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of an encoder, by its published name without a prefix."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (vocabulary_size, units),
        "embeddings.position_embeddings.weight": (positions, units),
        "embeddings.token_type_embeddings.weight": (segments, units),
        "embeddings.LayerNorm.weight": (units,),
        "embeddings.LayerNorm.bias": (units,),
    }
    for layer in range(layers):
        place = f"encoder.layer.{layer}"
        for part, outputs, inputs in (
            ("attention.self.query", units, units),
            ("attention.self.key", units, units),
            ("attention.self.value", units, units),
            ("attention.output.dense", units, units),
            ("intermediate.dense", inner_units, units),
            ("output.dense", units, inner_units),
        ):
            shapes[f"{place}.{part}.weight"] = (outputs, inputs)
            shapes[f"{place}.{part}.bias"] = (outputs,)
        for part in ("attention.output", "output"):
            shapes[f"{place}.{part}.LayerNorm.weight"] = (units,)
            shapes[f"{place}.{part}.LayerNorm.bias"] = (units,)
    return shapes


def random_weights(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Return values in [-0.5, 0.5), and about 1 for the scale of a normalisation; they hang on name and seed alone."""
    raw = np.random.PCG64([seed, zlib.crc32(name.encode())]).random_raw(int(np.prod(shape)))
    values = (raw >> np.uint64(40)).astype(np.float32) / np.float32(2**24) - np.float32(0.5)
    return (values + np.float32(name.endswith("LayerNorm.weight"))).reshape(shape)


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]], dtype: str = "F32") -> None:
    """Write a safetensors file: the length of a JSON header, the header, the tensors one behind the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, values in tensors.items():
        data = _packed(values, dtype)
        offsets = [len(content), len(content) + len(data)]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": offsets}
        content += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def _packed(values: NDArray[Any], dtype: str) -> bytes:
    if dtype == "BF16":  # the upper half of a float32
        return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(values, {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8"}[dtype]).tobytes()


def write_tokenizer(folder: Path, vocabulary: list[str], *, cased: bool, tokenizer_file: bool = True) -> None:
    """Write `vocab.txt`, `tokenizer_config.json` and, if wanted, `tokenizer.json`."""
    (folder / "vocab.txt").write_text("".join(f"{subword}\n" for subword in vocabulary), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"do_lower_case": not cased, "tokenizer_class": "BertTokenizer"})
    if tokenizer_file:
        write_json(folder / "tokenizer.json", tokenizer_content(vocabulary, cased=cased))


def tokenizer_content(vocabulary: list[str], *, cased: bool) -> dict[str, Any]:
    """Return what a BERT tokenizer's file holds; like many published ones, this one cuts and pads."""
    start, end = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")

    def special(token: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    return {
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {
            "strategy": {"Fixed": 8},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [
            {
                "id": vocabulary.index(token),
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in SPECIAL
            if token != "[unused0]"
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": not cased,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]")],
            "pair": [special("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]")],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [start], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [end], "tokens": ["[SEP]"]},
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {subword: number for number, subword in enumerate(vocabulary)},
        },
    }


def write_json(path: Path, content: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
