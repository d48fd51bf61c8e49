"""Holds the encoder against the reference implementation, BertModel of transformers on PyTorch.

PyTorch is no dependency of this package, so the comparison has two halves, each run in an environment of its own:

    python -m venv peer && peer/bin/pip install torch==2.13.0 transformers safetensors
    peer/bin/python benchmarks/encoder_parity.py reference CHECKPOINT TEXT states.npz
    python benchmarks/encoder_parity.py compare CHECKPOINT states.npz

CHECKPOINT is a folder (`nlp-pipeline encoder get minilm` prints that of the default one), TEXT a file with one sentence
a line, its words separated by spaces; in a file of CoNLL columns (`.conll`) the first column is taken. `reference`
tokenizes the sentences, pads them in batches, and writes subword ids and the hidden states of every layer at the real
positions. `compare` encodes the same ids, prints the largest absolute difference of each layer, and ends with 1 if one
is above 1e-4. It also tells how many sentences the tokenizer of this package sees differently.

    peer/bin/python benchmarks/encoder_parity.py fixtures tests/models/fixtures/bert_states.json

writes the small numbers that the tests hold the encoder against, from checkpoints that the tests write themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-4
BATCH = 32

FIXTURE_SENTENCES = (
    ["Maria", "was", "playing", "in", "Berlin", "!"],
    ["[SEP]", "café", "中国"],
    ["x"],
)


def reference(checkpoint: Path, text: Path, output: Path, limit: int) -> None:
    """Write what PyTorch makes of the first sentences of a text."""
    sentences = list(read_sentences(text, limit))
    tokenizer, model = load_reference(checkpoint)
    rows: dict[str, NDArray[Any]] = {"sentences": np.array([" ".join(words) for words in sentences])}
    for number, start in enumerate(range(0, len(sentences), BATCH)):
        batch = reference_batch(tokenizer, sentences[start : start + BATCH], model.config.max_position_embeddings)
        rows[f"ids_{number}"], rows[f"mask_{number}"] = batch["input_ids"], batch["attention_mask"].astype(bool)
        rows[f"states_{number}"] = reference_states(model, batch)
    np.savez(output, allow_pickle=False, **rows)
    print(f"{output}: {len(sentences)} sentences")


def compare(checkpoint: Path, states: Path) -> int:
    """Print the largest difference of each layer; return 1 if one is above the tolerance."""
    import tensorflow as tf

    from nlp_pipeline.models.checkpoint import load_encoder
    from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

    encoder = load_encoder(checkpoint)
    encode = tf.function(encoder, reduce_retracing=True, autograph=False)
    tokenizer = CheckpointTokenizer(checkpoint)
    with np.load(states, allow_pickle=False) as rows:
        sentences = [str(sentence).split(" ") for sentence in rows["sentences"]]
        worst = np.zeros(len(encoder.blocks) + 1)
        largest, subwords, padded, different = 0.0, 0, 0, 0
        for number, start in enumerate(range(0, len(sentences), BATCH)):
            ids, mask, expected = (rows[f"{kind}_{number}"] for kind in ("ids", "mask", "states"))
            received = np.stack(encode(ids.astype(np.int32), mask))[:, mask]
            worst = np.maximum(worst, np.abs(received - expected).max(axis=(1, 2)))
            largest = max(largest, float(np.abs(expected).max()))
            subwords, padded = subwords + int(mask.sum()), padded + int((~mask).sum())
            for words, row, real in zip(sentences[start : start + BATCH], ids, mask, strict=True):
                own = [subword for word in tokenizer.subwords_of(words) for subword in word]
                own = [tokenizer.start_id, *own[: encoder.positions - 2], tokenizer.end_id]
                different += own != row[real].tolist()
    print(f"{len(sentences)} sentences, {subwords} subwords and {padded} padded positions; values up to {largest:.3g}")
    for layer, difference in enumerate(worst):
        print(f"{'embeddings' if layer == 0 else f'layer {layer}':<10} largest difference {difference:.2e}")
    print(f"{different} sentences are tokenized differently (here a word has 1 to 64 subwords)")
    return int(bool(worst.max() > TOLERANCE))


def fixtures(output: Path) -> None:
    """Write embeddings and last hidden states of every tiny checkpoint of the tests."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.tiny_checkpoint import VARIANTS, write_tiny_checkpoint

    lines = []
    for name, form in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            tokenizer, model = load_reference(write_tiny_checkpoint(Path(folder), **form))
            batch = reference_batch(tokenizer, FIXTURE_SENTENCES, model.config.max_position_embeddings)
            if model.config.type_vocab_size > 1:
                batch["token_type_ids"] = np.arange(batch["input_ids"].size).reshape(batch["input_ids"].shape) // 3 % 2
            states = reference_states(model, batch)
        content = {
            "words": FIXTURE_SENTENCES,
            "subword_ids": batch["input_ids"].tolist(),
            "padding_mask": batch["attention_mask"].tolist(),
            "segment_ids": batch["token_type_ids"].tolist(),
            "embeddings": np.round(states[0].astype(np.float64), 6).tolist(),
            "last_states": np.round(states[-1].astype(np.float64), 6).tolist(),
        }
        lines.append(f"{json.dumps(name)}: {json.dumps(content, separators=(',', ':'))}")
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{output}: {len(lines)} checkpoints, {output.stat().st_size} bytes")


def load_reference(checkpoint: Path) -> tuple[Any, Any]:
    """Return tokenizer and model as transformers loads them, in float32."""
    import torch
    from transformers import AutoTokenizer, BertModel, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_grad_enabled(False)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True, split_special_tokens=True)
    model = BertModel.from_pretrained(
        checkpoint, local_files_only=True, add_pooling_layer=False, dtype=torch.float32, attn_implementation="eager"
    )
    return tokenizer, model.eval()


def reference_batch(tokenizer: Any, sentences: Sequence[Sequence[str]], positions: int) -> dict[str, NDArray[np.int64]]:
    """Return ids, mask and segments of a batch, padded to its longest sentence."""
    batch = tokenizer(
        [list(words) for words in sentences],
        is_split_into_words=True,
        padding="longest",
        truncation=True,
        max_length=positions,
        return_tensors="np",
    )
    return {name: np.asarray(batch[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}


def reference_states(model: Any, batch: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
    """Return the hidden states [layers + 1, real positions, E]."""
    import torch

    outputs = model(**{name: torch.from_numpy(values) for name, values in batch.items()}, output_hidden_states=True)
    real = batch["attention_mask"].astype(bool)
    return np.stack([states.numpy()[real] for states in outputs.hidden_states])


def read_sentences(path: Path, limit: int) -> Iterator[list[str]]:
    """Yield the first sentences of a file, at most `limit`, each as its words."""
    given = 0
    words: list[str] = []
    columns = path.suffix == ".conll"
    with path.open(encoding="utf-8") as lines:
        for line in (*lines, "\n"):
            if columns and line.strip():
                words.append(line.split()[0])
                continue
            sentence, words = (words, []) if columns else (line.split(), [])
            if sentence:
                yield sentence
                given += 1
            if given == limit:
                return


def main() -> int:
    """Run one half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    halves = parser.add_subparsers(dest="half", required=True)
    half = halves.add_parser("reference", help="in the environment with PyTorch")
    half.add_argument("checkpoint", type=Path)
    half.add_argument("text", type=Path)
    half.add_argument("output", type=Path)
    half.add_argument("--sentences", type=int, default=512, help="how many are taken (512)")
    half = halves.add_parser("compare", help="in the environment of this package")
    half.add_argument("checkpoint", type=Path)
    half.add_argument("states", type=Path)
    half = halves.add_parser("fixtures", help="in the environment with PyTorch")
    half.add_argument("output", type=Path)
    arguments = parser.parse_args()
    if arguments.half == "compare":
        return compare(arguments.checkpoint, arguments.states)
    if arguments.half == "reference":
        reference(arguments.checkpoint, arguments.text, arguments.output, arguments.sentences)
    else:
        fixtures(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
