"""Trained subwords: there and back, the same in every process, and nothing that a text can spell breaks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.errors import BundleError
from nlp_pipeline.subwords.trained_tokenizer import KINDS, SPECIAL_SUBWORDS, Kind, TrainedTokenizer
from nlp_pipeline.text.normalisation import Normalisation
from nlp_pipeline.text.spans import Span

CORPUS = [
    "The red house is near the old bridge.",
    "La maison rouge est près du vieux pont.",
    "He said: 'No!' (twice), in 1984 and 2015.",
    "L'été dernier, 50 % des gens ont dit « non ».",
    "the the the bridge bridge of the house",
    "Die Straße heißt [PAD]_▁ und 你好 👩‍🚀.",
]
ALPHABET = sorted({*"".join(CORPUS)})
SPELLED = ["[PAD]", "[UNK]", "[START]", "[END]", "</s>", "▁", "▁▁ ▁", "a▁b", "[UNK][UNK]"]

normalised = st.lists(st.text(st.sampled_from(ALPHABET)), max_size=20).map(" ".join).map(Normalisation())


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> TrainedTokenizer:
    return TrainedTokenizer.train(CORPUS, request.param, 150, minimum=1)


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def subwords(request: pytest.FixtureRequest) -> TrainedTokenizer:
    return TrainedTokenizer.train(CORPUS, request.param, 150, minimum=1)


@pytest.fixture(scope="module")
def words() -> TrainedTokenizer:
    return TrainedTokenizer.train(CORPUS, "words", 500, minimum=1)


def test_how_a_text_is_cut(words: TrainedTokenizer) -> None:
    (ids,) = words.encode(["He said: 'No!' (twice), in 1984."])
    received = [words.subword(number) for number in ids]
    assert received == [
        *("▁He", "▁said", ":", "▁'", "No", "!", "'", "▁(", "twice", ")", ",", "▁in"),
        *("▁1", "9", "8", "4", "."),
    ]


def test_the_corpus_itself_comes_back(tokenizer: TrainedTokenizer) -> None:
    if tokenizer.kind == "words":
        tokenizer = TrainedTokenizer.train(CORPUS, "words", 500, minimum=1)
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(CORPUS)] == CORPUS
    assert tokenizer.unknown_characters(CORPUS) == Counter()


@given(text=st.one_of(normalised, st.text(st.sampled_from(ALPHABET))))
def test_there_and_back(subwords: TrainedTokenizer, text: str) -> None:
    (ids,) = subwords.encode([text])
    assert subwords.decode(ids) == text
    assert not set(ids) & {0, 1, 2, 3}


def test_longer_subwords_are_learnt(subwords: TrainedTokenizer) -> None:
    frequent = [subwords.encode([word])[0] for word in ("the", "bridge", "house")]
    assert [len(ids) for ids in frequent] == [1, 1, 1]
    assert [subwords.subword(ids[0]) for ids in frequent] == ["▁the", "▁bridge", "▁house"]


def test_the_first_ids_are_special(tokenizer: TrainedTokenizer) -> None:
    tokenizer = TrainedTokenizer.train(CORPUS[:5], tokenizer.kind, 150, minimum=1)
    assert tuple(tokenizer.subword(number) for number in range(4)) == SPECIAL_SUBWORDS
    assert len({tokenizer.subword(number) for number in range(4, len(tokenizer))}) == len(tokenizer) - 4
    assert len(tokenizer) <= 150
    for outside in (-1, len(tokenizer)):
        with pytest.raises(ValueError, match=f"Received: {outside}"):
            tokenizer.subword(outside)


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_spells_a_special_subword_is_text(kind: Kind) -> None:
    tokenizer = TrainedTokenizer.train([*CORPUS, *SPELLED], kind, 500, minimum=1)
    for text, ids in zip(SPELLED, tokenizer.encode(SPELLED), strict=True):
        assert not set(ids) & {0, 1, 2, 3}
        assert tokenizer.decode(ids) == text


def test_special_ids_are_passed_over(tokenizer: TrainedTokenizer) -> None:
    (ids,) = tokenizer.encode(["the house"])
    assert tokenizer.decode([2, *ids, 3, 0, 0]) == "the house"
    assert tokenizer.decode([0, 1, 2, 3]) == tokenizer.decode([]) == ""


@given(text=st.one_of(normalised, st.text(st.characters(codec="utf-8")), st.text(st.sampled_from([*" ▁a1.漢", "é"]))))
def test_places_slice_the_text(tokenizer: TrainedTokenizer, text: str) -> None:
    ids, shown, words, spans = found = tokenizer.encode_with_words(text)
    assert ids == tokenizer.encode([text])[0]
    assert len({len(part) for part in found}) == 1
    begins = [0]
    for word in text.split(" "):
        begins.append(begins[-1] + len(word) + 1)
    for subword, number, span in zip(shown, words, spans, strict=True):
        surface = text[span.start : span.end]
        assert len(surface) == len(span)
        if subword != "▁":
            assert surface == subword.removeprefix("▁") or surface == subword
            assert begins[number] <= span.start < span.end < begins[number + 1]
    if text:
        assert set(words) == set(range(len(text.split(" "))))
    if text == Normalisation()(text):
        for number, word in enumerate(text.split(" ") if text else []):
            covered = {p for w, s in zip(words, spans, strict=True) if w == number for p in range(s.start, s.end)}
            assert covered == set(range(begins[number], begins[number] + len(word)))


def test_words_and_places_by_hand(words: TrainedTokenizer) -> None:
    found = words.encode_with_words("the (Zzyzx) bridge.")
    assert found.subwords == ["▁the", "▁(", "Zzyzx", ")", "▁bridge", "."]
    assert [number == 1 for number in found.ids] == [False, False, True, False, False, False]
    assert found.words == [0, 1, 1, 1, 2, 2]
    assert found.spans == [Span(0, 3), Span(4, 5), Span(5, 10), Span(10, 11), Span(12, 18), Span(18, 19)]


def test_lower_casing_keeps_places() -> None:
    tokenizer = TrainedTokenizer.train([*CORPUS, "i\u0307"], "bpe", 200, lowercase=True, minimum=1)
    assert tokenizer.decode(tokenizer.encode(["THE Red HOUSE"])[0]) == "the red house"
    text = "İİ STRASSE the"
    found = tokenizer.encode_with_words(text)
    assert {text[span.start : span.end] for span, word in zip(found.spans, found.words, strict=True) if word == 2} == {
        "the"
    }
    assert tokenizer.unknown_characters(["THE İ Ж"]) == Counter("Ж")


def test_an_unknown_run_is_one_subword(subwords: TrainedTokenizer) -> None:
    found = subwords.encode_with_words("house жзж, the")
    assert found.subwords == ["▁house", "▁", "жзж", ",", "▁the"]
    assert found.ids[2] == 1
    assert found.spans[1] == found.spans[2] == Span(6, 9)
    assert subwords.decode(found.ids) == "house , the"
    assert subwords.unknown_characters(["house жзж", "ж\ud800"]) == Counter({"ж": 3, "з": 1, "\ud800": 1})


def test_a_space_before_what_is_unknown_is_nothing_known(tokenizer: TrainedTokenizer) -> None:
    for text, known in (("жж ж", False), ("ж", False), ("жж the", True), ("", False)):
        ids = tokenizer.encode([text])[0]
        assert tokenizer.knows_any(ids) == known
        assert tokenizer.knows_any([*ids, 3, 2, 0]) == known


def test_unknown_subwords_are_copied(subwords: TrainedTokenizer, words: TrainedTokenizer) -> None:
    source = subwords.encode_with_words("house жзж, the")
    assert subwords.decode_with(source.ids, dict(enumerate(source.subwords))) == "house жзж, the"

    source = words.encode_with_words("the Zzyzx bridge (Qx).")
    assert source.subwords[1] == "▁Zzyzx"
    assert words.decode(source.ids) == "the bridge ()."
    assert words.decode_with(source.ids, dict(enumerate(source.subwords))) == "the Zzyzx bridge (Qx)."
    assert words.decode_with(source.ids, {1: "Zzyzx"}) == "the Zzyzx bridge ()."
    assert words.decode_with([1, *words.encode(["the"])[0]], {0: "▁Ana", 1: "nothing"}) == "Ana the"


@pytest.mark.parametrize("character", ["a", "ж", "▁", " ", "你", "👩", "1", ".", "\u0301", "\u05d0"])
def test_a_character_a_hundred_thousand_times(tokenizer: TrainedTokenizer, character: str) -> None:
    text = character * 100_000
    began = time.perf_counter()
    (ids,) = tokenizer.encode([text])
    found = tokenizer.encode_with_words(text)
    assert found.ids == ids
    if 1 not in ids:
        assert tokenizer.decode(ids) == text
    assert time.perf_counter() - began < 30, "it takes about one second"


def test_a_corpus_with_a_huge_word() -> None:
    for kind in KINDS:
        began = time.perf_counter()
        tokenizer = TrainedTokenizer.train([*CORPUS, "ab" * 50_000], kind, 150, minimum=1)
        assert tokenizer.decode(tokenizer.encode(["ab" * 50_000])[0]) == "ab" * 50_000
        assert time.perf_counter() - began < 60, "it takes a few seconds"


@pytest.mark.parametrize(
    "text", ["", " ", "  a ", "\0\x01", "\ufffe\ufdd0\U0010ffff", "שלום עולם", "مرحبا بالعالم", "🇧🇷👨‍👩‍👧", "\r\n\t"]
)
def test_awkward_texts(tokenizer: TrainedTokenizer, text: str) -> None:
    (ids,) = tokenizer.encode([text])
    assert tokenizer.encode_with_words(text).ids == ids
    assert isinstance(tokenizer.decode(ids), str)
    own = TrainedTokenizer.train([f"{text}."], tokenizer.kind, 100, minimum=1)
    assert own.decode(own.encode([f"{text}."])[0]) == f"{text}."


def test_a_lone_surrogate_is_refused(tokenizer: TrainedTokenizer) -> None:
    for call in (tokenizer.encode, lambda texts: TrainedTokenizer.train(texts, tokenizer.kind, 100)):
        with pytest.raises(ValueError, match="a lone surrogate"):
            call(["right", "a\udc80b"])
    with pytest.raises(ValueError, match="a lone surrogate"):
        tokenizer.encode_with_words("\ud800")


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_size_below_the_alphabet_keeps_the_commonest_characters(kind: Kind) -> None:
    texts = ["aaaa bbb cc cc", "aaaa bbb dd e\n"]
    tokenizer = TrainedTokenizer.train(texts, kind, 8, minimum=1)
    assert {tokenizer.subword(number) for number in range(4, len(tokenizer))} == {"▁", "a", "b", "c"}
    assert tokenizer.unknown_characters(texts) == Counter({"d": 2, "e": 1, "\n": 1})
    assert tokenizer.decode(tokenizer.encode(["abed"])[0]) == "ab"


@pytest.mark.parametrize("kind", KINDS)
def test_the_minimum(kind: Kind) -> None:
    tokenizer = TrainedTokenizer.train(["abab", "abab", "xyz"], kind, 100, minimum=2)
    kept = {tokenizer.subword(number) for number in range(4, len(tokenizer))}
    assert "▁abab" in kept
    assert not {"▁xyz", "xyz", "xy", "yz"} & kept
    assert ({"x", "y", "z"} <= kept) == (kind != "words")


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_of_one_character(kind: Kind) -> None:
    tokenizer = TrainedTokenizer.train(["a"], kind, 100, minimum=1)
    assert tokenizer.decode(tokenizer.encode(["a"])[0]) == "a"


@pytest.mark.parametrize(
    ("setting", "received"),
    [
        ({"texts": []}, "none that holds a character"),
        ({"texts": ["", ""]}, "none that holds a character"),
        ({"size": 5}, "Received: 5 and 2"),
        ({"minimum": 0}, "Received: 100 and 0"),
        ({"kind": "wordpiece"}, "Received: 'wordpiece'"),
    ],
)
def test_what_cannot_be_learnt_from(setting: dict[str, Any], received: str) -> None:
    with pytest.raises(ValueError, match=received):
        TrainedTokenizer.train(**{"texts": CORPUS, "kind": "bpe", "size": 100, "minimum": 2, **setting})


def test_the_same_vocabulary_in_every_process() -> None:
    program = (
        "import sys, json; from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer as T;"
        "texts = [' '.join(str(n * n * m) for m in range(9)) + ' abcde'[: n % 7] for n in range(200)];"
        "json.dump([T.train(texts, kind, 90).to_json() for kind in ('bpe', 'unigram', 'words')], sys.stdout)"
    )
    received = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment)
        received.add(done.stdout)
    assert len(received) == 1


def test_the_order_of_the_texts_makes_no_difference(tokenizer: TrainedTokenizer) -> None:
    again = TrainedTokenizer.train(iter(CORPUS[::-1]), tokenizer.kind, 150, minimum=1)
    assert again.to_json() == tokenizer.to_json()


@pytest.mark.parametrize("lowercase", [False, True])
def test_saved_and_loaded(tmp_path: Path, tokenizer: TrainedTokenizer, lowercase: bool) -> None:
    tokenizer = TrainedTokenizer.train(CORPUS, tokenizer.kind, 120, lowercase)
    tokenizer.save(tmp_path, "subwords")
    assert [path.name for path in tmp_path.iterdir()] == ["subwords.json"]
    again = TrainedTokenizer.load(tmp_path, "subwords")
    assert (again.kind, again.lowercase, len(again)) == (tokenizer.kind, lowercase, len(tokenizer))
    texts = [*CORPUS, *SPELLED, "ΑΒΣ жзж"]
    assert again.encode(texts) == tokenizer.encode(texts)
    assert [again.encode_with_words(text) for text in texts] == [tokenizer.encode_with_words(text) for text in texts]
    assert json.loads(json.dumps(again.to_json())) == tokenizer.to_json()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "bpe", "lowercase": false, "tokenizer": {}}', "\ud800"])
def test_a_file_that_is_no_tokenizer(tmp_path: Path, content: str) -> None:
    path = tmp_path / "subwords.json"
    with pytest.raises(BundleError, match="received no such file"):
        TrainedTokenizer.load(tmp_path, "subwords")
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(BundleError) as caught:
        TrainedTokenizer.load(tmp_path, "subwords")
    assert str(caught.value).startswith(f"{path}: expected a trained tokenizer, received: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_foreign_vocabulary_is_refused(words: TrainedTokenizer) -> None:
    content = words.to_json()
    with pytest.raises(ValueError, match="Received: 'other'"):
        TrainedTokenizer.from_json({**content, "kind": "other"})
    vocabulary = content["tokenizer"]["model"]["vocab"]
    vocabulary["[END]"], vocabulary["[START]"] = 2, 3
    with pytest.raises(ValueError, match="first"):
        TrainedTokenizer.from_json(content)
