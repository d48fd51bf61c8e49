"""The recipe of a translator. Each section is one mapping of the file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from nlp_pipeline.recipe.section import (
    BaseRecipe,
    Count,
    Dashboard,
    Encoder,
    Positive,
    Section,
    Share,
    Splits,
    Training,
)

Cell = Literal["rnn", "gru", "lstm"]


class PairFiles(Section):
    """Where the sentence pairs of a split are, relative to the recipe's file.

    Either `source` and `target`, two files that are aligned line by line, or `pairs`: one file of tab-separated columns
    or of JSON lines, a folder of Parquet, or `hub:owner/name`.
    """

    source: str | None = None
    target: str | None = None
    pairs: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> PairFiles:
        two = (self.source is not None, self.target is not None)
        if two != (True, True) and (self.pairs is None or any(two)):
            given = ", ".join(name for name in ("source", "target", "pairs") if getattr(self, name) is not None)
            raise ValueError(f"expected source and target, or pairs. Received: {given or 'none of them'}")
        if all(two) and self.pairs is not None:
            raise ValueError("expected source and target, or pairs. Received: all three")
        return self


class TranslationData(Section):
    """The sentence pairs, and how to read them.

    `source_language` and `target_language` are written into the bundle, and nothing depends on them.
    `format`: of `pairs`; `auto` goes by the name. `source_field` and `target_field`: the keys of JSON lines or columns
    of a dataset (`translation.en` for a key within one), or the numbers of tab-separated columns.
    `empty`: whether a pair with one empty side is refused, or dropped and counted.
    `config` and `splits`: of a dataset, its configuration and the names of its splits.
    `longest_words`, `longest_characters`: pairs with a longer side are left out of train and dev; null for no limit.
    `ratio`: likewise, of train alone, where one side has more than so many times the characters of the other.
    """

    train: PairFiles
    dev: PairFiles
    test: PairFiles | None = None
    source_language: str | None = None
    target_language: str | None = None
    format: Literal["auto", "tsv", "jsonl", "dataset"] = "auto"
    source_field: str = "source"
    target_field: str = "target"
    config: str | None = None
    splits: Splits = Splits()
    empty: Literal["refuse", "drop"] = "refuse"
    longest_words: Count | None = 100
    longest_characters: Count | None = 1000
    ratio: Annotated[float, Field(ge=1.0)] | None = None


class Text(Section):
    """How text is made the same before it is cut, in training and in use.

    `form`: Unicode's normalisation form. `spaces`: whether every kind of space becomes a plain one, and runs of them
    one. `invisible`: whether soft hyphens and zero-width spaces are left out.
    """

    form: Literal["NFC", "NFKC", "none"] = "NFC"
    spaces: bool = True
    invisible: bool = True


class Subwords(Section):
    """How text is cut into subwords, by what is trained on the corpus.

    `kind`: byte-pair encoding, a unigram language model, or whole words.
    `size`: of a vocabulary. `joint`: whether both sides share one. `lowercase`: whether capitals are given up.
    `minimum`: how often a pair, or a word, has to occur. Of whole words, 1 leaves none from which the model could learn
    what to do with one that is not known; with 2 it may learn to copy it.
    """

    kind: Literal["bpe", "unigram", "words"] = "bpe"
    size: Annotated[int, Field(ge=32)] = 8000
    joint: bool = True
    lowercase: bool = False
    minimum: Count = 2


class Embeddings(Section):
    """Trained vectors of subwords, of `size` units, with `dropout`.

    `tie`: whether the output layer shares the target's (`output`), or source, target and output share one (`all`).
    """

    size: Count = 256
    tie: Literal["none", "output", "all"] = "output"
    dropout: Share = 0.3


class SourceBert(Encoder):
    """A BERT encoder whose vectors stand for the source, in the place of trained ones.

    `level`: whether the recurrent encoder reads a vector for each subword, or one for each word.
    """

    level: Literal["subword", "word"] = "subword"


class RecurrentEncoder(Section):
    """The recurrent layers over the source.

    `cell`: of which they are made. `layers`: how many. `units`: of each layer and direction.
    `bidirectional`: whether each layer reads the source from its end, too.
    `initial`: what they begin in.
    `dropout`: of the inputs of each further layer. `dropout_outputs`: of what the decoder sees of the source.
    """

    cell: Cell = "gru"
    layers: Count = 1
    units: Count = 256
    bidirectional: bool = True
    initial: Literal["zeros", "learned"] = "zeros"
    dropout: Share = 0.3
    dropout_outputs: Share = 0.5


class Attention(Section):
    """Attention to the source.

    `score`: additive (Bahdanau et al. 2015), or dot or general (Luong et al. 2015). `units`: of the additive one.
    `input_feeding`: whether the state before finds the context, which is an input of the next step; otherwise the state
    finds it, for the readout alone.
    `query`: what asks, with an additive score and input feeding: the state before, as in the paper, or beside it the
    subword that was written last, which that state does not know yet.
    """

    score: Literal["additive", "dot", "general"] = "additive"
    units: Count = 256
    input_feeding: bool = True
    query: Literal["state", "state_and_subword"] = "state"

    @model_validator(mode="after")
    def _query_fits(self) -> Attention:
        if self.query == "state_and_subword" and not (self.score == "additive" and self.input_feeding):
            raise ValueError(
                "decoder.attention.query=state_and_subword needs score=additive and input_feeding=true. "
                f"Received: score={self.score}, input_feeding={str(self.input_feeding).lower()}"
            )
        return self


class Decoder(Section):
    """The recurrent layers that write the target.

    `cell`: of which they are made. `layers`: how many, of `units` each.
    `bridge`: what the encoder's last state becomes: nothing (`zero`), the decoder's first state (`copy`), or that by
    way of a `dense` layer.
    `attention`: null for the encoder's last state alone, which is then seen at the `start`, or at `each_step`.
    `initial`: what the decoder begins in where the bridge gives it nothing.
    `context`: how the encoder's last state is seen where there is no attention.
    `readout`: units of the deep output; null to predict from the state, and its context, as they are.
    `dropout`: of the outputs of each layer. `dropout_readout`: of the readout.
    """

    cell: Cell = "gru"
    layers: Count = 1
    units: Count = 512
    bridge: Literal["zero", "copy", "dense"] = "dense"
    initial: Literal["zeros", "learned"] = "zeros"
    attention: Attention | None = Attention()
    context: Literal["start", "each_step"] = "each_step"
    readout: Count | None = 256
    dropout: Share = 0.3
    dropout_readout: Share = 0.5


class TeacherForcing(Section):
    """The share of target subwords that the decoder is given as they stand, rather than as it would have put them.

    It goes from `first` to `last` in a line over the epochs (scheduled sampling: Bengio et al. 2015).
    """

    first: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    last: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0


class Search(Section):
    """How a translation is looked for, where nothing else is said.

    `beam_size`: 1 is greedy. `length_penalty` and `coverage_penalty`: alpha and beta of Wu et al. 2016, section 7.
    `longest`: a translation has at most so many subwords for each of the source's, and ten more.
    `part`: a source of more subwords is translated in parts of at most so many. `sentences`: whether a source of
    several sentences is translated sentence by sentence. null for what follows from the train corpus, and then stands
    in the bundle's recipe: twice its longest source; yes where fewer than one source in a hundred has several.
    `shortlist`: each subword of a translation is chosen among so many likely translations of each of the source's, as
    the train corpus has it, and so many of the most frequent; 0 for among all. Not with a BERT encoder.
    """

    beam_size: Annotated[int, Field(ge=1, le=1000)] = 5
    length_penalty: Annotated[float, Field(ge=0.0, le=100.0)] = 0.6
    coverage_penalty: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    longest: Annotated[float, Field(gt=0.0, le=100.0)] = 2.0
    part: Annotated[int, Field(ge=2)] | None = None
    sentences: bool | None = None
    shortlist: Annotated[int, Field(ge=0, le=200)] = 0


class TranslationTraining(Training):
    """The training loop of a translator.

    `score`: what decides which epoch is best: BLEU of greedy translations of the dev corpus, or its loss.
    """

    epochs: Count = 15
    batch_subwords: Count = 1024
    encoder_learning_rate: Positive = 3e-5
    clip_norm: Positive | None = 1.0
    average: Annotated[float, Field(gt=0.0, lt=1.0)] | None = 0.999
    score: Literal["bleu", "loss"] = "bleu"


class TranslationRecipe(BaseRecipe):
    """A translator, from its corpus to its training.

    `normalise`: whether the outputs of the decoder's layers, the readout, and with attention the annotations of the
    source are normalised (Ba et al. 2016).
    `label_smoothing`: the share of a subword's probability that all of them have a part of (Szegedy et al. 2016).
    """

    FILES: ClassVar = (
        *(("data", split, side) for split in ("train", "dev", "test") for side in ("source", "target", "pairs")),
        ("bert", "name"),
    )

    task: Literal["translation"]
    data: TranslationData
    text: Text = Text()
    subwords: Subwords = Subwords()
    embeddings: Embeddings = Embeddings()
    bert: SourceBert | None = None
    encoder: RecurrentEncoder = RecurrentEncoder()
    decoder: Decoder = Decoder()
    normalise: bool = True
    label_smoothing: Share = 0.1
    teacher_forcing: TeacherForcing = TeacherForcing()
    search: Search = Search()
    training: TranslationTraining = TranslationTraining()
    dashboard: Dashboard = Dashboard()

    @model_validator(mode="after")
    def _what_is_shared_fits(self) -> TranslationRecipe:
        if self.embeddings.tie != "none" and self.decoder.readout != self.embeddings.size:
            raise ValueError(
                f"embeddings.tie={self.embeddings.tie} needs a decoder.readout of embeddings.size units, "
                f"{self.embeddings.size}. Received: {self.decoder.readout}"
            )
        if self.embeddings.tie == "all" and not self.subwords.joint:
            raise ValueError("embeddings.tie=all needs subwords.joint=true. Received: false")
        if self.embeddings.tie == "all" and self.bert is not None:
            raise ValueError("embeddings.tie=all needs trained vectors of the source. Received: a bert section")
        if self.search.shortlist and self.bert is not None:
            raise ValueError("search.shortlist needs trained subwords of the source. Received: a bert section")
        return self

    @model_validator(mode="after")
    def _layers_fit(self) -> TranslationRecipe:
        ends = self.encoder.units * (2 if self.encoder.bidirectional else 1)
        decoder = self.decoder
        if decoder.attention is None and decoder.context == "start" and decoder.bridge == "zero":
            raise ValueError(
                "a decoder sees the source by attention, by context=each_step or by a bridge. "
                "Received: attention=null, context=start, bridge=zero"
            )
        if decoder.bridge == "copy":
            own = (self.encoder.cell, self.encoder.layers, ends)
            if own != (decoder.cell, decoder.layers, decoder.units):
                raise ValueError(
                    "decoder.bridge=copy needs the same cell, layers and units in encoder (both directions together) "
                    f"and decoder. Received: {own} and {(decoder.cell, decoder.layers, decoder.units)}"
                )
        if decoder.attention is not None and decoder.attention.score == "dot" and ends != decoder.units:
            raise ValueError(
                "decoder.attention.score=dot needs as many units in encoder (both directions together) and decoder. "
                f"Received: {ends} and {decoder.units}"
            )
        return self

    def corpora(self) -> dict[str, PairFiles]:
        """Return the corpora that are given, by split: train, dev and perhaps test."""
        named = {"train": self.data.train, "dev": self.data.dev, "test": self.data.test}
        return {split: files for split, files in named.items() if files is not None}
