"""The recipe of a tagger. Each section is one mapping of the file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from nlp_pipeline.recipe.section import BaseRecipe, Count, Dashboard, Encoder, Section, Share, Splits, Training


class TaggingData(Section):
    """Where the labelled sentences are, and how to read them.

    `train`, `dev` and `test` are files or folders relative to the recipe's file, or `hub:owner/name`.
    `format`: `auto` goes by the names. `scheme`: of the tags; `auto` finds out.
    `word_column`, `tag_column`: of CoNLL, from 0, or from the last one, which is -1; `separator`: of its columns.
    `config`, `words`, `tags` and `splits`: of a dataset, its configuration, the names of its columns and of its splits.
    `unseen_types`: whether a type that occurs in the dev or test corpus alone is refused, or ignored in training and
    missed in scoring.
    """

    train: str
    dev: str
    test: str | None = None
    format: Literal["auto", "conll", "jsonl", "dataset"] = "auto"
    scheme: Literal["auto", "IOB1", "IOB2", "IOBES", "BILOU"] = "auto"
    word_column: int = 0
    tag_column: int = -1
    separator: Literal["auto", "tab", "space"] = "auto"
    config: str | None = None
    words: str = "tokens"
    tags: str = "ner_tags"
    splits: Splits = Splits()
    unseen_types: Literal["refuse", "ignore"] = "refuse"


class Words(Section):
    """Trained embeddings, of `size` units, of the words of the training corpus that occur at least `minimum` times.

    `lowercase`: whether capitals are given up.
    """

    size: Count = 100
    minimum: Count = 2
    lowercase: bool = True


class Characters(Section):
    """A word's vector from its characters: a two-way LSTM (Lample et al. 2016) or a CNN (Ma and Hovy 2016).

    `kind`: which. `size`: of a character's embedding. `dropout`: the share of these that is dropped.
    `units`: the size of each direction of the LSTM, or the number of the CNN's filters for each of the `widths`.
    A word longer than `longest` is read by its first and last characters.
    """

    kind: Literal["lstm", "cnn"] = "cnn"
    size: Count = 32
    units: Count = 64
    widths: list[Count] = Field(default_factory=lambda: [2, 3, 4], min_length=1)
    longest: Annotated[int, Field(ge=2)] = 32
    dropout: Share = 0.2


class Casing(Section):
    """A trained embedding, of `size` units, of how a word is written: lower case, capitalised, digits..."""

    size: Count = 16


class RecurrentDropout(Section):
    """Shares dropped before the first layer (`inputs`), `between` layers, and between steps (`recurrent`)."""

    inputs: Share = 0.5
    between: Share = 0.3
    recurrent: Share = 0.0


class Recurrent(Section):
    """The recurrent layers over the words of a sentence.

    `layers`: how many; 0 leaves them out. `cell`: of which they are made. `units`: of each layer and direction.
    `bidirectional`: whether each layer reads the sentence from its end, too.
    `projection`: all that is known of a word goes through a dense layer of so many units first; null for none.
    """

    projection: Count | None = 256
    cell: Literal["rnn", "gru", "lstm"] = "lstm"
    layers: Annotated[int, Field(ge=0)] = 1
    units: Count = 256
    bidirectional: bool = True
    dropout: RecurrentDropout = RecurrentDropout()


class TagDecoder(Section):
    """How emissions become tags: each by itself (`softmax`) or as a path (`crf`).

    `kind`: which. `scheme`: in which the network sees the tags. `dropout`: of what emissions are made of.
    """

    kind: Literal["softmax", "crf"] = "crf"
    scheme: Literal["IOB2", "IOBES", "BILOU"] = "IOBES"
    dropout: Share = 0.5


class TaggingRecipe(BaseRecipe):
    """A tagger, from its corpus to its training.

    `word_dropout`: the share of words of which nothing is seen, in training.
    """

    FILES: ClassVar = (("data", "train"), ("data", "dev"), ("data", "test"), ("encoder", "name"))

    task: Literal["tagging"]
    data: TaggingData
    encoder: Encoder | None = Encoder()
    words: Words | None = None
    characters: Characters | None = Characters()
    casing: Casing | None = Casing()
    word_dropout: Share = 0.2
    recurrent: Recurrent = Recurrent()
    decoder: TagDecoder = TagDecoder()
    training: Training = Training()
    dashboard: Dashboard = Dashboard()

    @model_validator(mode="after")
    def _something_is_seen_of_a_word(self) -> TaggingRecipe:
        if self.encoder is None and self.words is None and self.characters is None:
            raise ValueError("one of encoder, words and characters must be given. Received: null for all three")
        return self

    @property
    def at_once(self) -> int | None:
        """Two where most of a step are the two directions of a layer: where no encoder is run in it."""
        runs_encoder = self.encoder is not None and (self.encoder.finetune or not self.training.keep_vectors)
        return 2 if self.recurrent.layers and self.recurrent.bidirectional and not runs_encoder else None

    def corpora(self) -> dict[str, str]:
        """Return the corpora that are given, by split: train, dev and perhaps test."""
        named = {"train": self.data.train, "dev": self.data.dev, "test": self.data.test}
        return {split: source for split, source in named.items() if source is not None}
