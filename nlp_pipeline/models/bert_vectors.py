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
from nlp_pipeline.layers.dropout import of_replica
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.word_vectors import LayerMix, WordPooling
from nlp_pipeline.models.checkpoint import load_weights, read_config
from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

Tensors = Mapping[str, Any]

SUBWORDS_AT_ONCE = 2048
"""How many subwords, padding included, are encoded together on a CPU where nothing is trained: more are no faster."""
SUBWORDS_AT_ONCE_ON_GPU = 8192


class BertVectors(keras.layers.Layer):
    """A BERT encoder, the choice of its layers, and the pooling of subwords to words.

    Below, B sentences of up to L words have N words, which are handed on without padding, and the encoder M chosen
    layers of E units each.

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
    def layers(self) -> int:
        """How many layers are chosen, M: of the hidden states, the embeddings among them, one, four or all."""
        return {"last": 1, "last4": min(4, self.encoder.layers + 1), "mix": self.encoder.layers + 1}[
            self.settings.layers
        ]

    @property
    def units(self) -> int:
        """The size of a word's vector."""
        return int(self.encoder.units) * (self.layers if self.layer_mix is None else 1)

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

    def vectors_to_keep(self, batch: Tensors) -> tf.Tensor:
        """Return the encoder's vectors of the words [N, M, E], one sentence's behind the other's.

        With a frozen encoder they depend on nothing that is trained.
        """
        return Layout.of(_mask_of(batch)).one_behind_the_other(self.encode_words(batch))

    def encode_words(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the encoder's vectors of the words [N, M, E], in the order of their layout: all that runs BERT.

        Args:
            batch: subword_ids, subword_mask and word_of_subword [R, S], and padding_mask or source_mask [B, L]; with
                whole_words [R, S], words are masked in training.
            training: whether the encoder drops out, and words are masked, if it is fine-tuned.
        """
        layout = Layout.of(_mask_of(batch))
        if training and self.finetunes:
            subword_ids = batch["subword_ids"]
            if "whole_words" in batch:
                subword_ids = self._masked(subword_ids, batch["whole_words"], tf.reduce_prod(layout.shape))
            side_by_side = self._layers_of(subword_ids, batch["subword_mask"], True)
        else:
            # Without this the gradient's tape, which knows nothing of what stands still, would go through the loop.
            side_by_side = tf.stop_gradient(self._in_parts(batch["subword_ids"], batch["subword_mask"]))
        # The batch numbers all places, from 1, and the layout the words.
        numbers = tf.pad(tf.reshape(layout.numbers, [-1]), [[1, 0]])
        word_of_subword = tf.gather(numbers, batch["word_of_subword"])
        pooled = self.pooling(side_by_side, word_of_subword, layout.words)
        return tf.reshape(pooled, [-1, self.layers, self.encoder.units])

    def _layers_of(self, subword_ids: tf.Tensor, subword_mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Return the chosen layers of the subwords, side by side [R, S, M E] float32."""
        states = self.encoder(subword_ids, padding_mask=subword_mask, training=training)
        chosen = {"last": states[-1:], "last4": states[-4:], "mix": states}[self.settings.layers]
        return tf.concat(chosen, axis=-1) if len(chosen) > 1 else chosen[0]

    def _in_parts(self, subword_ids: tf.Tensor, subword_mask: tf.Tensor) -> tf.Tensor:
        """Return the same, computed for some of the windows at a time.

        A sentence has as many windows as it is long, all of them in one batch. What the encoder needs while it computes
        is many times what it gives.
        """
        rows, width = tf.unstack(tf.shape(subword_ids))
        has_gpu = bool(tf.config.list_logical_devices("GPU"))
        most = tf.maximum(1, (SUBWORDS_AT_ONCE_ON_GPU if has_gpu else SUBWORDS_AT_ONCE) // width)
        count = -(-rows // most)
        at_once = -(-rows // tf.maximum(1, count))
        units = self.encoder.units * self.layers
        parts = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=[None, None, units])

        def run(number: tf.Tensor, parts: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            here = slice(number * at_once, (number + 1) * at_once)
            return number + 1, parts.write(number, self._layers_of(subword_ids[here], subword_mask[here], False))

        loop = (tf.constant(0), parts)
        return tf.while_loop(lambda number, _: number < count, run, loop, parallel_iterations=1)[1].concat()

    def _masked(self, subword_ids: tf.Tensor, whole_words: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Return the subwords [R, S] with some words masked, all their subwords, and in all windows alike."""
        drawn = keras.random.uniform([words + 1], seed=of_replica(self.mask_seeds)) < self.settings.masking
        # Number 0 is what belongs to no word: special tokens and padding.
        drawn = tf.logical_and(drawn, tf.range(words + 1) > 0)
        return tf.where(tf.gather(drawn, whole_words), self.mask_id, subword_ids)

    def call(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the words' vectors [N, D], from `word_vectors` [N, M, E] of the batch where they were kept."""
        vectors = batch["word_vectors"] if "word_vectors" in batch else self.encode_words(batch, training=training)
        vectors = tf.cast(vectors, self.compute_dtype)
        vectors = tf.ensure_shape(vectors, [None, self.layers, self.encoder.units])
        return tf.reshape(vectors, [-1, self.units]) if self.layer_mix is None else self.layer_mix(vectors)


def _mask_of(batch: Tensors) -> tf.Tensor:
    """Return where a batch has words, bool [B, L]."""
    return tf.convert_to_tensor(batch["source_mask" if "source_mask" in batch else "padding_mask"])
