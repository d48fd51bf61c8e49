"""A loaded tagger: words, texts, and the scores that belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nlp_pipeline
from nlp_pipeline.serving import tagger as module
from nlp_pipeline.serving.tagger import LoadedTagger, TaggedSentence, sentences_of
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity, Span


@pytest.fixture(scope="module")
def tagger(tiny_bundle: Path) -> LoadedTagger:
    loaded = nlp_pipeline.load(tiny_bundle)
    assert isinstance(loaded, LoadedTagger)
    return loaded


def test_what_was_learnt_by_heart_is_found(tagger: LoadedTagger) -> None:
    tagged = tagger.tag(["Ana", "Reis", "lives", "in", "Oslo", "."])
    assert tagged.tags == ("B-PER", "I-PER", "O", "O", "B-LOC", "O")
    assert tagged.entities == [Entity(0, 2, "PER"), Entity(4, 5, "LOC")]
    assert tagged.score_of(tagged.entities[0]) == min(tagged.confidences[:2])


def test_a_text_is_cut_and_its_entities_slice_it(tagger: LoadedTagger) -> None:
    text = "\tAna Reis lives in Oslo.\nRui left New York for Lima."
    tagged = tagger.tag_text(text)
    assert [(entity.surface, entity.entity_type) for entity in tagged.entities] == [
        ("Ana Reis", "PER"),
        ("Oslo", "LOC"),
        ("Rui", "PER"),
        ("New York", "LOC"),
        ("Lima", "LOC"),
    ]
    for entity in tagged.entities:
        assert text[entity.start : entity.end] == entity.surface
    assert len(tagged.sentences) == 2
    assert tagger.tag_text(" \n").sentences == ()


@pytest.mark.parametrize("words", [[], ["Ana", ""]])
def test_no_word_is_refused(tagger: LoadedTagger, words: list[str]) -> None:
    with pytest.raises(ValueError, match="expected words, none of them empty"):
        tagger.tag(words)


def test_a_text_for_words_and_words_for_a_text_are_refused(tagger: LoadedTagger) -> None:
    with pytest.raises(TypeError, match=r"`tag_text` takes a text\. Received: 'Ana left'"):
        tagger.tag("Ana left")
    for wrong in (["Ana"], None):
        with pytest.raises(TypeError, match=r"expected a text\. Received"):
            tagger.tag_text(wrong)  # type: ignore[arg-type]


def test_a_stream_takes_lists_of_words(tagger: LoadedTagger) -> None:
    sentences = [["Ana", "Reis", "left"], ("Rui", "left", "Oslo")]
    assert list(tagger.tag_stream(sentences)) == [tagger.tag(words) for words in sentences]
    with pytest.raises(TypeError, match="expected a list of words"):
        list(tagger.tag_stream("Ana"))


def test_gold_tags_stay_and_change_nothing(tagger: LoadedTagger) -> None:
    sentence = Sentence(("Ana", "left"), tags=("B-MISC", "I-MISC"), document=3, place="here:1")
    (tagged,) = tagger.tag_stream([sentence])
    assert tagged.sentence is sentence
    assert tagged.tags == tagger.tag(["Ana", "left"]).tags


def test_a_stream_is_read_no_further_than_the_look_ahead(tagger: LoadedTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AHEAD_WORDS", 6)
    read = 0

    def sentences() -> Iterator[Sentence]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield Sentence((f"w{number}", "left"))

    stream = tagger.tag_stream(sentences())
    assert next(stream).sentence.words == ("w0", "left")
    assert read == 3
    assert [next(stream).sentence.words[0] for _ in range(7)] == [f"w{number}" for number in range(1, 8)]
    assert read == 9


def test_a_sentence_longer_than_the_look_ahead_is_one(tagger: LoadedTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AHEAD_WORDS", 5)
    lengths = [1, 50, 2]
    tagged = list(tagger.tag_stream(Sentence(("Ana",) * length) for length in lengths))
    assert [len(one.tags) for one in tagged] == lengths
    assert list(tagger.tag_stream([])) == []


def test_entities_in_a_text_need_offsets() -> None:
    sentence = Sentence(("Ana", "left"))
    tagged = TaggedSentence(sentence, ("B-PER", "O"), (0.9, 0.8))
    with pytest.raises(ValueError, match="expected a sentence cut from a text"):
        tagged.entities_in("Ana left")


def test_the_score_of_an_entity_is_its_least_sure_word() -> None:
    offsets = (Span(2, 5), Span(6, 10), Span(11, 15))
    sentence = Sentence(("Ana", "Reis", "left"), offsets=offsets)
    tagged = TaggedSentence(sentence, ("B-PER", "I-PER", "O"), (0.9, 0.6, 0.2))
    (entity,) = tagged.entities_in("- Ana Reis left")
    assert (entity.start, entity.end, entity.surface, entity.score) == (2, 10, "Ana Reis", 0.6)


def test_sentences_know_where_they_stand() -> None:
    (first, second) = sentences_of("Ana left. Rui came.", place="line:4")
    assert first.words == ("Ana", "left", ".")
    assert second.offsets == (Span(10, 13), Span(14, 18), Span(18, 19))
    assert second.place == "line:4"
