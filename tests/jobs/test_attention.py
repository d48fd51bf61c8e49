"""Where a decoder looked, by words: in Chinese or Thai a word is a subword, since no space tells where it ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from nlp_pipeline.inputs.translation import SourcePlaces
from nlp_pipeline.jobs.attention import alignment_of, joined_to_words
from nlp_pipeline.serving.translator import Hypothesis, LoadedTranslator, Translation
from nlp_pipeline.text.code_points import is_unspaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("一只狗", True), ("犬が", True), ("コ", True), ("หมา", True), ("ខ្មែរ", True), ("မြန်မာ", True)),
        *(("chien", False), ("собака", False), ("개가", False), ("كلب", False), ("42", False), ("", False)),
    ],
)
def test_scripts_that_put_no_spaces_between_words(text: str, expected: bool) -> None:
    assert is_unspaced(text) is expected


class _Subwords:
    kind = "bpe"


class _Translator:
    """What `joined_to_words` asks of a translator."""

    @property
    def bundle(self) -> _Translator:
        return self

    inputs = bundle
    target_tokenizer = _Subwords()


def _joined(
    source: Sequence[str], word_ids: Sequence[int], words: Sequence[str], target: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    weights = np.full((len(target), len(source)), 1 / len(source), np.float32)
    best = Hypothesis("", tuple(target), 0.0, 0.0, (weights,))
    found = Translation("", SourcePlaces(tuple(source), tuple(source), tuple(word_ids), tuple(words)), (best,), 1)
    aligned = alignment_of(found)
    assert aligned is not None
    translator: LoadedTranslator = _Translator()  # type: ignore[assignment]
    joined = joined_to_words(translator, found, aligned)
    return joined.source_tokens, joined.target_tokens, joined.weights


def test_subwords_of_a_word_are_one_and_those_without_spaces_are_many() -> None:
    english = ("▁a", "▁black", "bird", ".")
    chinese = ("▁一只", "黑", "鸟", "。")
    mixed = ("▁Der", "▁wei", "ße", "▁黑", "鸟")
    words = ("a", "blackbird.")
    source, target, weights = _joined(english, (0, 1, 1, 1), words, chinese)
    assert (source, target) == (words, ("一只", "黑", "鸟", "。"))
    assert weights == pytest.approx(np.tile([0.25, 0.75], (4, 1)))
    source, target, weights = _joined(chinese, (0, 0, 0, 0), ("一只黑鸟。",), mixed)
    assert (source, target) == (("一只", "黑", "鸟", "。"), ("Der", "weiße", "黑", "鸟"))
    assert weights == pytest.approx(np.full((4, 4), 0.25))


def test_a_word_without_any_subword_keeps_its_place() -> None:
    source, _, weights = _joined(("▁a", "▁b"), (0, 2), ("a", "\ufe0f", "b"), ("▁x",))
    assert source == ("a", "\ufe0f", "b")
    assert weights[0, 1] == 0
