"""A stream of records: one out for each in, in order, empty ones too."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import nlp_pipeline
from nlp_pipeline.serving import tagger as module
from nlp_pipeline.serving.stream import Record, tag_records, write_json_line
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.text.sentence import Sentence

TEXTS = ["", " ", "Ana Reis lives in Oslo. Rui left. In Lima it rains.", "", "Eva Lund met Rui.", "\t", ""]


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
    records = [Record.of_text(text, f"file:{number}") for number, text in enumerate(TEXTS)]
    tagged = list(tag_records(tagger, iter(records)))
    assert [one.record for one in tagged] == records
    assert [len(one.sentences) for one in tagged] == [0, 0, 3, 0, 1, 0, 0]
    for one in tagged:
        assert one.to_json()["text"] == one.record.text
        assert [entity["text"] for entity in one.to_json()["entities"]] == [
            entity.surface for entity in tagger.tag_text(one.record.text or "").entities
        ]


def test_nothing_but_empty_lines() -> None:
    class Never:
        def tag_stream(self, sentences: list[Sentence]) -> list[Sentence]:
            return list(sentences)

    tagged = list(tag_records(Never(), [Record.of_text("", "")] * 3))  # type: ignore[arg-type]
    assert [one.to_json() for one in tagged] == [{"text": "", "entities": []}] * 3


def test_words_come_back_with_tags_and_scores(tagger: LoadedTagger) -> None:
    (tagged,) = tag_records(tagger, [Record((Sentence(("Ana", "Reis", "“left”")),))])
    stream = io.StringIO()
    write_json_line(stream, tagged)
    line = stream.getvalue()
    assert line.endswith("}\n")
    assert "“left”" in line
    content = json.loads(line)
    assert content.keys() == {"words", "tags", "scores"}
    assert content["words"] == ["Ana", "Reis", "“left”"]
    assert content["tags"][:2] == ["B-PER", "I-PER"]
    assert len(content["scores"]) == 3
