"""Tagging words and texts with a bundle, one or a stream of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import tensorflow as tf

from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.serving.at_once import AtOnce
from nlp_pipeline.serving.precision import chosen
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.text.schemes import Scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

# How much is read before anything is tagged, so that sentences of one length meet: more costs memory, and pays little.
LOOK_AHEAD_WORDS = 40_000
BATCH_SUBWORDS = 1536


@dataclass(frozen=True, slots=True)
class TextEntity:
    """An entity in a text.

    Attributes:
        start, end: code points of the text, half-open: `text[start:end]` is `surface`.
        entity_type: such as `PER`.
        surface: the text of the entity.
        score: the lowest marginal probability among its words' tags.
    """

    start: int
    end: int
    entity_type: str
    surface: str
    score: float


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """A sentence with what the tagger says of it.

    Attributes:
        sentence: the sentence as it came, gold tags included if it had any.
        tags: the predicted tags, in IOB2.
        confidences: how probable each word's tag is, its marginal probability.
    """

    sentence: Sentence
    tags: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def entities(self) -> list[Entity]:
        """The predicted entities, in words."""
        return entities_from_tags(self.tags, Scheme.IOB2)

    def score_of(self, entity: Entity) -> float:
        """Return the lowest confidence among an entity's words."""
        return min(self.confidences[entity.start : entity.end])

    def entities_in(self, text: str) -> list[TextEntity]:
        """Return the predicted entities in the text that the sentence was cut from.

        Raises:
            ValueError: where the sentence has no offsets.
        """
        offsets = self.sentence.offsets
        if offsets is None:
            raise ValueError("expected a sentence cut from a text. Received: one given as words")
        found = []
        for entity in self.entities:
            start, end = offsets[entity.start].start, offsets[entity.end - 1].end
            found.append(TextEntity(start, end, entity.entity_type, text[start:end], self.score_of(entity)))
        return found


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text with its sentences and entities in order."""

    text: str
    sentences: tuple[TaggedSentence, ...]
    entities: tuple[TextEntity, ...]


def sentences_of(text: str, place: str = "") -> list[Sentence]:
    """Cut a text into sentences of words with their code points; a text of spaces has none."""
    return [
        Sentence(tuple(text[span.start : span.end] for span in spans), offsets=tuple(spans), place=place)
        for spans in segment(text)
    ]


class LoadedTagger:
    """A tagger that is ready for use.

    Args:
        bundle: the tagger.
    """

    def __init__(self, bundle: TaggerBundle) -> None:
        self.bundle = bundle
        self._at_once = AtOnce()
        self._making = Lock()
        self._best_tags: Any = None

    @classmethod
    def load(cls, folder: str | PathLike[str], precision: str | None = None) -> LoadedTagger:
        """Load a bundle's folder.

        Args:
            folder: the bundle's.
            precision: in which it computes, `float32` or `bfloat16`; or `auto`, see `serving.precision`; as it was
                trained where it is left out.

        Raises:
            BundleError: where it is missing, incomplete, altered or not a tagger's.
        """
        return cls(TaggerBundle.read(Path(folder), precision=chosen(precision, Path(folder))))

    def tag(self, words: Sequence[str]) -> TaggedSentence:
        """Tag one sentence that is given as words.

        Raises:
            TypeError: for a string, or words that are none.
            ValueError: where there is no word, or an empty one.
        """
        return next(self.tag_stream([words]))

    def tag_text(self, text: str) -> TaggedText:
        """Tag a text: it is cut into sentences and words first.

        Raises:
            TypeError: for anything but a string.
        """
        if not isinstance(text, str):
            raise TypeError(f"expected a text. Received: {text!r}")
        tagged = tuple(self.tag_stream(sentences_of(text)))
        return TaggedText(text, tagged, tuple(entity for one in tagged for entity in one.entities_in(text)))

    def tag_stream(self, sentences: Iterable[Sentence | Sequence[str]]) -> Iterator[TaggedSentence]:
        """Tag sentences, in order, with memory for `LOOK_AHEAD_WORDS` words of them at a time.

        Args:
            sentences: each a list of words, or a `Sentence`.

        Raises:
            TypeError: for a string, or words that are none.
            ValueError: where there is no word, or an empty one.
        """
        for window in _windows(map(_sentence, sentences), LOOK_AHEAD_WORDS):
            yield from self._tag_window(window)

    def _tag_window(self, sentences: list[Sentence]) -> list[TaggedSentence]:
        inputs = self.bundle.inputs
        encoded = inputs.encode([Sentence(sentence.words) for sentence in sentences])
        tagged: list[TaggedSentence | None] = [None] * len(sentences)
        batches = batches_by_length([one.cost for one in encoded], BATCH_SUBWORDS)

        def run(batch: Sequence[int]) -> tuple[Any, Any]:
            return self._run(inputs.batch([encoded[index] for index in batch]))

        for batch, (tag_ids, confidences) in zip(batches, self._at_once.map(run, batches), strict=True):
            for row, index in enumerate(batch):
                sentence = sentences[index]
                length = len(sentence.words)
                names = inputs.tag_set.tags(tag_ids[row, :length].tolist())
                entities = entities_from_tags(names, inputs.tag_set.scheme)
                tags = tuple(tags_from_entities(entities, length, Scheme.IOB2))
                tagged[index] = TaggedSentence(sentence, tags, tuple(confidences[row, :length].tolist()))
        return [one for one in tagged if one is not None]

    def _run(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        with self._making:
            if self._best_tags is None:
                self._best_tags = tf.function(self.bundle.network.best_tags, input_signature=[signature_of(batch)])
        tag_ids, confidences = self._best_tags(batch)
        return tag_ids.numpy(), confidences.numpy()


def _sentence(words: Sentence | Sequence[str]) -> Sentence:
    if isinstance(words, Sentence):
        return words
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"expected a list of words; `tag_text` takes a text. Received: {words!r}")
    return Sentence(tuple(words))


def _windows(sentences: Iterable[Sentence], words: int) -> Iterator[list[Sentence]]:
    """Cut a stream into lists of sentences that hold about so many words, at least one sentence each."""
    stream = iter(sentences)
    while first := list(itertools.islice(stream, 1)):
        window, held = first, len(first[0].words)
        for sentence in stream:
            window.append(sentence)
            held += len(sentence.words)
            if held >= words:
                break
        yield window
