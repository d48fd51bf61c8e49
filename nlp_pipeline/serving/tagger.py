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
from nlp_pipeline.layers.rounding import Rounded, weights_stay
from nlp_pipeline.serving.at_once import AtOnce, Begun
from nlp_pipeline.serving.precision import chosen
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.text.schemes import Scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

# How much is read before anything is tagged, so that sentences of one length meet: more costs memory, and pays little.
LOOK_AHEAD_WORDS = 40_000
BATCH_SUBWORDS = 1536
# As many windows as the records that are processed together make, unless one of them is a book.
_BEGUN = 3


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
        confidences: how probable each word's tag is, its marginal probability; none where they were not asked for.
    """

    sentence: Sentence
    tags: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def entities(self) -> list[Entity]:
        """The predicted entities, in words."""
        return entities_from_tags(self.tags, Scheme.IOB2)

    def score_of(self, entity: Entity) -> float:
        """Return the lowest confidence among an entity's words.

        Raises:
            ValueError: where the words have none.
        """
        if not self.confidences:
            raise ValueError("expected a sentence that was tagged with confidences, received one without")
        return min(self.confidences[entity.start : entity.end])

    def entities_in(self, text: str) -> list[TextEntity]:
        """Return the predicted entities in the text that the sentence was cut from.

        Raises:
            ValueError: where the sentence has no offsets, or its words no confidences.
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
    """A tagger that is ready for use, with the weights that its network has when something is tagged first.

    Args:
        bundle: the tagger.
    """

    def __init__(self, bundle: TaggerBundle) -> None:
        self.bundle = bundle
        self._at_once = AtOnce()
        self._making = Lock()
        # With confidences, and without.
        self._best_tags: dict[bool, Any] = {}
        self._rounded: Rounded = {}

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
            yield from self._begin(window, True).results

    def begin(self, sentences: Sequence[Sentence], confidences: bool = True) -> Begun[TaggedSentence]:
        """Begin to tag sentences: the first windows of `LOOK_AHEAD_WORDS` words, the others when these are taken.

        Args:
            sentences: they.
            confidences: whether they are told how probable their tags are, which takes some per cent of the time.
        """
        windows = _windows(iter(sentences), LOOK_AHEAD_WORDS)
        begun: list[Begun[TaggedSentence]] = []

        def cancel() -> None:
            for one in begun:
                one.cancel()

        try:
            begun += (self._begin(window, confidences) for window in itertools.islice(windows, _BEGUN))
        except BaseException:
            cancel()
            raise
        rest = (self._begin(window, confidences) for window in windows)
        return Begun((one for part in itertools.chain(begun, rest) for one in part.results), cancel)

    def _begin(self, sentences: list[Sentence], with_confidences: bool) -> Begun[TaggedSentence]:
        """Begin to tag a window of sentences."""
        inputs = self.bundle.inputs
        encoded = inputs.encode([Sentence(sentence.words) for sentence in sentences])
        batches = batches_by_length([one.cost for one in encoded], BATCH_SUBWORDS, [len(one.words) for one in encoded])

        def run(batch: Sequence[int]) -> tuple[Any, Any]:
            return self._run(inputs.batch([encoded[index] for index in batch]), with_confidences)

        begun = self._at_once.begin(run, batches)

        def results() -> Iterator[TaggedSentence]:
            tagged: dict[int, TaggedSentence] = {}
            try:
                for batch, (tag_ids, confidences) in zip(batches, begun.results, strict=True):
                    for row, index in enumerate(batch):
                        sentence = sentences[index]
                        length = len(sentence.words)
                        names = inputs.tag_set.tags(tag_ids[row, :length].tolist())
                        entities = entities_from_tags(names, inputs.tag_set.scheme)
                        tags = tuple(tags_from_entities(entities, length, Scheme.IOB2))
                        told = () if confidences is None else tuple(confidences[row, :length].tolist())
                        tagged[index] = TaggedSentence(sentence, tags, told)
            finally:
                begun.cancel()
            yield from (tagged[index] for index in range(len(sentences)))

        return Begun(results(), begun.cancel)

    def _run(self, batch: dict[str, Any], with_confidences: bool) -> tuple[Any, Any]:
        with self._making:
            if with_confidences not in self._best_tags:
                network = self.bundle.network
                asked = network.best_tags if with_confidences else network.best_path

                def function(batch: dict[str, Any]) -> Any:
                    with weights_stay(self._rounded):
                        return asked(batch)

                self._best_tags[with_confidences] = tf.function(function, input_signature=[signature_of(batch)])
        found = self._best_tags[with_confidences](batch)
        if with_confidences:
            return found[0].numpy(), found[1].numpy()
        return found.numpy(), None


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
