from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.graph.rows import Rows
from nlp_pipeline.graph.texts import texts_of
from nlp_pipeline.graph.wordpieces import WordPieces
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from tests.graph.drawn_texts import COMMON, draw_texts
from tests.tiny_checkpoint import write_tiny_checkpoint

CHOSEN = [
    "…",
    "ß",
    "º",
    "ﬁ",
    "ǅ",
    "İ",
    "[SEP]",
    "[UNK]",
    "##s",
    "\ufe0f",
    "\u200d",
    "中中a",
    "unaffable",
    "é",
    "e\u0301",
]
LONG = ["a" * 99, "a" * 100, "a" * 101, "é" * 100, "👍" * 101, "x" * 300_000, "a." * 90, " ", "a b"]
MARKS = "\u302e\u302f\u0345\U0001d165\U0001d16d\u0327\u0323aeéÅå"


def ids_of(pieces: WordPieces, words: list[str]) -> list[list[int]]:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def run(strings: tf.Tensor) -> Rows:
        return pieces(texts_of(strings)[0])

    found = run(tf.constant(words, tf.string))
    ids: Any = tf.RaggedTensor.from_row_splits(found.values, found.splits).to_list()
    return list(ids)


@pytest.mark.parametrize("cased", [False, True])
def test_the_graph_gives_the_ids_of_the_checkpoint(tmp_path: Path, cased: bool) -> None:
    tokenizer = CheckpointTokenizer(write_tiny_checkpoint(tmp_path, cased=cased), max_subwords_of_word=8)
    pieces = WordPieces(tokenizer)
    words = [*CHOSEN, *LONG, *filter(None, draw_texts(2, 1500)), *filter(None, draw_texts(3, 500, COMMON + MARKS))]
    assert ids_of(pieces, words) == list(map(list, tokenizer.subwords_of(words)))
    assert ids_of(pieces, []) == []


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"normalizer": {"type": "NFKC"}}, "NFKC"),
        ({"added_tokens": "plain"}, "'hello'"),
    ],
)
def test_what_a_graph_cannot_do_is_refused(tmp_path: Path, change: dict[str, Any], received: str) -> None:
    folder = write_tiny_checkpoint(tmp_path)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if change.get("added_tokens"):
        plain = {"id": 9, "content": "hello", "special": False, "single_word": False, "lstrip": False, "rstrip": False}
        change = {"added_tokens": [*content["added_tokens"], {**plain, "normalized": True}]}
    path.write_text(json.dumps({**content, **change}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', encoding="utf-8")
    with pytest.raises(EncoderError, match=f"received {received}.*a graph cannot do the same; it can take ids"):
        WordPieces(CheckpointTokenizer(folder))
