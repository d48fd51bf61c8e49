"""The translator: the source is read by recurrent layers, and the target written by others that attend to it.

    source -> embeddings | BERT -> recurrent encoder --annotations--> attention
                                          |                             |
                                        bridge -----------> recurrent decoder -> readout -> output layer -> target

Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks"; Cho et al. 2014; with attention, Bahdanau
et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate". Shapes: B sentences of up to S
subwords (or words) of the source and T subwords of the target; V subwords in the target's vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nlp_pipeline.inputs.translation import TranslationInputs
from nlp_pipeline.layers.bridge import Bridge
from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.decoder import RecurrentDecoder, Source
from nlp_pipeline.layers.dropout import Dropout, of_replica
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrent import RecurrentStack
from nlp_pipeline.models.bert_vectors import BertVectors
from nlp_pipeline.models.losses import negative_log_likelihoods
from nlp_pipeline.models.network import Network, Tensors
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.text.pair import SentencePair


class Begun(NamedTuple):
    """What is known before the first subword of a translation is written.

    Attributes:
        source: what the decoder attends to.
        states: what each layer of the decoder begins in.
    """

    source: Source
    states: list[States]


class Translator(Network):
    """A network that writes a target sentence for a source sentence.

    Args:
        recipe: what it is made of.
        vocabulary_sizes: of `target`, and of `source` where that has trained vectors of its own.
        bert: the BERT encoder, if the recipe has one. Its weights are part of the translator.
        use_cudnn: False for a network that must run without a GPU wherever it was built.
    """

    def __init__(
        self,
        recipe: TranslationRecipe,
        vocabulary_sizes: Mapping[str, int],
        bert: BertVectors | None,
        use_cudnn: bool | str = "auto",
    ) -> None:
        policy = recipe.training.policy
        super().__init__(name="translator", dtype=policy)
        self.recipe = recipe
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.use_cudnn = use_cudnn
        self.bert = bert
        embeddings, encoder, decoder = recipe.embeddings, recipe.encoder, recipe.decoder
        self.target_table = self._table("target")
        self.source_table = None
        if bert is None:
            self.source_table = self.target_table if embeddings.tie == "all" else self._table("source")
        self.source_dropper = Dropout(embeddings.dropout, name="source_dropper", dtype=policy)
        self.target_dropper = Dropout(embeddings.dropout, name="target_dropper", dtype=policy)
        self.encoder = RecurrentStack(
            encoder.cell,
            encoder.units,
            layers=encoder.layers,
            bidirectional=encoder.bidirectional,
            dropout_between=encoder.dropout,
            variational=False,
            use_cudnn=use_cudnn,
            name="encoder",
            dtype=policy,
        )
        self.encoder_norm = None
        if recipe.normalise and decoder.attention is not None:
            # Without attention nobody looks at the outputs.
            self.encoder_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="encoder_norm", dtype="float32")
        self.encoder_dropper = Dropout(encoder.dropout_outputs, name="encoder_dropper", dtype=policy)
        self.bridge = Bridge(
            decoder.bridge,
            decoder.cell,
            decoder.units,
            decoder.layers,
            learned=decoder.initial == "learned",
            name="bridge",
            dtype=policy,
        )
        attention = decoder.attention
        self.decoder = RecurrentDecoder(
            decoder.cell,
            decoder.units,
            layers=decoder.layers,
            attention=None if attention is None else attention.score,
            attention_units=None if attention is None else attention.units,
            input_feeding=attention is not None and attention.input_feeding,
            query_input=attention is not None and attention.query == "state_and_subword",
            sees_context=attention is None and decoder.context == "each_step",
            readout_units=decoder.readout,
            normalise=recipe.normalise,
            dropout_between=decoder.dropout,
            dropout_readout=decoder.dropout_readout,
            name="decoder",
            dtype=policy,
        )
        ways = 2 if encoder.bidirectional else 1
        annotation = ways * encoder.units
        first = embeddings.size if bert is None else bert.units
        self.encoder.build((None, None, first))
        if self.encoder_norm is not None:
            self.encoder_norm.build((None, None, annotation))
        parts = CELLS[encoder.cell].parts
        self.bridge.build([[(None, annotation)] * parts] * encoder.layers)
        self.decoder.build((None, None, embeddings.size), (None, None, annotation), (None, annotation))

        self.learned_ends = None
        if encoder.initial == "learned":
            self.learned_ends = self.add_weight(
                shape=(encoder.layers, parts, annotation),
                initializer="zeros",
                dtype="float32",
                autocast=False,
                name="encoder_states",
            )
        self.output_kernel = None
        if embeddings.tie == "none":
            width = decoder.readout or decoder.units + (
                annotation if attention is not None or self.decoder.sees_context else 0
            )
            self.output_kernel = self.add_weight(
                shape=(vocabulary_sizes["target"], width),
                initializer=_scaled(),
                dtype="float32",
                autocast=False,
                name="output_kernel",
            )
        self.output_bias = self.add_weight(
            shape=(vocabulary_sizes["target"],),
            initializer="zeros",
            dtype="float32",
            autocast=False,
            name="output_bias",
        )
        # The share of decoder inputs that are the target's own; the training loop moves it.
        self.teacher_forcing = tf.Variable(1.0, trainable=False, name="teacher_forcing")
        self.scheduled = recipe.teacher_forcing.first < 1.0 or recipe.teacher_forcing.last < 1.0
        self.input_seeds = keras.random.SeedGenerator()
        self.built = True

    def _table(self, side: str) -> keras.layers.Layer:
        settings = {"embeddings_initializer": _scaled(), "name": side, "dtype": self.dtype_policy}
        table = keras.layers.Embedding(self.vocabulary_sizes[side], self.recipe.embeddings.size, **settings)
        table.build(())
        return table

    @classmethod
    def for_inputs(
        cls,
        inputs: TranslationInputs,
        encoder_folder: Path | None,
        use_cudnn: bool | str = "auto",
        from_checkpoint: bool = False,
    ) -> Translator:
        """Return a network with all its weights made, for the batches of `inputs`.

        Args:
            inputs: makes the batches.
            encoder_folder: holds the BERT encoder's `config.json`, where the recipe has one.
            use_cudnn: False for a network that must run without a GPU.
            from_checkpoint: fill the BERT encoder with the weights of that folder; otherwise they are random.

        Raises:
            EncoderError: where the folder holds no checkpoint that fits, or the recipe's window is too long for it.
        """
        recipe = inputs.recipe
        bert = None
        if recipe.bert is not None:
            assert encoder_folder is not None
            assert inputs.bert_tokenizer is not None
            bert = BertVectors.from_folder(recipe.bert, encoder_folder, inputs.bert_tokenizer, recipe.training.policy)
        sizes = {"target": len(inputs.target_tokenizer)}
        if inputs.source_tokenizer is not None:
            sizes["source"] = len(inputs.source_tokenizer)
        network = cls(recipe, sizes, bert, use_cudnn)
        network.losses_of(inputs.batch(inputs.encode([SentencePair("a", "a")])))
        if from_checkpoint and bert is not None and encoder_folder is not None:
            bert.load(encoder_folder)
        return network

    def begin(self, batch: Tensors, training: bool = False, nudges: Sequence[States] | None = None) -> Begun:
        """Read the sources.

        Args:
            batch: source_mask [B, S], and source_ids [B, S] or what `BertVectors` takes.
            training: whether to drop out.
            nudges: what is added to the states of the encoder, as `RecurrentStack.read` takes it.
        """
        layout = Layout.of(batch["source_mask"])
        if self.bert is not None:
            inputs = self.bert(batch, training=training)
        else:
            assert self.source_table is not None
            inputs = self._looked_up(self.source_table, layout.packed(batch["source_ids"]))
        inputs = self.source_dropper(tf.cast(inputs, self.compute_dtype), training=training)
        first = None
        if self.learned_ends is not None:
            rows = [tf.unstack(layer) for layer in tf.unstack(tf.convert_to_tensor(self.learned_ends.value))]
            first = [tuple(tf.tile(part[tf.newaxis], [layout.shape[0], 1]) for part in layer) for layer in rows]
        with tf.name_scope(self.encoder.name):
            outputs, ends = self.encoder.read(inputs, layout, first, training=training, nudges=nudges)
        if self.encoder_norm is not None:
            outputs = tf.cast(self.encoder_norm(outputs), self.compute_dtype)
        outputs = layout.padded(self.encoder_dropper(outputs, training=training))
        return Begun(self.decoder.look_at(outputs, batch["source_mask"], ends[-1][0]), self.bridge(ends))

    def embed(self, target_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the decoder's inputs [..., E] for subwords [...] of the target."""
        return self.target_dropper(self._looked_up(self.target_table, target_ids), training=training)

    def _looked_up(self, table: keras.layers.Layer, ids: tf.Tensor) -> tf.Tensor:
        # The rows first: Keras would round the whole table, at every step of a search.
        rows = tf.gather(tf.convert_to_tensor(table.embeddings.value), ids)
        return tf.cast(rows, self.compute_dtype)

    def logits(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the scores of all subwords [..., V], float32, from the decoder's outputs [..., R]."""
        kernel = tf.cast(self._output_kernel(), outputs.dtype)
        flat = tf.matmul(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, transpose_b=True)
        flat = tf.cast(flat, tf.float32) + tf.convert_to_tensor(self.output_bias.value)
        return tf.reshape(flat, tf.concat([tf.shape(outputs)[:-1], [self.vocabulary_sizes["target"]]], axis=0))

    def output_layer(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the output layer of some subwords [...]: the kernel's rows [..., R], and the bias [...] in float32."""
        kernel = tf.cast(tf.gather(self._output_kernel(), ids), self.compute_dtype)
        return kernel, tf.gather(tf.convert_to_tensor(self.output_bias.value), ids)

    def _output_kernel(self) -> tf.Tensor:
        own = self.output_kernel if self.output_kernel is not None else self.target_table.embeddings
        return tf.convert_to_tensor(own.value)

    def call(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the scores of the next subword [B, T, V], float32, where the target's own stand before it."""
        begun = self.begin(batch, training)
        inputs, mask = self.embed(batch["decoder_inputs"], training), batch.get("padding_mask")
        return self.logits(self.decoder(inputs, begun.source, begun.states, mask, training=training).outputs)

    def losses_of(self, batch: Tensors, training: bool = False) -> tf.Tensor:
        """Return the negative log-likelihood of each target [B], in nats, summed over its subwords.

        In training the labels are smoothed (Szegedy et al. 2016, section 7): the loss is (1 - e) of that of the target
        and e of the mean loss of all subwords. The mean of all scores is the score by the mean of the output layer's
        rows, so that nothing of the size [B, T, V] is computed for it.
        """
        begun, layout = self.begin(batch, training), Layout.of(batch["padding_mask"])
        ids = batch["decoder_inputs"]
        if training and self.scheduled:
            ids = self._with_own_words(ids, layout, begun)
        outputs = self._outputs_of(ids, layout, begun, training)
        losses = self._losses_of_subwords(outputs, layout.packed(batch["target_ids"]), training)
        return _summed(losses, layout, batch["padding_mask"])

    def judged(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return what `losses_of` does, and of each subword of the targets, what the network would have put there.

        Returns:
            The losses [B]; for each of the N subwords of all targets, in order, how probable the most probable subword
            was [N] float32, and whether it was the target's own [N] bool.
        """
        begun, layout = self.begin(batch), Layout.of(batch["padding_mask"])
        logits = self.logits(self._outputs_of(batch["decoder_inputs"], layout, begun))
        targets = layout.packed(batch["target_ids"])
        losses = negative_log_likelihoods(logits, targets)
        # The loss is what the target's score is below the logarithm of the sum; so nothing wide is computed twice.
        log_sums = losses + tf.gather(logits, targets, batch_dims=1)
        confidences = tf.exp(tf.reduce_max(logits, axis=1) - log_sums)
        right = tf.argmax(logits, axis=1, output_type=targets.dtype) == targets
        summed = _summed(losses, layout, batch["padding_mask"])
        return summed, *map(layout.one_behind_the_other, (confidences, right))

    def _outputs_of(self, ids: tf.Tensor, layout: Layout, begun: Begun, training: bool = False) -> tf.Tensor:
        """Return what the decoder makes [N, R] of the N real ones of its inputs [B, T]."""
        inputs = self.embed(layout.packed(ids), training)
        # TensorBoard shows the graph by these names, which Keras gives to what is called alone.
        with tf.name_scope(self.decoder.name):
            return self.decoder.read(inputs, layout, begun.source, begun.states, training).outputs

    def _losses_of_subwords(self, outputs: tf.Tensor, targets: tf.Tensor, training: bool) -> tf.Tensor:
        """Return the loss of each of N subwords [N], from the decoder's outputs [N, R]."""
        losses = negative_log_likelihoods(self.logits(outputs), targets)
        if training and self.recipe.label_smoothing:
            kernel, bias = self._output_kernel(), tf.convert_to_tensor(self.output_bias.value)
            difference = tf.gather(kernel, targets) - tf.reduce_mean(kernel, axis=0)
            of_target = tf.reduce_sum(tf.cast(outputs, tf.float32) * difference, axis=-1)
            of_target += tf.gather(bias, targets) - tf.reduce_mean(bias)
            losses += self.recipe.label_smoothing * of_target
        return losses

    def _with_own_words(self, ids: tf.Tensor, layout: Layout, begun: Begun) -> tf.Tensor:
        """Return decoder inputs [B, T] of which some are what the network itself would have put there.

        What it would have put is found with the target's own words before it, all at once (Mihaylova and Martins 2019,
        "Scheduled Sampling for Transformers"), and without a gradient.
        """

        def mixed() -> tf.Tensor:
            logits = self.logits(self._outputs_of(ids, layout, begun))
            own = layout.padded(tf.argmax(logits, axis=-1, output_type=ids.dtype))
            shifted = tf.concat([ids[:, :1], own[:, :-1]], axis=1)
            given = keras.random.uniform(tf.shape(ids), seed=of_replica(self.input_seeds)) < self.teacher_forcing
            return tf.where(given, ids, shifted)

        return tf.stop_gradient(tf.cond(self.teacher_forcing < 1.0, mixed, lambda: ids))

    def begin_epoch(self, epoch: int) -> None:
        """Move the share of the target's own words to where the recipe wants it in an epoch, counted from 1."""
        forcing, training = self.recipe.teacher_forcing, self.recipe.training
        last = training.epochs + (training.frozen_epochs if self.finetunes else 0) - 1
        way = min(1.0, (epoch - 1) / last) if last else 0.0
        self.teacher_forcing.assign(forcing.first + way * (forcing.last - forcing.first))

    def alignments(self, batch: Tensors) -> tf.Tensor | None:
        """Return the attention weights [B, T, S] with which the target's own subwords are written; None without any."""
        begun = self.begin(batch)
        inputs = self.embed(batch["decoder_inputs"])
        return self.decoder(inputs, begun.source, begun.states, batch.get("padding_mask")).weights


def _summed(losses: tf.Tensor, layout: Layout, padding_mask: tf.Tensor) -> tf.Tensor:
    """Return the sum of each sentence's losses [B], of those of all words [N]."""
    return tf.reduce_sum(tf.where(padding_mask, layout.padded(losses), 0.0), axis=1)


def _scaled() -> Any:
    # As wide as the layers above expect their inputs, and as an output layer that begins near evenness.
    return keras.initializers.RandomNormal(stddev=0.05)
