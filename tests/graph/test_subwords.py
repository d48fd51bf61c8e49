from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import tensorflow as tf

from nlp_pipeline.graph.subwords import SubwordGraph
from nlp_pipeline.graph.texts import texts_of
from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer
from nlp_pipeline.text.special import UNKNOWN_ID
from tests.graph.drawn_texts import draw_texts

FRENCH = (Path(__file__).parents[2] / "data" / "phrasebook" / "test.fr").read_text(encoding="utf-8").splitlines()
COMMON = "aAbZ09 \n\t.!?\"▁▁  eéÉßſ一二あア\u0301\u200d👍🏽İΣς½Ⅷ_-'lesrntu"
TEXTS = [
    *draw_texts(8, 600, COMMON, (0, 1, 2, 5, 20, 60)),
    *("", "▁", " ", "a" * 1000, "a" * 1001, " " + "e" * 2500, "x▁ y", "aaaaaaaaaa", "ééé一一一"),
    *FRENCH[:200],
]


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("kind", ["bpe", "unigram", "words"])
def test_the_graph_cuts_as_the_tokenizer_does(kind: Literal["bpe", "unigram", "words"], lowercase: bool) -> None:
    tokenizer = TrainedTokenizer.train(FRENCH, kind, 300, lowercase=lowercase)
    graph = SubwordGraph(tokenizer.parts())

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def run(strings: tf.Tensor) -> Any:
        texts, _ = texts_of(strings)
        found = graph(texts)
        unknown = tf.equal(found.ids.values, UNKNOWN_ID)
        return found.ids, found.pieces.surfaces(texts, found.begins, unknown)

    ids, surfaces = run(tf.constant(TEXTS))
    assert tf.RaggedTensor.from_row_splits(*ids).to_list() == tokenizer.encode(TEXTS)
    cut = [tokenizer.encode_with_words(text) for text in TEXTS if text]
    spelled = [
        surface
        for of_text in cut
        for surface, one in zip(of_text.subwords, of_text.ids, strict=True)
        if one == UNKNOWN_ID
    ]
    assert [surface.decode() for surface in surfaces.numpy()] == spelled
    assert run(tf.constant([], tf.string))[0].values.numpy().size == 0
