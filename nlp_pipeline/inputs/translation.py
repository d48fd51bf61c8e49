"""Sentence pairs become batches of arrays for a translator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.inputs.steps import in_steps
from nlp_pipeline.inputs.windows import padded, window_arrays
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.pieces import SPACE
from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer
from nlp_pipeline.text.normalisation import Normalisation
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.special import END_ID, START_ID

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class EncodedSource:
    """A source as numbers.

    Attributes:
        ids: of its trained subwords; empty with a BERT encoder.
        subwords: with a BERT encoder, for each place that is attended to, the ids of its subwords.
        length: how many places the decoder can attend to.
        cost: how much of a batch it takes.
    """

    ids: Sequence[int]
    subwords: Sequence[Sequence[int]]
    length: int
    cost: int


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A sentence pair as numbers: the source, and the ids of the target's subwords without start and end."""

    source: EncodedSource
    target_ids: Sequence[int]

    @property
    def cost(self) -> int:
        """How much of a batch it takes: the longer side, with what is added to it."""
        return max(self.source.cost, len(self.target_ids) + 1)


class SourcePlaces(NamedTuple):
    """What the decoder attends to in a source, but for its end, as it is shown.

    Attributes:
        subwords: of each place; of a place that is a whole word to BERT, its subwords together.
        texts: what stands there in the text, with `▁` for a space before; of a subword of BERT, its whole word.
        word_ids: of which word each is a part, never decreasing.
        words: the words' texts.
    """

    subwords: tuple[str, ...]
    texts: tuple[str, ...]
    word_ids: tuple[int, ...]
    words: tuple[str, ...]


class TranslationInputs:
    """Turns sentence pairs into batches for a translator.

    Args:
        recipe: which features the translator sees.
        source_tokenizer: of trained subwords; None with a BERT encoder.
        target_tokenizer: likewise; the same object where both sides share a vocabulary.
        bert_tokenizer: the BERT encoder's, where the recipe has one.
    """

    def __init__(
        self,
        recipe: TranslationRecipe,
        source_tokenizer: TrainedTokenizer | None,
        target_tokenizer: TrainedTokenizer,
        bert_tokenizer: CheckpointTokenizer | None,
    ) -> None:
        if (source_tokenizer is None) == (bert_tokenizer is None):
            raise ValueError("expected either a source_tokenizer or a bert_tokenizer. Received: both, or neither")
        self.recipe = recipe
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.bert_tokenizer = bert_tokenizer
        self.normalise = normalisation_of(recipe)

    def encode_sources(self, texts: Sequence[str]) -> list[EncodedSource]:
        """Return sources as numbers; each holds at least one character that is not white space.

        Args:
            texts: as they came; they are normalised here.
        """
        normalised = [self.normalise(text) for text in texts]
        if self.source_tokenizer is not None:
            # The end is a place of its own, so that nothing but an end can be attended to as well.
            ends = [[*ids, END_ID] for ids in self.source_tokenizer.encode(normalised)]
            return [EncodedSource(ids, (), len(ids), len(ids)) for ids in ends]
        assert self.bert_tokenizer is not None
        assert self.recipe.bert is not None
        encoded = []
        for text in normalised:
            words = [text[span.start : span.end] for sentence in segment(text) for span in sentence]
            subwords: list[tuple[int, ...]] = self.bert_tokenizer.subwords_of(words)
            if self.recipe.bert.level == "subword":
                subwords = [(subword,) for of_word in subwords for subword in of_word]
            encoded.append(EncodedSource((), subwords, len(subwords), sum(map(len, subwords)) + 2))
        return encoded

    def encode(self, pairs: Sequence[SentencePair]) -> list[EncodedPair]:
        """Return sentence pairs as numbers."""
        sources = self.encode_sources([pair.source for pair in pairs])
        targets = self.target_tokenizer.encode([self.normalise(pair.target) for pair in pairs])
        return [EncodedPair(source, target) for source, target in zip(sources, targets, strict=True)]

    def source_places(self, text: str) -> SourcePlaces:
        """Return what the decoder attends to in a source, but for its end."""
        text = self.normalise(text)
        if self.source_tokenizer is not None:
            cut = self.source_tokenizer.encode_with_words(text)
            subwords = tuple(cut.subwords)
            return SourcePlaces(subwords, subwords, tuple(cut.words), tuple(text.split(" ")))
        assert self.bert_tokenizer is not None
        assert self.recipe.bert is not None
        spans = [span for sentence in segment(text) for span in sentence]
        words = [text[span.start : span.end] for span in spans]
        # Where there is nothing before, a space is taken away again.
        spaces = [SPACE if not span.start or text[span.start - 1].isspace() else "" for span in spans]
        of_words: list[tuple[int, ...]] = self.bert_tokenizer.subwords_of(words)
        places = [
            (word, place)
            for word, of_word in enumerate(of_words)
            for place in ([of_word] if self.recipe.bert.level == "word" else [(one,) for one in of_word])
        ]
        shown = tuple(self.bert_tokenizer.shown(place) for _, place in places)
        texts = tuple(spaces[word] + words[word] for word, _ in places)
        return SourcePlaces(shown, texts, tuple(word for word, _ in places), tuple(words))

    def knows(self, source: EncodedSource) -> bool:
        """Return whether anything of a source is in the vocabulary."""
        if self.bert_tokenizer is None:
            assert self.source_tokenizer is not None
            return self.source_tokenizer.knows_any(source.ids)
        return any(one != self.bert_tokenizer.unknown_id for place in source.subwords for one in place)

    def source_batch(
        self,
        sources: Sequence[EncodedSource],
        vectors: Sequence[NDArray[Any]] | None = None,
        for_training: bool = False,
    ) -> Batch:
        """Return a batch of B sources of up to S places.

        Args:
            sources: at least one.
            vectors: for each the kept vectors of its places [S, M, E], which replace BERT's subwords.
            for_training: whether an encoder that masks words in training will be trained on it.

        Returns:
            source_mask [B, S] bool; and source_ids [B, S] int32, or the arrays of `window_arrays`, or word_vectors
            [places, M, E], without padding, as `in_steps` gives them.
        """
        width = max(source.length for source in sources)
        batch: Batch = {"source_mask": np.arange(width) < np.array([source.length for source in sources])[:, None]}
        if vectors is not None:
            batch["word_vectors"] = in_steps(vectors)
        elif self.bert_tokenizer is not None:
            assert self.recipe.bert is not None
            subwords = [source.subwords for source in sources]
            batch.update(window_arrays(subwords, width, self.recipe.bert, self.bert_tokenizer, for_training))
        else:
            batch["source_ids"] = padded([source.ids for source in sources], width)
        return batch

    def batch(
        self,
        pairs: Sequence[EncodedPair],
        vectors: Sequence[NDArray[Any]] | None = None,
        for_training: bool = False,
    ) -> Batch:
        """Return a batch of B sentence pairs, of up to T subwords and an end on the target's side.

            decoder_inputs   [START] der Hund
            target_ids       der     Hund  [END]

        Args:
            pairs: at least one.
            vectors: as for `source_batch`.
            for_training: as for `source_batch`.

        Returns:
            what `source_batch` returns; decoder_inputs and target_ids [B, T] int32; padding_mask [B, T] bool, True
            where there is a subword to be predicted.
        """
        batch = self.source_batch([pair.source for pair in pairs], vectors, for_training)
        width = max(len(pair.target_ids) for pair in pairs) + 1
        batch["decoder_inputs"] = padded([[START_ID, *pair.target_ids] for pair in pairs], width)
        batch["target_ids"] = padded([[*pair.target_ids, END_ID] for pair in pairs], width)
        batch["padding_mask"] = np.arange(width) < np.array([len(pair.target_ids) + 1 for pair in pairs])[:, None]
        return batch


def normalisation_of(recipe: TranslationRecipe) -> Normalisation:
    """Return what the recipe says of the form of text."""
    return Normalisation(recipe.text.form, recipe.text.spaces, recipe.text.invisible)


def train_tokenizers(
    recipe: TranslationRecipe, pairs: Sequence[SentencePair]
) -> tuple[TrainedTokenizer | None, TrainedTokenizer]:
    """Learn the subwords of a corpus.

    Returns:
        The tokenizer of the source, None where BERT reads it, and of the target: one object where they are joint.
    """
    settings, normalise = recipe.subwords, normalisation_of(recipe)

    def learn(*sides: Sequence[str]) -> TrainedTokenizer:
        texts = (normalise(text) for side in sides for text in side)
        return TrainedTokenizer.train(texts, settings.kind, settings.size, settings.lowercase, settings.minimum)

    targets = [pair.target for pair in pairs]
    if recipe.bert is not None:
        return None, learn(targets)
    sources = [pair.source for pair in pairs]
    if settings.joint:
        joint = learn(sources, targets)
        return joint, joint
    return learn(sources), learn(targets)
