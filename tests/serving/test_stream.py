"""Records through a tagger: one out for each in, in order, empty ones too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nlp_pipeline
from nlp_pipeline.corpora.records import NOTHING, InputRecord, Position
from nlp_pipeline.serving import tagger as module
from nlp_pipeline.serving.forms import json_line
from nlp_pipeline.serving.stream import TaggingWorker
from nlp_pipeline.serving.tagger import LoadedTagger

TEXTS = ["", " ", "Ana Reis lives in Oslo. Rui left. In Lima it rains.", "", "Eva Lund met Rui.", "\t", ""]


def _record(number: int, text: str | None, words: tuple[str, ...] | None = None) -> InputRecord:
    return InputRecord(number, text, words, NOTHING, Position())


@pytest.fixture(scope="module")
def tagger(tiny_bundle: Path) -> LoadedTagger:
    loaded = nlp_pipeline.load(tiny_bundle)
    assert isinstance(loaded, LoadedTagger)
    return loaded


@pytest.mark.parametrize("look_ahead", [1, 7, 20_000])
def test_records_come_out_as_they_went_in(
    tagger: LoadedTagger, monkeypatch: pytest.MonkeyPatch, look_ahead: int
) -> None:
    monkeypatch.setattr(module, "LOOK_AHEAD_WORDS", look_ahead)
    records = [_record(number, text) for number, text in enumerate(TEXTS, start=1)]
    done = TaggingWorker(tagger).begin(records, "file").end()
    assert [one.record for one in done.results] == records
    assert [len(one.sentences) for one in done.results] == [0, 0, 3, 0, 1, 0, 0]
    assert done.results[2].sentences[0].sentence.place == "file:3"
    for one in done.results:
        assert one.to_json()["text"] == one.record.text
        assert [entity["text"] for entity in one.to_json()["entities"]] == [
            entity.surface for entity in tagger.tag_text(one.record.text or "").entities
        ]
    assert done.counts["sentences"] == 4
    assert done.counts["words"] == sum(len(one.sentence.words) for result in done.results for one in result.sentences)
    assert done.counts["entities"] == sum(len(one.to_json()["entities"]) for one in done.results)


def test_nothing_but_empty_lines(tagger: LoadedTagger) -> None:
    done = TaggingWorker(tagger).begin([_record(1, "")] * 3, "file").end()
    assert [one.to_json() for one in done.results] == [{"text": "", "entities": []}] * 3
    assert TaggingWorker(tagger).begin([], "file").end().results == []


def test_without_confidences_the_tags_are_the_same(tagger: LoadedTagger) -> None:
    records = [_record(number, text) for number, text in enumerate(TEXTS, start=1)]
    worker = TaggingWorker(tagger)
    told, plain = (one.begin(records, "file").end() for one in (worker, worker.with_confidences(False)))
    for with_them, without in zip(told.results, plain.results, strict=True):
        for one, other in zip(with_them.sentences, without.sentences, strict=True):
            assert one.tags == other.tags
            assert len(one.confidences) == len(one.tags)
            assert other.confidences == ()
    assert told.counts == plain.counts


def test_words_come_back_with_tags_and_scores(tagger: LoadedTagger) -> None:
    done = TaggingWorker(tagger).begin([_record(1, None, ("Ana", "Reis", "“left”"))], "file").end()
    line = json_line(done.results[0].to_json()).decode("utf-8")
    assert line.endswith("}\n")
    assert "“left”" in line
    content = json.loads(line)
    assert content.keys() == {"words", "tags", "scores"}
    assert content["words"] == ["Ana", "Reis", "“left”"]
    assert content["tags"][:2] == ["B-PER", "I-PER"]
    assert len(content["scores"]) == 3
