from __future__ import annotations

import unicodedata
from typing import Any, Literal

import pytest
import tensorflow as tf

from nlp_pipeline.graph.normalisation import NormalisationGraph
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.text.normalisation import Normalisation, is_blank
from tests.graph.drawn_texts import draw_texts

MARKS = "".join(chr(point) for point in range(0x110000) if unicodedata.combining(chr(point)))
PAIRS = (
    "aeiouAEIOU\u1100\u1161\u11a8\uac00\uac01\u0b47\u0b57"
    "\u09c7\u09be\u0dd9\u0dca\u0dcf\u3099か\u1025\u102e\U00011099\U000110ba"
)
SPACES = " \t\n\xa0\u2003\u200b\xad\ufeff\x1f\u3000\u2028"
TEXTS = [
    *draw_texts(7, 1500, PAIRS * 4 + "\u0344\u2126\u212bﬁ½\ufb1d\u1e9b\u0323\u0307" + MARKS + SPACES * 6),
    *("", " \n ", "a" + "\u0301\u0323" * 500, "déjà vu", "de\u0301ja\u0300 vu", "한국어", "ｆｕｌｌ ①"),
]


@pytest.mark.parametrize("form", ["NFC", "NFKC", "none"])
def test_the_graph_normalises_as_python_does(form: Literal["NFC", "NFKC", "none"]) -> None:
    for spaces, invisible in ((True, True), (False, False)):
        settings = Normalisation(form, spaces, invisible)
        graph = NormalisationGraph(settings)

        def run(strings: tf.Tensor, graph: NormalisationGraph = graph) -> Any:
            texts, _ = texts_of(strings)
            return strings_of(graph(texts)), graph.are_blank(texts)

        traced = tf.function(run, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))
        found, blank = traced(tf.constant(TEXTS))
        assert [text.decode() for text in found.numpy()] == [settings(text) for text in TEXTS]
        assert blank.numpy().tolist() == [is_blank(text) for text in TEXTS]
        assert traced(tf.constant([], tf.string))[0].numpy().size == 0


def test_unicode_s_own_pairs_are_all_composed() -> None:
    # Every character that has a composed form, taken apart, with a mark that stays between, and behind.
    composed = [chr(point) for point in range(0x110000) if len(unicodedata.normalize("NFD", chr(point))) > 1]
    texts = [unicodedata.normalize("NFD", one) + after for one in composed[::7] for after in ("", "\u0316", "\u0301")]
    graph = NormalisationGraph(Normalisation("NFC", False, False))
    found = strings_of(graph(texts_of(tf.constant(texts))[0]))
    assert [text.decode() for text in found.numpy()] == [unicodedata.normalize("NFC", text) for text in texts]
