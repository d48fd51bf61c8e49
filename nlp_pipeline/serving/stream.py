"""Records through a tagger, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nlp_pipeline.corpora.records import InputRecord
from nlp_pipeline.serving.tagger import LoadedTagger, TaggedSentence, TextEntity, sentences_of
from nlp_pipeline.serving.windows import Limits
from nlp_pipeline.serving.work import Begun, Processed
from nlp_pipeline.text.sentence import Sentence

# About as many words as the tagger looks ahead: more costs memory, and pays little.
TAGGING_LIMITS = Limits(size=200_000, records=40_000)


@dataclass(frozen=True, slots=True)
class TaggedRecord:
    """A record and its tagged sentences; none of a text of white space."""

    record: InputRecord
    sentences: tuple[TaggedSentence, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON lines have it, without its other fields.

        A text gives `text` and `entities` with `start`, `end` (code points of the text), `type`, `text` and `score`;
        words give `words`, `tags` (IOB2) and `scores`.
        """
        text = self.record.text
        if text is not None:
            found = [entity for sentence in self.sentences for entity in sentence.entities_in(text)]
            return {"text": text, "entities": [_told(entity) for entity in found]}
        words = [word for sentence in self.sentences for word in sentence.sentence.words]
        tags = [tag for sentence in self.sentences for tag in sentence.tags]
        scores = [round(score, 4) for sentence in self.sentences for score in sentence.confidences]
        return {"words": words, "tags": tags, "scores": scores}


class TaggingWorker:
    """Tags records.

    Args:
        tagger: does it.
        confidences: whether the words' tags get them.
    """

    def __init__(self, tagger: LoadedTagger, confidences: bool = True) -> None:
        self._tagger = tagger
        self._confidences = confidences

    @property
    def precision(self) -> str:
        """In which the tagger computes."""
        return self._tagger.bundle.recipe.training.precision

    def with_confidences(self, confidences: bool) -> TaggingWorker:
        """Return one with the same tagger whose tags get confidences, or none."""
        return TaggingWorker(self._tagger, confidences)

    def begin(self, records: Sequence[InputRecord], name: str) -> Begun:
        """Begin to make the `TaggedRecord` of each record; counted are `words`, `sentences` and `entities`."""
        cut = [_sentences_of(record, name) for record in records]
        begun = self._tagger.begin([one for sentences in cut for one in sentences], self._confidences)

        def end() -> Processed:
            results = [
                TaggedRecord(record, tuple(islice(begun.results, len(sentences))))
                for record, sentences in zip(records, cut, strict=True)
            ]
            done = [sentence for result in results for sentence in result.sentences]
            words = sum(len(sentence.tags) for sentence in done)
            entities = sum(tag.startswith("B-") for sentence in done for tag in sentence.tags)
            return Processed(results, {"words": words, "sentences": len(done), "entities": entities})

        return Begun(end, begun.cancel)


def _sentences_of(record: InputRecord, name: str) -> list[Sentence]:
    place = f"{name}:{record.line}"
    if record.words is not None:
        return [Sentence(record.words, place=place)]
    return sentences_of(record.text or "", place)


def _told(entity: TextEntity) -> dict[str, Any]:
    return {
        "start": entity.start,
        "end": entity.end,
        "type": entity.entity_type,
        "text": entity.surface,
        "score": round(entity.score, 4),
    }
