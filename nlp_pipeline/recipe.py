"""The recipe: what to do, as a YAML file with defaults, and nothing that it does not know.

Each section below is one mapping of the file; a field's default is what a recipe that does not name it gets.
How the file is read, and how a mistake in it is told, is in `recipe_file`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """A mapping of the recipe: unknown keys are refused, types are not guessed, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=True)


class Splits(Section):
    """What the splits are called in a corpus read by `datasets`."""

    train: str = "train"
    dev: str = "validation"
    test: str = "test"


class TaggingData(Section):
    """Where the labelled sentences are, and how to read them.

    `train`, `dev` and `test` are files or folders relative to the recipe's file, or `hub:owner/name`.
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


class Encoder(Section):
    """The BERT encoder whose hidden states are the words' vectors.

    `layers`: the last one, the last four side by side, or a learned mixture of all.
    `pooling`: which of a word's subwords stand for it.
    `window` and `overlap` are subwords: longer sentences are encoded in overlapping windows.
    """

    name: str = "minilm"
    layers: Literal["last", "last4", "mix"] = "last4"
    pooling: Literal["first", "mean", "last"] = "mean"
    finetune: bool = False
    dropout: Share = 0.1
    window: Annotated[int, Field(ge=16)] = 512
    overlap: Annotated[int, Field(ge=0)] = 128
    max_subwords_of_word: Count = 64

    @model_validator(mode="after")
    def _a_word_fits(self) -> Encoder:
        room = self.window - 2
        if self.max_subwords_of_word > room:
            raise ValueError(
                f"max_subwords_of_word must be at most the window less [CLS] and [SEP], {room}. "
                f"Received: {self.max_subwords_of_word}"
            )
        if self.overlap + self.max_subwords_of_word > room:
            raise ValueError(
                f"overlap and max_subwords_of_word together must be at most the window less [CLS] and [SEP], {room}. "
                f"Received: {self.overlap} and {self.max_subwords_of_word}"
            )
        return self


class Words(Section):
    """Trained embeddings of the words of the training corpus."""

    size: Count = 100
    minimum: Count = 2
    lowercase: bool = True


class Characters(Section):
    """A word's vector from its characters: a two-way LSTM (Lample et al. 2016) or a CNN (Ma and Hovy 2016).

    `units` is the size of each direction of the LSTM, or the number of the CNN's filters for each width.
    A word longer than `longest` is read by its first and last characters.
    """

    kind: Literal["lstm", "cnn"] = "cnn"
    size: Count = 32
    units: Count = 64
    widths: list[Count] = [2, 3, 4]
    longest: Annotated[int, Field(ge=2)] = 32
    dropout: Share = 0.2


class Casing(Section):
    """A trained embedding of how a word is written: lower case, capitalised, digits..."""

    size: Count = 16


class RecurrentDropout(Section):
    """Shares dropped before the first layer, between layers, and from one step to the next."""

    inputs: Share = 0.5
    between: Share = 0.3
    recurrent: Share = 0.0


class Recurrent(Section):
    """The recurrent layers over the words of a sentence. `layers: 0` leaves them out.

    `projection`: all that is known of a word goes through a dense layer of so many units first; null for none.
    """

    projection: Count | None = 256
    cell: Literal["rnn", "gru", "lstm"] = "lstm"
    layers: Annotated[int, Field(ge=0)] = 1
    units: Count = 256
    bidirectional: bool = True
    dropout: RecurrentDropout = RecurrentDropout()


class TagDecoder(Section):
    """How emissions become tags, and the scheme in which the network sees them."""

    kind: Literal["softmax", "crf"] = "crf"
    scheme: Literal["IOB2", "IOBES", "BILOU"] = "IOBES"
    dropout: Share = 0.5


class Training(Section):
    """The training loop.

    `batch_subwords`: sentences are added to a batch until they hold this many subwords.
    `warmup`: the share of all steps in which the learning rate rises; afterwards it falls as `decay` says.
    `average`: momentum of a moving average of the weights, which is what is scored and kept; null to keep the weights.
    `frozen_epochs`: with an encoder that is fine-tuned, epochs before in which it still stands still.
    `layer_decay`: each layer of the encoder learns at this share of the rate of the layer above it.
    `patience`: epochs without a better dev F1 after which the run ends; null for all epochs.
    """

    epochs: Count = 10
    frozen_epochs: Annotated[int, Field(ge=0)] = 0
    patience: Count | None = None
    batch_subwords: Count = 512
    learning_rate: Positive = 1e-3
    encoder_learning_rate: Positive = 5e-5
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    warmup: Share = 0.1
    decay: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    clip_norm: Positive | None = 5.0
    average: Annotated[float, Field(gt=0.0, lt=1.0)] | None = 0.998
    precision: Literal["float32", "bfloat16"] = "float32"
    strategy: Literal["auto", "none", "mirrored"] = "auto"
    keep_vectors: bool = True


class TaggingRecipe(Section):
    """A tagger, from its corpus to its training."""

    task: Literal["tagging"]
    name: Annotated[str, Field(min_length=1, pattern=r"^[\w.-]+$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 13
    data: TaggingData
    encoder: Encoder | None = Encoder()
    words: Words | None = None
    characters: Characters | None = Characters()
    casing: Casing | None = Casing()
    word_dropout: Share = 0.2
    recurrent: Recurrent = Recurrent()
    decoder: TagDecoder = TagDecoder()
    training: Training = Training()

    @model_validator(mode="after")
    def _something_is_seen_of_a_word(self) -> TaggingRecipe:
        if self.encoder is None and self.words is None and self.characters is None:
            raise ValueError("one of encoder, words and characters must be given. Received: null for all three")
        return self

    def to_yaml(self) -> str:
        """Return the whole recipe, defaults included, as the text of a recipe file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def corpora(self) -> dict[str, str]:
        """Return the corpora that are given, by split: train, dev and perhaps test."""
        named = {"train": self.data.train, "dev": self.data.dev, "test": self.data.test}
        return {split: source for split, source in named.items() if source is not None}


Recipe = TaggingRecipe
TASKS: dict[str, type[Recipe]] = {"tagging": TaggingRecipe}

# The keys whose values are files or folders, which are meant relative to the recipe's file.
FILE_KEYS = (("data", "train"), ("data", "dev"), ("data", "test"), ("encoder", "name"))


def as_file(value: str, key: tuple[str, ...], base: Path) -> str:
    """Return a recipe's file name as an absolute path, and names that are no files as they are.

    Args:
        value: what stands in the recipe.
        key: where it stands. An encoder's name is a path only where there is a folder of that name, or where it begins
            with a dot, a slash or a tilde.
        base: the folder that relative paths are relative to.
    """
    if value.startswith("hub:"):
        return value
    path = base / Path(value).expanduser()
    if key == ("encoder", "name") and not value.startswith((".", "/", "~")) and not path.is_dir():
        return value
    return str(path.resolve())
