"""A loaded translator: sentences in, translations out, each for itself in whatever company."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.translation import EncodedSource, SourcePlaces
from nlp_pipeline.models.search import search
from nlp_pipeline.recipe.translation import Search
from nlp_pipeline.serving.at_once import AtOnce, Begun
from nlp_pipeline.serving.precision import chosen
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.text.normalisation import is_blank
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.parts import parts_of
from nlp_pipeline.text.special import UNKNOWN_ID

# How many sentences are read before any is translated, so that those of one length meet.
LOOK_AHEAD = 2_000
LOOK_AHEAD_CHARACTERS = 400_000
# Subwords of the source times hypotheses that are searched together.
BATCH_SUBWORDS = 4096
# A shortlist of so many takes as much memory as a hypothesis.
SHORTLIST_OF_ONE = 10


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of a sentence.

    Attributes:
        text: plain text.
        subwords: as they are shown, without the end.
        score: what it was ranked by.
        log_probability: of its subwords and its end, in nats.
        weights: attention weights of each subword [T, S], without those of the source's end, for each part in which
            the source was translated; None without attention.
    """

    text: str
    subwords: tuple[str, ...]
    score: float
    log_probability: float
    weights: tuple[NDArray[np.float32], ...] | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class Translation:
    """A sentence with its translations, the best first; an empty line has one empty translation.

    Attributes:
        source: the sentence as it came.
        places: what the decoder attended to.
        hypotheses: at least one, at most as many as were asked for.
        parts: in how many parts the source was translated; 0 for an empty line.
        unknown: how many of them hold nothing that the vocabulary knows. Each of these stands as it is, and so does the
            whole sentence where all are.
    """

    source: str
    places: SourcePlaces
    hypotheses: tuple[Hypothesis, ...]
    parts: int
    unknown: int = 0

    @property
    def text(self) -> str:
        """The best translation."""
        return self.hypotheses[0].text


class LoadedTranslator:
    """A translator that is ready for use.

    Args:
        bundle: the translator.
    """

    def __init__(self, bundle: TranslatorBundle) -> None:
        self.bundle = bundle
        self._at_once = AtOnce()
        self._making = Lock()
        self._search: dict[int, Any] = {}

    @classmethod
    def load(cls, folder: str | PathLike[str], precision: str | None = None) -> LoadedTranslator:
        """Load a bundle's folder.

        Args:
            folder: the bundle's.
            precision: in which it computes, `float32` or `bfloat16`; or `auto`, see `serving.precision`; as it was
                trained where it is left out.

        Raises:
            BundleError: where it is missing, incomplete, altered or not a translator's.
        """
        return cls(TranslatorBundle.read(Path(folder), precision=chosen(precision, Path(folder))))

    def translate(self, text: str, n_best: int = 1, **settings: Any) -> Translation:
        """Translate one sentence; as `translate_stream`.

        Raises:
            TypeError: for anything but a string.
        """
        return next(self.translate_stream([text], n_best, **settings))

    def translate_stream(self, texts: Iterable[str], n_best: int = 1, **settings: Any) -> Iterator[Translation]:
        """Translate sentences, in order, with memory for `LOOK_AHEAD` of them at a time, fewer where they are long.

        Args:
            texts: a sentence each; one of white space has an empty translation.
            n_best: how many translations of each; at most the size of the beam.
            settings: of the search, in the place of the recipe's: `beam_size`, `length_penalty`, `coverage_penalty`,
                `longest`, `part`, `sentences`, `shortlist`.

        Raises:
            TypeError: for one string in the place of several, or anything else among them.
            ValueError: more translations than the beam holds.
            BundleError: a shortlist of a bundle that has none.
        """
        if isinstance(texts, str):
            raise TypeError(f"expected texts; `translate` takes one. Received: {texts!r}")
        searching = self._searching(n_best, settings)
        for window in _windows(texts):
            yield from self._begin(window, n_best, searching).results

    def begin(self, texts: Sequence[str], n_best: int = 1, **settings: Any) -> Begun[Translation]:
        """Begin to translate sentences: the first `LOOK_AHEAD` of them, the others when these are taken.

        Arguments and errors are those of `translate_stream`.
        """
        searching = self._searching(n_best, settings)
        windows = _windows(texts)
        if (first := next(windows, None)) is None:
            return Begun(iter(()))
        begun = self._begin(first, n_best, searching)
        rest = (one for window in windows for one in self._begin(window, n_best, searching).results)
        return Begun(itertools.chain(begun.results, rest), begun.cancel)

    def _searching(self, n_best: int, settings: dict[str, Any]) -> Search:
        searching = Search.model_validate({**self.bundle.recipe.search.model_dump(), **settings})
        if not 1 <= n_best <= searching.beam_size:
            raise ValueError(f"expected n_best from 1 to the beam_size, {searching.beam_size}. Received: {n_best}")
        return searching

    def _begin(self, texts: list[str], n_best: int, searching: Search) -> Begun[Translation]:
        """Begin to translate a window of texts."""
        parts = [self._parts_of(text, searching) for text in texts]
        begun = self._begin_parts([part for of_text in parts for part in of_text], n_best, searching)
        joined = (
            _joined(text, [next(begun.results) for _ in of_text]) for text, of_text in zip(texts, parts, strict=True)
        )
        return Begun(joined, begun.cancel)

    def _parts_of(self, text: str, searching: Search) -> list[str]:
        """Return a normalised text in parts that are translated by themselves; none of what is blank."""
        inputs = self.bundle.inputs
        text = inputs.normalise(text)
        if is_blank(text):
            return []
        longest = searching.part

        def fits(part: str) -> bool:
            # A character gives two subwords at the most, itself and the space before it: what is short is not counted.
            if longest is None or 2 * (len(part) + 1) <= longest:
                return True
            return inputs.encode_sources([part])[0].cost <= longest

        return [part for part in parts_of(text, fits, bool(searching.sentences)) if not is_blank(part)]

    def _begin_parts(self, texts: list[str], n_best: int, searching: Search) -> Begun[Translation]:
        inputs = self.bundle.inputs
        encoded = inputs.encode_sources(texts)
        known = [index for index, source in enumerate(encoded) if inputs.knows(source)]
        costs = [encoded[index].cost for index in known]
        done = {index: self._as_it_is(text) for index, text in enumerate(texts) if not inputs.knows(encoded[index])}
        size = batch_subwords(searching.beam_size, searching.shortlist)
        batches = batches_by_length(costs, size, of_a_batch=size)
        indices_of = [[known[number] for number in batch] for batch in batches]

        def run(indices: Sequence[int]) -> list[NDArray[Any] | None]:
            found = self._run(inputs.source_batch([encoded[index] for index in indices]), searching)
            # The others have attention weights, too, and would be held until they are waited for.
            return [None if one is None else one[:, :n_best].copy() for one in found]

        begun = self._at_once.begin(run, indices_of)

        def results() -> Iterator[Translation]:
            try:
                for indices, found in zip(indices_of, begun.results, strict=True):
                    for row, index in enumerate(indices):
                        places = inputs.source_places(texts[index])
                        of_row = [None if one is None else one[row] for one in found]
                        done[index] = Translation(texts[index], places, self._hypotheses(of_row, n_best, places), 1)
            finally:
                begun.cancel()
            yield from (done[index] for index in range(len(texts)))

        return Begun(results(), begun.cancel)

    def _as_it_is(self, text: str) -> Translation:
        """Return a text as its own translation."""
        places = self.bundle.inputs.source_places(text)
        nowhere = np.zeros((0, len(places.subwords)), np.float32)
        weights = None if self.bundle.recipe.decoder.attention is None else (nowhere,)
        return Translation(text, places, (Hypothesis(text, (), 0.0, 0.0, weights),), 1, 1)

    def _hypotheses(self, found: Sequence[Any], n_best: int, places: SourcePlaces) -> tuple[Hypothesis, ...]:
        ids, lengths, scores, log_probabilities, weights = found
        tokenizer = self.bundle.inputs.target_tokenizer
        hypotheses = []
        for number in range(n_best):
            length = int(lengths[number])
            if length < 0:
                break
            own = ids[number, :length].tolist()
            # A copy, so that the batch's weights are not all kept.
            attended = None if weights is None else weights[number, :length, : len(places.subwords)].copy()
            copies = copies_of(own, attended, places) if tokenizer.kind == "words" else {}
            subwords = tuple(copies.get(at, tokenizer.subword(one)) for at, one in enumerate(own))
            hypotheses.append(
                Hypothesis(
                    tokenizer.decode_with(own, copies),
                    subwords,
                    float(scores[number]),
                    float(log_probabilities[number]),
                    None if attended is None else (attended,),
                )
            )
        return tuple(hypotheses)

    def _run(self, batch: dict[str, Any], searching: Search) -> list[NDArray[Any] | None]:
        with self._making:
            if searching.shortlist not in self._search:
                self._search[searching.shortlist] = self._made_for(signature_of(batch), searching.shortlist)
        numbers = (searching.beam_size, searching.length_penalty, searching.coverage_penalty, searching.longest)
        given = [tf.constant(one, kind) for one, kind in zip(numbers, _KINDS, strict=True)]
        return [None if one is None else one.numpy() for one in self._search[searching.shortlist](batch, *given)]

    def _made_for(self, signature: Any, count: int) -> Any:
        """Return the search as a graph, for all batches of a signature and all settings but the shortlist's."""
        network, shortlist = self.bundle.network, self.bundle.shortlist_of(count)
        numbers = [tf.TensorSpec([], tf.int32), *[tf.TensorSpec([], tf.float32)] * 3]

        def run(batch: Any, beam_size: Any, length_penalty: Any, coverage_penalty: Any, longest: Any) -> Any:
            return tuple(search(network, batch, beam_size, length_penalty, coverage_penalty, longest, shortlist))

        return tf.function(run, input_signature=[signature, *numbers])

    def search_ids(self, sources: Sequence[EncodedSource]) -> list[list[int]]:
        """Return the ids of the best translation of each source, by the recipe's search, all in one batch."""
        found = self._run(self.bundle.inputs.source_batch(sources), self.bundle.recipe.search)
        ids, lengths = found[0], found[1]
        assert ids is not None
        assert lengths is not None
        return [ids[row, 0, : lengths[row, 0]].tolist() for row in range(len(sources))]

    def align(self, pairs: Sequence[SentencePair]) -> list[Translation]:
        """Return given targets as if they had been found, with their probabilities and attention weights."""
        inputs, network = self.bundle.inputs, self.bundle.network
        found = []
        for pair in pairs:
            encoded = inputs.encode([pair])
            batch = {key: tf.constant(value) for key, value in inputs.batch(encoded).items()}
            weights = network.alignments(batch)
            places = inputs.source_places(pair.source)
            own = list(encoded[0].target_ids)
            log_probability = -float(network.losses_of(batch)[0])
            subwords = tuple(inputs.target_tokenizer.subword(one) for one in own)
            attended = None if weights is None else (weights[0, : len(own), : len(places.subwords)].numpy(),)
            hypothesis = Hypothesis(pair.target, subwords, log_probability, log_probability, attended)
            found.append(Translation(pair.source, places, (hypothesis,), 1))
        return found


def _windows(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream of texts into lists of those that are translated together."""
    window: list[str] = []
    characters = 0
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"expected a text. Received: {text!r}")
        window.append(text)
        characters += len(text)
        if len(window) == LOOK_AHEAD or characters >= LOOK_AHEAD_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def _joined(source: str, parts: Sequence[Translation]) -> Translation:
    """Return the translation of a text from those of its parts: the best ones together, then the second best ones."""
    if not parts:
        return Translation(source, SourcePlaces((), (), (), ()), (Hypothesis("", (), 0.0, 0.0, None),), 0)
    subwords: list[str] = []
    word_ids: list[int] = []
    words: list[str] = []
    texts: list[str] = []
    for part in parts:
        subwords += part.places.subwords
        texts += part.places.texts
        word_ids += [len(words) + one for one in part.places.word_ids]
        words += part.places.words
    places = SourcePlaces(tuple(subwords), tuple(texts), tuple(word_ids), tuple(words))
    hypotheses = []
    for number in range(max(len(part.hypotheses) for part in parts)):
        chosen = [part.hypotheses[min(number, len(part.hypotheses) - 1)] for part in parts]
        weights = tuple(block for one in chosen for block in one.weights or ())
        hypotheses.append(
            Hypothesis(
                " ".join(one.text for one in chosen if one.text),
                tuple(subword for one in chosen for subword in one.subwords),
                sum(one.score for one in chosen),
                sum(one.log_probability for one in chosen),
                None if chosen[0].weights is None else weights,
            )
        )
    unknown = sum(part.unknown for part in parts)
    if unknown == len(parts):
        hypotheses = [replace(hypotheses[0], text=source)]
    return Translation(source, places, tuple(hypotheses), len(parts), unknown)


def batch_subwords(beam_size: int, shortlist: int) -> int:
    """Return how many subwords of sources are searched together, at the most; a longer source is alone.

    Each subword of a source brings `shortlist` rows of the output layer with it, so that a greedy search of many
    sentences would hold more of them than of anything else.
    """
    return max(1, BATCH_SUBWORDS // max(beam_size, -(-shortlist // SHORTLIST_OF_ONE)))


def copies_of(ids: Sequence[int], weights: NDArray[np.float32] | None, places: SourcePlaces) -> dict[int, str]:
    """Return what stands for unknown words: the word of the source that the decoder looked at most.

    Luong et al. 2015b, "Addressing the Rare Word Problem in Neural Machine Translation".

    Args:
        ids: of a translation in whole words.
        weights: its attention weights [T, S]; None without attention, which leaves them unknown.
        places: the source's.
    """
    if weights is None or not places.subwords:
        return {}
    unknown = [at for at, one in enumerate(ids) if one == UNKNOWN_ID]
    return {at: places.texts[int(weights[at].argmax())] for at in unknown}


_KINDS = (tf.int32, tf.float32, tf.float32, tf.float32)
