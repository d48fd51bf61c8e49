"""Records of a file through a tagger and out again, in order, without holding the file."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from nlp_pipeline.serving.tagger import LoadedTagger, TaggedSentence, TextEntity, sentences_of
from nlp_pipeline.text.sentence import Sentence


@dataclass(frozen=True, slots=True)
class Record:
    """One line of text, one JSON object or one sentence of CoNLL.

    Attributes:
        sentences: what it was cut into; none for an empty line.
        text: the text, where it came as text.
    """

    sentences: tuple[Sentence, ...]
    text: str | None = None

    @classmethod
    def of_text(cls, text: str, place: str) -> Record:
        """Return the record of a line of text, cut into sentences."""
        return cls(tuple(sentences_of(text, place)), text)


@dataclass(frozen=True, slots=True)
class TaggedRecord:
    """A record and its tagged sentences."""

    record: Record
    sentences: tuple[TaggedSentence, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON lines have it.

        A text gives `text` and `entities` with `start`, `end` (code points of the text), `type`, `text` and `score`;
        words give `words`, `tags` (IOB2) and `scores`.
        """
        if self.record.text is not None:
            found = [entity for sentence in self.sentences for entity in sentence.entities_in(self.record.text)]
            return {"text": self.record.text, "entities": [_told(entity) for entity in found]}
        words = [word for sentence in self.sentences for word in sentence.sentence.words]
        tags = [tag for sentence in self.sentences for tag in sentence.tags]
        scores = [round(score, 4) for sentence in self.sentences for score in sentence.confidences]
        return {"words": words, "tags": tags, "scores": scores}


def tag_records(tagger: LoadedTagger, records: Iterable[Record]) -> Iterator[TaggedRecord]:
    """Tag a stream of records, in order; as much is held as the tagger looks ahead."""
    waiting: deque[Record] = deque()

    def sentences() -> Iterator[Sentence]:
        for record in records:
            waiting.append(record)
            yield from record.sentences

    done: list[TaggedSentence] = []
    for tagged in tagger.tag_stream(sentences()):
        while not waiting[0].sentences:
            yield TaggedRecord(waiting.popleft(), ())
        done.append(tagged)
        if len(done) == len(waiting[0].sentences):
            yield TaggedRecord(waiting.popleft(), tuple(done))
            done = []
    for record in waiting:
        yield TaggedRecord(record, ())


def write_json_line(stream: TextIO, tagged: TaggedRecord) -> None:
    """Write a record as one line of JSON."""
    stream.write(json.dumps(tagged.to_json(), ensure_ascii=False) + "\n")


def _told(entity: TextEntity) -> dict[str, Any]:
    return {
        "start": entity.start,
        "end": entity.end,
        "type": entity.entity_type,
        "text": entity.surface,
        "score": round(entity.score, 4),
    }
