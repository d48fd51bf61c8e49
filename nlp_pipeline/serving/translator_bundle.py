"""A trained translator's bundle: all that is needed to load it again, on any machine.

bundle.json            format, task, and the digest of every file
recipe.yaml            the resolved recipe
source.json            the subwords of the source; not there where both sides share them, or BERT reads the source
target.json            the subwords of the target
weights.safetensors    every weight of the network, the BERT encoder's included
shortlist.safetensors  which subwords of the target translate which of the source; not there with a BERT encoder
encoder/               the BERT encoder's config.json and tokenizer files, where there is one
metrics.json           scores and circumstances of the training
README.md              the model card
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_pipeline.errors import BundleError, Problem, RecipeError
from nlp_pipeline.inputs.translation import TranslationInputs
from nlp_pipeline.models.shortlist import Shortlist
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.outputs import new_folder
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.serving.manifest import MANIFEST, read_json, read_task, write_json, write_manifest, write_tensors
from nlp_pipeline.serving.precision import Precision, in_precision
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer

TASK = "translation"
SHORTLIST = "shortlist.safetensors"
NO_SHORTLIST = "expected 0 of a bundle without a shortlist, of a BERT encoder or an earlier version"


@dataclass(frozen=True)
class TranslatorBundle:
    """A translator and what belongs to it.

    Attributes:
        recipe: what it was made by.
        inputs: makes its batches; holds the tokenizers.
        network: the network with its weights.
        encoder_folder: where the BERT encoder's config.json stands; None without one.
        shortlist: what a search may choose from; None with a BERT encoder.
        metrics: scores and circumstances of the training.
        card: the model card, in Markdown.
    """

    recipe: TranslationRecipe
    inputs: TranslationInputs
    network: Translator
    encoder_folder: Path | None
    shortlist: Shortlist | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""

    def shortlist_of(self, count: int) -> Shortlist | None:
        """Return the shortlist that `search.shortlist` asks for; None for 0, which asks for all subwords.

        Raises:
            BundleError: where the bundle has none.
        """
        if not count:
            return None
        if self.shortlist is None:
            raise BundleError([Problem("search.shortlist", f"{NO_SHORTLIST}, received {count}")])
        return self.shortlist.cut(count)

    def write(self, target: Path) -> None:
        """Write the bundle; a bundle that stood there is replaced when the new one is whole.

        Raises:
            OutputError: where it cannot be written.
        """
        inputs = self.inputs
        with new_folder(target, marker=MANIFEST) as folder:
            (folder / "recipe.yaml").write_text(self.recipe.to_yaml(), encoding="utf-8")
            inputs.target_tokenizer.save(folder, "target")
            if inputs.source_tokenizer is not None and inputs.source_tokenizer is not inputs.target_tokenizer:
                inputs.source_tokenizer.save(folder, "source")
            write_json(folder / "metrics.json", self.metrics)
            (folder / "README.md").write_text(self.card, encoding="utf-8")
            write_tensors(folder / "weights.safetensors", self.network.named_weights())
            if self.shortlist is not None:
                write_tensors(folder / SHORTLIST, vars(self.shortlist))
            if inputs.bert_tokenizer is not None and self.encoder_folder is not None:
                encoder = folder / "encoder"
                encoder.mkdir()
                inputs.bert_tokenizer.save(encoder)
                (encoder / "config.json").write_bytes((self.encoder_folder / "config.json").read_bytes())
            write_manifest(folder, TASK)

    def in_precision(self, precision: Precision) -> TranslatorBundle:
        """Return the translator with a network that computes in a precision, with the same weights."""
        recipe, own = in_precision(self.recipe, precision), self.inputs
        inputs = TranslationInputs(recipe, own.source_tokenizer, own.target_tokenizer, own.bert_tokenizer)
        network = Translator.for_inputs(inputs, self.encoder_folder, use_cudnn=self.network.use_cudnn)
        network.take_weights(self.network.named_weights())
        return replace(self, recipe=recipe, inputs=inputs, network=network)

    @classmethod
    def read(cls, folder: Path, use_cudnn: bool | str = "auto", precision: Precision | None = None) -> TranslatorBundle:
        """Load a bundle.

        Args:
            folder: the bundle's.
            use_cudnn: False for a network that must run without a GPU.
            precision: in which it computes; as the recipe says where it is left out.

        Raises:
            BundleError: where it is missing, incomplete, altered or not a translator's.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        read_task(folder, TASK)
        try:
            recipe = read_recipe(folder / "recipe.yaml", kind=TranslationRecipe)
            if precision is not None:
                recipe = in_precision(recipe, precision)
            metrics = read_json(folder / "metrics.json")
            card = (folder / "README.md").read_text(encoding="utf-8")
            weights = load_file(folder / "weights.safetensors")
            shortlist = Shortlist(**load_file(folder / SHORTLIST)) if (folder / SHORTLIST).is_file() else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RecipeError) as error:
            reason = str(error).splitlines()[0]
            message = f"expected a bundle that this version of nlp_pipeline can read, received: {reason}"
            raise BundleError([Problem(str(folder), message)]) from None
        target = TrainedTokenizer.load(folder, "target")
        encoder_folder = bert_tokenizer = source = None
        if recipe.bert is not None:
            encoder_folder = folder / "encoder"
            bert_tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=recipe.bert.max_subwords_of_word)
        else:
            source = target if recipe.subwords.joint else TrainedTokenizer.load(folder, "source")
        inputs = TranslationInputs(recipe, source, target, bert_tokenizer)
        network = Translator.for_inputs(inputs, encoder_folder, use_cudnn=use_cudnn)
        try:
            network.take_weights(weights)
        except ValueError as error:
            raise BundleError([Problem(str(folder / "weights.safetensors"), str(error))]) from None
        return cls(recipe, inputs, network, encoder_folder, shortlist, metrics, card)
