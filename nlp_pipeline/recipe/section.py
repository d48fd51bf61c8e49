"""What the sections of all recipes share: how they are checked, the BERT encoder, and the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """A mapping of the recipe: unknown keys are refused, types are not guessed, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=True)


class Splits(Section):
    """What the splits are called in a corpus read by `datasets`: `train`, `dev` and `test`."""

    train: str = "train"
    dev: str = "validation"
    test: str = "test"


class Encoder(Section):
    """The BERT encoder whose hidden states are the words' vectors.

    `layers`: the last one, the last four side by side, or a learned mixture of all.
    `pooling`: which of a word's subwords stand for it.
    `masking`: share of the words that an encoder sees as [MASK] while it is fine-tuned, so that it reads their company.
    `name`: an alias, a hub id, or a local folder. `finetune`: whether it learns with the rest, with `dropout` within.
    `window` and `overlap` are subwords: longer sentences are encoded in overlapping windows. Of a word that is cut into
    more than `max_subwords_of_word`, the others are left out.
    """

    name: str = "minilm"
    layers: Literal["last", "last4", "mix"] = "last4"
    pooling: Literal["first", "mean", "last"] = "mean"
    finetune: bool = False
    dropout: Share = 0.1
    masking: Share = 0.0
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


class Training(Section):
    """The training loop.

    `batch_subwords`: sentences are added to a batch until it holds this many subwords, with padding; where an encoder's
    vectors are kept, without, and no more words with padding. It is what one step learns from, however many replicas
    share it.
    `accumulate`: how many parts each replica adds its share up in, one after the other: less memory, the same step.
    `optimizer`: AdamW, or stochastic gradient descent with `momentum`.
    `warmup`: the share of all steps in which the learning rate rises; afterwards it falls as `decay` says.
    `epochs`: how often the training goes through its corpus, at the most.
    `learning_rate`: of all but a BERT encoder that is fine-tuned, which has `encoder_learning_rate`.
    `weight_decay`: the share of a weight that is taken from it in each step, times the learning rate; not of biases and
    normalisations, nor of a CRF.
    `clip_norm`: how long a step's gradient may be; null for any length.
    `average`: momentum of a moving average of the weights, which is what is scored and kept; null to keep the weights.
    `frozen_epochs`: with an encoder that is fine-tuned, epochs before in which it still stands still.
    `layer_decay`: each layer of the encoder learns at this share of the rate of the layer above it.
    `patience`: epochs without a better dev score after which the run ends; null for all epochs.
    `steps`: after how many steps the run ends, if its epochs have more; null for all of them.
    `precision`: of products; sums, normalisations, the CRF and the loss are float32. With float16 the loss is scaled.
    `xla`: whether loss and gradient are compiled, for each of a few padded shapes; the cuDNN kernels are not used then.
    `strategy`: `none` is one device, `mirrored` all of this machine, `multi_worker` several machines, as TF_CONFIG
    says; `auto` is `mirrored` where there are several GPUs, and `none` otherwise.
    `steps_per_execution`: how many steps are run at once; progress waits for that, and signals for the next ones, too;
    null for as many as take half a second, and one where there are several workers, or XLA.
    `checkpoint_steps`: after how many steps a checkpoint is written, besides each epoch's; null for those alone.
    `keep_checkpoints`: how many are kept until the run has ended.
    `not_finite`: what a batch does whose loss or gradient is no number: it stops the run, or is left out and counted.
    `keep_vectors`: whether the vectors of an encoder that stands still are computed once and kept on disk, as bfloat16
    where that is the precision, and as float16 otherwise.
    """

    epochs: Count = 10
    frozen_epochs: Annotated[int, Field(ge=0)] = 0
    patience: Count | None = None
    steps: Count | None = None
    batch_subwords: Count = 512
    accumulate: Count = 1
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: Share = 0.9
    learning_rate: Positive = 1e-3
    encoder_learning_rate: Positive = 5e-5
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    warmup: Share = 0.1
    decay: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    clip_norm: Positive | None = 5.0
    average: Annotated[float, Field(gt=0.0, lt=1.0)] | None = 0.998
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    xla: bool = False
    strategy: Literal["auto", "none", "mirrored", "multi_worker"] = "auto"
    steps_per_execution: Count | None = None
    checkpoint_steps: Count | None = 1000
    keep_checkpoints: Count = 2
    not_finite: Literal["stop", "skip"] = "stop"
    keep_vectors: bool = True

    @property
    def policy(self) -> str:
        """Keras' name of the precision."""
        return self.precision if self.precision == "float32" else f"mixed_{self.precision}"


class Dashboard(Section):
    """What a run leaves for TensorBoard, beside its scores.

    `every`: of how many steps one is written. `examples`: how many sentences of the dev corpus are shown after each
    epoch, with what was predicted for them. `histograms`: whether the distribution of each weight's numbers is.
    `gradient_through_time`: whether it is shown how far back a word's loss reaches: the norm of its gradient with
    respect to each earlier state of the recurrent layers, on the longest sentence of the dev corpus that has no more
    than 40. `gradient_step`: of which word, or subword of a target, from 1; null for the middle word of a two-way
    tagger, and the last one of all others.
    """

    every: Count = 10
    examples: Annotated[int, Field(ge=0, le=100)] = 4
    histograms: bool = False
    gradient_through_time: bool = False
    gradient_step: Count | None = None


class BaseRecipe(Section):
    """What every recipe has.

    `task`: what it makes, a tagger or a translator. `name`: of the run's folder, and of what comes of it.
    `seed`: of all random numbers.

    Attributes:
        FILES: the keys whose values are files or folders, which are meant relative to the recipe's file.
    """

    FILES: ClassVar[tuple[tuple[str, ...], ...]] = ()

    name: Annotated[str, Field(min_length=1, pattern=r"^\w[\w.-]*$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 13

    @property
    def at_once(self) -> int | None:
        """How many things its training best computes at a time, as `devices.share_cores` shares the cores among them.

        None where it is best that all cores share each product.
        """
        return None

    def to_yaml(self) -> str:
        """Return the whole recipe, defaults included, as the text of a recipe file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def as_file(value: str, key: tuple[str, ...], base: Path) -> str:
    """Return a recipe's file name as an absolute path, and names that are no files as they are.

    Args:
        value: what stands in the recipe.
        key: where it stands. An encoder's name is a path only where it begins with a dot, a slash or a tilde, or where
            it has a slash within and there is a folder of that name: without one it is an alias.
        base: the folder that relative paths are relative to.
    """
    if value.startswith("hub:"):
        return value
    path = base / Path(value).expanduser()
    if key[-1] == "name" and not value.startswith((".", "/", "~")) and ("/" not in value or not path.is_dir()):
        return value
    return str(path.resolve())
