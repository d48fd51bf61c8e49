"""Vectors of words, or of subwords, from the layers of a BERT encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nlp_pipeline.errors import EncoderError, Problem
from nlp_pipeline.layers.bert import BertEncoder
from nlp_pipeline.layers.word_vectors import LayerMix, WordPooling
from nlp_pipeline.models.checkpoint import load_weights, read_config
from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

Tensors = Mapping[str, Any]


class BertVectors(keras.layers.Layer):
    """A BERT encoder, the choice of its layers, and the pooling of subwords to words.

    Below, B sentences have up to L words.

    Args:
        settings: the recipe's section.
        encoder: the network.
        mask_id: the subword that stands for a masked one.
    """

    def __init__(self, settings: Encoder, encoder: BertEncoder, mask_id: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.finetunes = settings.finetune
        self.encoder = encoder
        self.mask_id = mask_id
        self.mask_seeds = keras.random.SeedGenerator()
        encoder.trainable = settings.finetune
        self.pooling = WordPooling(name="word_pooling", dtype=self.dtype_policy)
        self.layer_mix = None
        if settings.layers == "mix":
            self.layer_mix = LayerMix(name="layer_mix", dtype=self.dtype_policy)
        # Its layers build themselves when they are first called.
        self.built = True

    @property
    def units(self) -> int:
        """The size of a word's vector."""
        return int(self.encoder.units) * (min(4, self.encoder.layers + 1) if self.settings.layers == "last4" else 1)

    @classmethod
    def from_folder(cls, settings: Encoder, folder: Path, tokenizer: CheckpointTokenizer, policy: str) -> BertVectors:
        """Return the layer for a checkpoint's folder; its weights are random.

        Args:
            settings: the recipe's section.
            folder: holds `config.json`.
            tokenizer: the checkpoint's.
            policy: Keras' name of the precision.

        Raises:
            EncoderError: where the folder holds no checkpoint that fits, the recipe's window is too long for it, or the
                tokenizer has subwords that it has no vectors for.
        """
        config = read_config(folder)
        if settings.window > config.positions:
            message = f"expected the encoder's window to be at most {config.positions}, received {settings.window}"
            raise EncoderError([Problem(str(folder), message)])
        if tokenizer.vocabulary_size > config.vocabulary_size:
            message = (
                f"expected a tokenizer of at most {config.vocabulary_size} subwords, as config.json says, "
                f"received one of {tokenizer.vocabulary_size}"
            )
            raise EncoderError([Problem(str(folder), message)])
        arguments = asdict(config)
        arguments["dropout"] = arguments["attention_dropout"] = settings.dropout if settings.finetune else 0.0
        encoder = BertEncoder(**arguments, name="encoder", dtype=policy)
        return cls(settings, encoder, tokenizer.mask_id, name="bert", dtype=policy)

    def load(self, folder: Path) -> None:
        """Fill the encoder, which has been called once, with the weights of a checkpoint."""
        load_weights(self.encoder, folder)

    def encode_words(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the encoder's vectors of the words [B, L, N, E], N layers of E units each.

        This is all that runs BERT; with a frozen encoder it depends on nothing that is trained, so that its result can
        be kept.

        Args:
            batch: subword_ids, subword_mask and word_of_subword [R, S], and padding_mask or source_mask [B, L]; with
                whole_words [R, S], words are masked in training.
            training: whether the encoder drops out, and words are masked, if it is fine-tuned.
        """
        subword_ids = batch["subword_ids"]
        if training and self.finetunes and "whole_words" in batch:
            subword_ids = self._masked(subword_ids, batch["whole_words"])
        states = self.encoder(subword_ids, padding_mask=batch["subword_mask"], training=training and self.finetunes)
        chosen = {"last": states[-1:], "last4": states[-4:], "mix": states}[self.settings.layers]
        rows, length = tf.unstack(tf.shape(batch["source_mask" if "source_mask" in batch else "padding_mask"]))
        side_by_side = tf.concat(chosen, axis=-1) if len(chosen) > 1 else chosen[0]
        pooled = self.pooling(side_by_side, batch["word_of_subword"], rows, length)
        return tf.reshape(pooled, [rows, length, len(chosen), side_by_side.shape[-1] // len(chosen)])

    def _masked(self, subword_ids: tf.Tensor, whole_words: tf.Tensor) -> tf.Tensor:
        """Return the subwords [R, S] with some words masked, all their subwords, and in all windows alike."""
        words = tf.reduce_max(whole_words) + 1
        drawn = keras.random.uniform([words], seed=self.mask_seeds) < self.settings.masking
        # Number 0 is what belongs to no word: special tokens and padding.
        drawn = tf.logical_and(drawn, tf.range(words) > 0)
        return tf.where(tf.gather(drawn, whole_words), self.mask_id, subword_ids)

    def call(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the words' vectors [B, L, D], from `word_vectors` [B, L, N, E] of the batch where they were kept."""
        vectors = batch["word_vectors"] if "word_vectors" in batch else self.encode_words(batch, training=training)
        vectors = tf.cast(vectors, self.compute_dtype)
        if self.layer_mix is not None:
            return self.layer_mix(vectors)
        rows, length = tf.unstack(tf.shape(vectors)[:2])
        layers, units = vectors.shape[2:]
        return tf.reshape(vectors, [rows, length, layers * units])
