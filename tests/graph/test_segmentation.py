from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.texts import texts_of
from nlp_pipeline.text.segmentation import segment
from tests.graph.drawn_texts import draw_texts

ARTICLE = Path(__file__).parents[2] / "data" / "newsroom" / "article.txt"


@pytest.fixture(scope="module")
def cut() -> Any:
    segmenter = Segmenter()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def run(strings: tf.Tensor) -> Any:
        texts, _ = texts_of(strings)
        return texts.splits, segmenter(texts)

    def spans(texts: list[str]) -> list[list[list[tuple[int, int]]]]:
        begin, words = run(tf.constant(texts, tf.string))
        begin = begin.numpy()
        starts, ends, splits, sentence_splits, text_splits = (one.numpy() for one in words)
        assert splits.tolist() == [sentence_splits[number] for number in text_splits]
        return [
            [
                [
                    (int(starts[word] - begin[text]), int(ends[word] - begin[text]))
                    for word in range(sentence_splits[sentence], sentence_splits[sentence + 1])
                ]
                for sentence in range(text_splits[text], text_splits[text + 1])
            ]
            for text in range(len(texts))
        ]

    return spans


@pytest.mark.parametrize(
    "texts",
    [
        draw_texts(1, 2000),
        ARTICLE.read_text(encoding="utf-8").split("\n"),
        [
            'He said "No." Then left.',
            "Mr. Smith (U.N.) came... 5.30? Yes!",
            "東京。「大阪」です。",
            "a" * 5000,
            "。" * 900,
        ],
        ["", " ", "\n"],
        [],
    ],
    ids=["drawn", "article", "chosen", "blank", "none"],
)
def test_the_graph_cuts_as_python_does(cut: Any, texts: list[str]) -> None:
    expected = [[[(span.start, span.end) for span in sentence] for sentence in segment(text)] for text in texts]
    assert cut(texts) == expected
