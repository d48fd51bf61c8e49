"""Sentences become the arrays that a tagger takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.inputs.steps import in_steps
from nlp_pipeline.inputs.windows import window_arrays
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.casing import casing_of
from nlp_pipeline.text.schemes import tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.text.vocabulary import Vocabulary

Batch = dict[str, NDArray[Any]]

# A word that is seen once in a while costs a dictionary entry; a stream of rubbish must not cost all memory.
REMEMBERED_WORDS = 200_000


@dataclass(frozen=True, slots=True)
class EncodedSentence:
    """A sentence as numbers.

    Attributes:
        words: the words as they stand in the sentence.
        subwords: for each word the ids of its subwords, at least one; empty without an encoder.
        cost: how much of a batch it takes: subwords and special tokens, or words without an encoder.
        tag_ids: the gold tags, if there are any.
    """

    words: tuple[str, ...]
    subwords: tuple[Sequence[int], ...]
    cost: int
    tag_ids: tuple[int, ...] | None


def build_vocabularies(sentences: Iterable[Sentence], recipe: TaggingRecipe) -> dict[str, Vocabulary]:
    """Collect what the recipe wants trained vectors for: `characters` and `words` of the training corpus."""
    counts: Counter[str] = Counter(word for sentence in sentences for word in sentence.words)
    vocabularies: dict[str, Vocabulary] = {}
    if recipe.characters is not None:
        characters: Counter[str] = Counter()
        for word, count in counts.items():
            for character in word:
                characters[character] += count
        vocabularies["characters"] = Vocabulary.from_counts(characters, minimum=2)
    if recipe.words is not None:
        words: Counter[str] = Counter()
        for word, count in counts.items():
            words[word.lower() if recipe.words.lowercase else word] += count
        vocabularies["words"] = Vocabulary.from_counts(words, minimum=recipe.words.minimum)
    return vocabularies


class TaggingInputs:
    """Turns sentences into batches for a tagger.

    Args:
        recipe: which features the tagger sees.
        tag_set: the tags; gold tags are converted into its scheme.
        vocabularies: as `build_vocabularies` makes them.
        tokenizer: the encoder's, where the recipe has an encoder.
    """

    def __init__(
        self,
        recipe: TaggingRecipe,
        tag_set: TagSet,
        vocabularies: Mapping[str, Vocabulary],
        tokenizer: CheckpointTokenizer | None,
    ) -> None:
        self.recipe = recipe
        self.tag_set = tag_set
        self.vocabularies = dict(vocabularies)
        self.tokenizer = tokenizer
        self._characters: dict[str, list[int]] = {}

    def encode(self, sentences: Sequence[Sentence]) -> list[EncodedSentence]:
        """Return the sentences as numbers. Gold tags that the tag set does not know become `O`.

        That happens to a type that occurs in the dev or test corpus alone, of which the user was told; the scores are
        taken from the words' own tags, so that nothing is gained by it.
        """
        known = set(self.tag_set.entity_types)
        encoded = []
        for sentence in sentences:
            subwords: tuple[Sequence[int], ...] = ()
            cost = len(sentence.words)
            if self.tokenizer is not None:
                subwords = tuple(self.tokenizer.subwords_of(sentence.words))
                cost = sum(map(len, subwords)) + 2
            tag_ids = None
            if sentence.tags is not None:
                entities = [entity for entity in sentence.entities if entity.entity_type in known]
                tags = tags_from_entities(entities, len(sentence.words), self.tag_set.scheme)
                tag_ids = tuple(self.tag_set.ids(tags))
            encoded.append(EncodedSentence(sentence.words, subwords, cost, tag_ids))
        return encoded

    def batch(
        self,
        sentences: Sequence[EncodedSentence],
        vectors: Sequence[NDArray[Any]] | None = None,
        for_training: bool = False,
    ) -> Batch:
        """Return a batch.

        B sentences of up to L words, of which W are distinct; R windows of up to S subwords. Row 0 of what is given
        for distinct words belongs to padding.

        Args:
            sentences: at least one.
            vectors: for each sentence the kept vectors of its words [words, M, E], which replace the subwords.
            for_training: whether an encoder that masks words in training will be trained on it.

        Returns:
            padding_mask [B, L] bool, True where there is a word; word_index [B, L] int32 into the distinct words;
            character_ids [W, C], casing_ids [W] and word_ids [W] int32, as the recipe wants them;
            either subword_ids [R, S] and word_of_subword [R, S] int32 (n > 0: the subword belongs to word n - 1 of
            the B x L words), for training perhaps also whole_words [R, S] int32 (the same, whatever the pooling and the
            window that keeps a word), or word_vectors [words, M, E], without padding, as `in_steps` gives them;
            and tag_ids [B, L] int32, where all have tags.
        """
        lengths = [len(sentence.words) for sentence in sentences]
        rows, length = len(sentences), max(lengths)
        padding_mask = np.arange(length)[None, :] < np.asarray(lengths)[:, None]
        batch: Batch = {"padding_mask": padding_mask}

        index_of: dict[str, int] = {}
        word_index = np.zeros((rows, length), np.int32)
        for row, sentence in enumerate(sentences):
            word_index[row, : lengths[row]] = [index_of.setdefault(word, len(index_of) + 1) for word in sentence.words]
        batch["word_index"] = word_index
        batch.update(self._features_of(list(index_of)))

        if vectors is not None:
            batch["word_vectors"] = in_steps(vectors)
        elif self.tokenizer is not None:
            assert self.recipe.encoder is not None
            subwords = [sentence.subwords for sentence in sentences]
            batch.update(window_arrays(subwords, length, self.recipe.encoder, self.tokenizer, for_training))

        if all(sentence.tag_ids is not None for sentence in sentences):
            tag_ids = np.zeros((rows, length), np.int32)
            for row, sentence in enumerate(sentences):
                tag_ids[row, : lengths[row]] = np.asarray(sentence.tag_ids, np.int32)
            batch["tag_ids"] = tag_ids
        return batch

    def _features_of(self, words: Sequence[str]) -> Batch:
        """Return what is seen of the distinct words themselves, after a row 0 for padding."""
        features: Batch = {}
        if self.recipe.characters is not None:
            spellings = [self._spelling(word) for word in words]
            character_ids = np.zeros((len(words) + 1, max(map(len, spellings))), np.int32)
            for row, spelling in enumerate(spellings, start=1):
                character_ids[row, : len(spelling)] = spelling
            features["character_ids"] = character_ids
        if self.recipe.casing is not None:
            features["casing_ids"] = np.asarray([0, *map(casing_of, words)], np.int32)
        if self.recipe.words is not None:
            vocabulary = self.vocabularies["words"]
            looked_up = [word.lower() for word in words] if self.recipe.words.lowercase else words
            features["word_ids"] = np.asarray([0, *vocabulary.ids(looked_up)], np.int32)
        return features

    def _spelling(self, word: str) -> list[int]:
        spelling = self._characters.get(word)
        if spelling is None:
            assert self.recipe.characters is not None
            longest = self.recipe.characters.longest
            shown = word if len(word) <= longest else word[: longest - longest // 2] + word[-(longest // 2) :]
            spelling = self.vocabularies["characters"].ids(shown)
            if len(self._characters) >= REMEMBERED_WORDS:
                self._characters.clear()
            if len(word) <= longest:
                self._characters[word] = spelling
        return spelling
