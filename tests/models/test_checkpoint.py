from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.layers.bert import BertEncoder
from nlp_pipeline.models.checkpoint import BertConfig, load_encoder, load_weights, read_config
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from tests.conftest import TinyCheckpoint
from tests.tiny_checkpoint import VARIANTS, random_weights, tiny_shapes, write_json, write_safetensors

# What PyTorch makes of the checkpoints; written by `benchmarks/encoder_parity.py fixtures`.
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "fixtures" / "bert_states.json").read_text(encoding="utf-8")
)


def error_of(action: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(EncoderError) as caught:
        action(*arguments, **named)
    return str(caught.value)


def tiny_tensors() -> dict[str, Any]:
    """Return the weights of the checkpoint that `tiny_checkpoint()` writes."""
    return {name: random_weights(name, shape, 1) for name, shape in tiny_shapes(177, 16, 2, 32, 64, 2).items()}


def test_every_variant_has_its_numbers() -> None:
    assert EXPECTED.keys() == VARIANTS.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_states_are_those_of_pytorch(variant: str, tiny_checkpoint: TinyCheckpoint) -> None:
    expected = EXPECTED[variant]
    folder = tiny_checkpoint(**VARIANTS[variant])
    ids, segments = (np.array(expected[name], np.int32) for name in ("subword_ids", "segment_ids"))
    mask = np.array(expected["padding_mask"], bool)
    states = load_encoder(folder)(ids, mask, segments)
    np.testing.assert_allclose(states[0].numpy()[mask], expected["embeddings"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(states[-1].numpy()[mask], expected["last_states"], rtol=0, atol=1e-5)
    assert np.std(expected["last_states"]) > 0.5


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_subwords_are_those_of_transformers(variant: str, tiny_checkpoint: TinyCheckpoint) -> None:
    expected = EXPECTED[variant]
    tokenizer = CheckpointTokenizer(tiny_checkpoint(**VARIANTS[variant]))
    for words, ids, mask in zip(expected["words"], expected["subword_ids"], expected["padding_mask"], strict=True):
        subwords = [subword for word in tokenizer.subwords_of(words) for subword in word]
        assert [tokenizer.start_id, *subwords, tokenizer.end_id] == ids[: sum(mask)]


def test_the_configuration_in_our_words(tiny_checkpoint: TinyCheckpoint) -> None:
    assert read_config(tiny_checkpoint(activation="relu", epsilon=1e-5, segments=1)) == BertConfig(
        vocabulary_size=177,
        units=16,
        layers=2,
        heads=4,
        inner_units=32,
        positions=64,
        segments=1,
        activation="relu",
        epsilon=1e-5,
        dropout=0.1,
        attention_dropout=0.1,
    )


def test_arguments_go_before_the_configuration(tiny_checkpoint: TinyCheckpoint) -> None:
    encoder = load_encoder(tiny_checkpoint(), up_to_layer=1, dropout=0.0, name="encoder", dtype="mixed_bfloat16")
    assert (encoder.dropout, encoder.attention_dropout, encoder.name) == (0.0, 0.1, "encoder")
    assert (len(encoder.blocks), encoder.up_to_layer, encoder.layers) == (1, 1, 2)
    assert encoder.compute_dtype == "bfloat16"


def test_weights_can_be_filled_in_again(tiny_checkpoint: TinyCheckpoint) -> None:
    first, second = tiny_checkpoint(seed=1), tiny_checkpoint(seed=2)
    encoder = load_encoder(first)
    load_weights(encoder, second)
    for received, expected in zip(encoder.weights, load_encoder(second).weights, strict=True):
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "roberta"}, 'expected `model_type` to be "bert", received "roberta"'),
        ({"model_type": None}, 'expected `model_type` to be "bert", received none'),
        (
            {"position_embedding_type": "relative_key"},
            'expected `position_embedding_type` to be "absolute", received "relative_key"',
        ),
        ({"is_decoder": True}, "expected `is_decoder` to be false, received true"),
        ({"add_cross_attention": True}, "expected `add_cross_attention` to be false, received true"),
        (
            {"hidden_act": "mish"},
            "expected `hidden_act` to be one of gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, "
            'swish, tanh, received "mish"',
        ),
        ({"hidden_size": None}, "expected `hidden_size` to be a positive integer, received none"),
        ({"num_hidden_layers": 0}, "expected `num_hidden_layers` to be a positive integer, received 0"),
        ({"vocab_size": "many"}, 'expected `vocab_size` to be a positive integer, received "many"'),
        ({"type_vocab_size": True}, "expected `type_vocab_size` to be a positive integer, received true"),
        ({"num_attention_heads": 3}, "expected `num_attention_heads` to be a divisor of `hidden_size`, 16, received 3"),
        ({"layer_norm_eps": -1}, "expected `layer_norm_eps` to be a number from 0 to below 1, received -1"),
        ({"layer_norm_eps": float("nan")}, "expected `layer_norm_eps` to be a number from 0 to below 1, received NaN"),
    ],
)
def test_other_architectures_are_refused(
    changes: dict[str, Any], message: str, tiny_checkpoint: TinyCheckpoint
) -> None:
    path = tiny_checkpoint() / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {key: value for key, value in settings.items() if value is not None})
    assert error_of(load_encoder, path.parent) == f"{path}: {message}"


def test_a_configuration_that_is_none(tiny_checkpoint: TinyCheckpoint) -> None:
    path = tiny_checkpoint() / "config.json"
    path.write_text("{", encoding="utf-8")
    assert error_of(read_config, path.parent).startswith(f"{path}: expected a JSON file, received ")
    path.write_bytes(b"\xff")
    assert error_of(read_config, path.parent).startswith(f"{path}: expected a JSON file, received ")
    path.write_text("[1]", encoding="utf-8")
    assert error_of(read_config, path.parent) == f"{path}: expected a JSON object, received [1]"
    path.unlink()
    assert error_of(read_config, path.parent) == f"{path}: expected a file, received none"


def test_a_missing_tensor_is_named(tiny_checkpoint: TinyCheckpoint) -> None:
    for prefix in ("", "bert."):
        path = tiny_checkpoint(prefix=prefix) / "model.safetensors"
        for missing, shape in (
            ("encoder.layer.1.attention.self.key.bias", "[16]"),
            ("encoder.layer.0.output.LayerNorm.weight", "[16]"),
            ("embeddings.token_type_embeddings.weight", "[2, 16]"),
        ):
            tensors = tiny_tensors()
            del tensors[missing]
            write_safetensors(path, {prefix + name: values for name, values in tensors.items()})
            message = f"{path}: expected the tensor `{prefix}{missing}` {shape}, received none of that name"
            assert error_of(load_encoder, path.parent) == message


def test_a_layer_that_is_not_wanted_need_not_be_there(tiny_checkpoint: TinyCheckpoint) -> None:
    path = tiny_checkpoint() / "model.safetensors"
    write_safetensors(path, {name: values for name, values in tiny_tensors().items() if ".layer.1." not in name})
    load_encoder(path.parent, up_to_layer=1)
    assert "encoder.layer.1." in error_of(load_encoder, path.parent)


def test_a_wrong_shape_or_type_is_named(tiny_checkpoint: TinyCheckpoint) -> None:
    path = tiny_checkpoint() / "model.safetensors"
    name = "encoder.layer.0.intermediate.dense.weight"
    write_safetensors(path, tiny_tensors() | {name: np.zeros((16, 32), np.float32)})
    message = f"{path}: expected `{name}` to have the shape [32, 16], received [16, 32]"
    assert error_of(load_encoder, path.parent) == message
    write_safetensors(path, tiny_tensors(), "F64")
    message = "expected `embeddings.word_embeddings.weight` to be one of F32, F16, BF16, received F64"
    assert error_of(load_encoder, path.parent) == f"{path}: {message}"


def test_weights_of_something_else(tiny_checkpoint: TinyCheckpoint) -> None:
    path = tiny_checkpoint() / "model.safetensors"
    tensor = "embeddings.word_embeddings.weight"
    expected = f"{path}: expected one tensor `{tensor}`, with a prefix or without, received "
    write_safetensors(path, {"lm_head.weight": np.zeros(2, np.float32)})
    assert error_of(load_encoder, path.parent) == f"{expected}none among 1 tensors"
    write_safetensors(path, {f"{name}.{tensor}": np.zeros(2, np.float32) for name in ("question", "answer")})
    assert error_of(load_encoder, path.parent) == f"{expected}answer.{tensor} and question.{tensor}"


def test_a_file_that_is_cut_short_or_altered(tiny_checkpoint: TinyCheckpoint) -> None:
    for form, name in (({}, "model.safetensors"), ({"shards": 2}, "model-00002-of-00002.safetensors")):
        path = tiny_checkpoint(**form) / name
        whole = path.read_bytes()
        for content in (b"", whole[:4], whole[:100], whole[:-1], whole + b"x", b"PK\x03\x04" + whole):
            path.write_bytes(content)
            message = error_of(load_encoder, path.parent)
            assert message.startswith(f"{path}: expected a whole safetensors file, received ")
            assert "\n" not in message


def test_broken_shards(tiny_checkpoint: TinyCheckpoint) -> None:
    folder = tiny_checkpoint(shards=2)
    shard, index = folder / "model-00002-of-00002.safetensors", folder / "model.safetensors.index.json"
    content = json.loads(index.read_text(encoding="utf-8"))
    write_json(index, {"weight_map": content["weight_map"] | {"more": shard.name}})
    message = f"{shard}: expected the tensor `more`, as model.safetensors.index.json says, received none of that name"
    assert error_of(load_encoder, folder) == message
    write_json(index, {"weight_map": {key: file for key, file in content["weight_map"].items() if "query" not in key}})
    message = "expected the tensor `encoder.layer.0.attention.self.query.weight` [16, 16], received none of that name"
    assert error_of(load_encoder, folder) == f"{index}: {message}"
    write_json(index, content)
    shard.unlink()
    assert error_of(load_encoder, folder) == f"{shard}: expected a file of weights, received none"


def test_a_pickle_is_never_opened(tiny_checkpoint: TinyCheckpoint, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    folder = tiny_checkpoint()
    expected = f"{folder}: expected model.safetensors or model.safetensors.index.json, received "
    (folder / "model.safetensors").unlink()
    assert error_of(load_encoder, folder) == f"{expected}neither"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    received = "only pytorch_model.bin, a format that is not read; convert it to safetensors"
    assert error_of(load_encoder, folder) == expected + received
    shutil.copy(folder / "pytorch_model.bin", folder / "model.safetensors")
    assert "expected a whole safetensors file" in error_of(load_encoder, folder)
    assert not (tmp_path / "sprung").exists()


def test_an_encoder_that_does_not_fit(tiny_checkpoint: TinyCheckpoint) -> None:
    folder = tiny_checkpoint()
    encoder = BertEncoder(vocabulary_size=100, units=16, layers=2, heads=4, inner_units=32)
    message = "expected `embeddings.word_embeddings.weight` to have the shape [100, 16], received [177, 16]"
    assert error_of(load_weights, encoder, folder) == f"{folder}/model.safetensors: {message}"
