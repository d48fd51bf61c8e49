from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from nlp_pipeline.graph.normalisation import NormalisationGraph
from nlp_pipeline.graph.parts import PartsGraph
from nlp_pipeline.graph.rows import Rows
from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.text.normalisation import Normalisation, is_blank
from nlp_pipeline.text.parts import parts_of
from tests.graph.drawn_texts import draw_texts

FRENCH = (Path(__file__).parents[2] / "data" / "phrasebook" / "test.fr").read_text(encoding="utf-8").splitlines()
GENERATOR = random.Random(9)
TEXTS = [
    *(" ".join(GENERATOR.choices(FRENCH, k=GENERATOR.choice([1, 2, 3, 8]))) for _ in range(80)),
    *draw_texts(9, 200, "aAb. . ? ! 。一 \n\xa0\x1f\u3000é", (0, 1, 2, 5, 20, 60, 200)),
    *("", "a" * 300, " ", "\xad"),
]


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter()


# A measure that a graph and Python share without any tokenizer: the characters that are no space.
def cost(text: str) -> int:
    return sum(character != " " for character in text)


@pytest.mark.parametrize(
    ("longest", "by_sentence", "spaces"),
    [(40, False, True), (40, True, True), (9, False, False), (90, False, True), (1000, True, False)],
)
def test_the_graph_cuts_parts_as_python_does(
    segmenter: Segmenter, longest: int, by_sentence: bool, spaces: bool
) -> None:
    settings = Normalisation("none", spaces, True)
    normalise = NormalisationGraph(settings)

    def fits(texts: Rows) -> tf.Tensor:
        return texts.keep(tf.not_equal(texts.values, ord(" "))).lengths <= longest

    graph = PartsGraph(normalise, segmenter, fits, by_sentence)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def run(strings: tf.Tensor) -> Any:
        texts = normalise(texts_of(strings)[0])
        starts, ends = graph(texts)
        return strings_of(texts.spans(starts, ends)), tf.searchsorted(texts.splits, starts, side="right") - 1

    parts, of_text = run(tf.constant(TEXTS))
    found: list[list[str]] = [[] for _ in TEXTS]
    for part, number in zip(parts.numpy(), of_text.numpy(), strict=True):
        found[number].append(part.decode())
    expected = []
    for text in map(settings, TEXTS):
        of_this = [] if is_blank(text) else parts_of(text, lambda part: cost(part) <= longest, by_sentence)
        expected.append([part for part in of_this if not is_blank(part)])
    assert found == expected
