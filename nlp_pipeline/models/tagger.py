"""The tagger: word vectors, recurrent layers, and a decoder of tags.

    subwords -> BERT -> word vectors --+
    characters -> LSTM | CNN ----------+-> recurrent layers -> emissions -> softmax | CRF
    casing, words -> embeddings -------+

Lample et al. 2016, "Neural Architectures for Named Entity Recognition"; with a frozen encoder's layers as features,
Devlin et al. 2019, section 5.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from nlp_pipeline.inputs.tagging import TaggingInputs
from nlp_pipeline.layers.cells import States
from nlp_pipeline.layers.characters import CharacterCNN, CharacterLSTM
from nlp_pipeline.layers.crf import CRF, SoftmaxDecoder
from nlp_pipeline.layers.dropout import Dropout
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.products import of_words
from nlp_pipeline.layers.recurrent import RecurrentStack
from nlp_pipeline.layers.rounding import rounded
from nlp_pipeline.layers.word_vectors import WordDropout
from nlp_pipeline.models.bert_vectors import BertVectors
from nlp_pipeline.models.network import Network, Tensors
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.text.casing import CASINGS
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet


class Tagger(Network):
    """A network that gives every word a tag.

    Its inputs are the batches of `inputs.tagging.TaggingInputs`: B sentences of up to L words. What is computed of the
    words is computed of the N that there are, without padding, step by step (`layers.layout`); emissions and tags stand
    in the places of the batch again. There are K tags.

    Args:
        recipe: what it is made of.
        tag_set: the tags, and which may follow which.
        vocabulary_sizes: of `characters` and `words`, as far as the recipe wants them, padding and unknown included.
        bert: the encoder, if the recipe has one. Its weights are part of the tagger.
        use_cudnn: False for a network that must run without a GPU wherever it was built.
    """

    def __init__(
        self,
        recipe: TaggingRecipe,
        tag_set: TagSet,
        vocabulary_sizes: Mapping[str, int],
        bert: BertVectors | None,
        use_cudnn: bool | str = "auto",
    ) -> None:
        policy = recipe.training.policy
        super().__init__(name="tagger", dtype=policy)
        self.recipe = recipe
        self.tag_set = tag_set
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.use_cudnn = use_cudnn

        self.bert = bert
        self.characters: keras.layers.Layer | None = None
        if recipe.characters is not None:
            settings = recipe.characters
            if settings.kind == "lstm":
                self.characters = CharacterLSTM(
                    vocabulary_sizes["characters"],
                    settings.size,
                    settings.units,
                    dropout=settings.dropout,
                    use_cudnn=use_cudnn,
                    name="characters",
                    dtype=policy,
                )
            else:
                self.characters = CharacterCNN(
                    vocabulary_sizes["characters"],
                    settings.size,
                    settings.units,
                    settings.widths,
                    dropout=settings.dropout,
                    name="characters",
                    dtype=policy,
                )
        self.casing = None
        if recipe.casing is not None:
            self.casing = keras.layers.Embedding(len(CASINGS), recipe.casing.size, name="casing", dtype=policy)
        self.words = None
        if recipe.words is not None:
            self.words = keras.layers.Embedding(
                vocabulary_sizes["words"], recipe.words.size, name="words", dtype=policy
            )

        self.word_dropout = WordDropout(recipe.word_dropout, name="word_dropout", dtype=policy)
        self.projection = None
        if recipe.recurrent.projection is not None:
            self.projection = keras.layers.Dense(recipe.recurrent.projection, name="projection", dtype=policy)
        self.recurrent = None
        if recipe.recurrent.layers:
            settings_of_recurrent = recipe.recurrent
            self.recurrent = RecurrentStack(
                settings_of_recurrent.cell,
                settings_of_recurrent.units,
                layers=settings_of_recurrent.layers,
                bidirectional=settings_of_recurrent.bidirectional,
                dropout_inputs=settings_of_recurrent.dropout.inputs,
                dropout_between=settings_of_recurrent.dropout.between,
                dropout_recurrent=settings_of_recurrent.dropout.recurrent,
                use_cudnn=use_cudnn,
                name="recurrent",
                dtype=policy,
            )
        self.dropout = Dropout(recipe.decoder.dropout, name="dropout", dtype=policy)
        self.emission = keras.layers.Dense(len(tag_set), name="emission", dtype="float32")
        decoder = CRF if recipe.decoder.kind == "crf" else SoftmaxDecoder
        self.decoder = decoder(
            len(tag_set),
            tag_set.allowed_starts,
            tag_set.allowed_transitions,
            tag_set.allowed_ends,
            name="decoder",
            dtype="float32",
        )
        # Its layers build themselves when they are first called; Keras need not try a batch of symbols.
        self.built = True

    @classmethod
    def for_inputs(
        cls,
        inputs: TaggingInputs,
        encoder_folder: Path | None,
        use_cudnn: bool | str = "auto",
        from_checkpoint: bool = False,
    ) -> Tagger:
        """Return a network with all its weights made, for the batches of `inputs`.

        Args:
            inputs: makes the batches.
            encoder_folder: holds the encoder's `config.json`, where the recipe has an encoder.
            use_cudnn: False for a network that must run without a GPU.
            from_checkpoint: fill the encoder with the weights of that folder; otherwise they are random.

        Raises:
            EncoderError: where the folder holds no checkpoint that fits, the recipe's window is too long for it, or the
                tokenizer has subwords that it has no vectors for.
        """
        recipe = inputs.recipe
        bert = None
        if recipe.encoder is not None:
            assert encoder_folder is not None
            assert inputs.tokenizer is not None
            bert = BertVectors.from_folder(recipe.encoder, encoder_folder, inputs.tokenizer, recipe.training.policy)
        sizes = {name: len(vocabulary) for name, vocabulary in inputs.vocabularies.items()}
        network = cls(recipe, inputs.tag_set, sizes, bert, use_cudnn)
        network.losses_of(inputs.batch(inputs.encode([Sentence(("a",), tags=("O",))])))
        if from_checkpoint and bert is not None and encoder_folder is not None:
            bert.load(encoder_folder)
        return network

    def call(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the emissions [B, L, K] in float32; those on padding mean nothing."""
        return self._emissions(batch, training)

    def emissions_with(self, batch: Tensors, nudges: Sequence[States]) -> tf.Tensor:
        """Return the emissions [B, L, K] of recurrent layers whose states are nudged, as `RecurrentStack.read` does."""
        assert self.recurrent is not None
        return self._emissions(batch, False, nudges)

    def _emissions(self, batch: Tensors, training: bool, nudges: Sequence[States] | None = None) -> tf.Tensor:
        layout = Layout.of(batch["padding_mask"])
        seen = self._seen_of_words(batch, layout, training)
        if self.recurrent is not None:
            if not self.recurrent.built:
                self.recurrent.build([None, None, seen.shape[-1]])
            # TensorBoard shows the graph by these names, which Keras gives to what is called alone.
            with tf.name_scope(self.recurrent.name):
                seen = self.recurrent.outputs_of(seen, layout, training, nudges)
        return layout.padded(self.emission(self.dropout(seen, training=training, rows=layout.words)))

    def _seen_of_words(self, batch: Tensors, layout: Layout, training: bool) -> tf.Tensor:
        """Return what the recurrent layers read [N, ...]: the words, without padding."""
        parts = []
        if self.bert is not None:
            parts.append(self.bert(batch, training=training))
        parts.extend(self._of_distinct_words(batch, layout, training))
        if self.projection is not None:
            return self._projected(self.projection, parts, training)
        joined = tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
        return self.word_dropout(joined, training=training)

    def _projected(self, projection: keras.layers.Dense, parts: Sequence[tf.Tensor], training: bool) -> tf.Tensor:
        """Return the projection of the parts, side by side, with word dropout [N, units].

        Each part is multiplied by its own rows of the kernel, so that no gradient is computed for one that nothing is
        learnt from: a frozen encoder's vectors are nine tenths of a word. A word that is dropped keeps the bias.
        """
        widths = [int(part.shape[-1]) for part in parts]
        if not projection.built:
            projection.build([None, sum(widths)])
        kernels = tf.split(rounded(projection.kernel, self.compute_dtype), widths, axis=0)
        products = [of_words(part, kernel, training) for part, kernel in zip(parts, kernels, strict=True)]
        joined = self.word_dropout(tf.add_n(products), training=training)
        return tf.nn.bias_add(joined, tf.cast(projection.bias.value, self.compute_dtype))

    def _of_distinct_words(self, batch: Tensors, layout: Layout, training: bool) -> list[tf.Tensor]:
        """Return what is seen of the words themselves [N, ...]: computed once a distinct word, then handed out."""
        features = []
        if self.characters is not None:
            features.append(self.characters(batch["character_ids"], training=training))
        if self.casing is not None:
            features.append(self.casing(batch["casing_ids"]))
        if self.words is not None:
            features.append(self.words(batch["word_ids"]))
        if not features:
            return []
        together = tf.concat(features, axis=-1) if len(features) > 1 else features[0]
        return [tf.gather(together, layout.packed(batch["word_index"]))]

    def losses_of(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the negative log-likelihood of the gold tags of each sentence [B], in nats, summed over its words."""
        emissions = self(batch, training=training)
        return self.decoder.negative_log_likelihood(emissions, batch["tag_ids"], batch["padding_mask"])

    def best_tags(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the best allowed tags [B, L] int32, and how probable each is [B, L] float32 (its marginal)."""
        return self._best_of(self(batch, training=False), batch["padding_mask"])

    def best_path(self, batch: Tensors) -> tf.Tensor:
        """Return the best allowed tags [B, L] int32 alone."""
        return self.decoder.best_path(self(batch, training=False), batch["padding_mask"])[0]

    def judged(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return what `best_tags` does, and the loss of the gold tags of each sentence [B], in nats."""
        emissions, mask = self(batch, training=False), batch["padding_mask"]
        losses = self.decoder.negative_log_likelihood(emissions, batch["tag_ids"], mask)
        return *self._best_of(emissions, mask), losses

    def _best_of(self, emissions: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tag_ids, _ = self.decoder.best_path(emissions, padding_mask)
        return tag_ids, self.decoder.confidences(emissions, tag_ids, padding_mask)
