"""A trained tagger's bundle: all that is needed to load it again, on any machine.

bundle.json            format, task, and the digest of every file
recipe.yaml            the resolved recipe
tags.json              the tag set
vocabularies.json      characters and words
known_entities.json    digests of the training corpus's entities, to tell seen from unseen ones
weights.safetensors    every weight of the network, the encoder's included
encoder/               the encoder's config.json and tokenizer files
metrics.json           scores and circumstances of the training
README.md              the model card
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_pipeline.errors import BundleError, Problem, RecipeError
from nlp_pipeline.inputs.tagging import TaggingInputs
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.outputs import new_folder
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.serving.manifest import MANIFEST, read_json, read_task, write_json, write_manifest, write_tensors
from nlp_pipeline.serving.precision import Precision, in_precision
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.text.vocabulary import Vocabulary

TASK = "tagging"


@dataclass(frozen=True)
class TaggerBundle:
    """A tagger and what belongs to it.

    Attributes:
        recipe: what it was made by.
        inputs: makes its batches; holds tag set, vocabularies and tokenizer.
        network: the network with its weights.
        encoder_folder: where the encoder's config.json stands; None without an encoder.
        known_entities: digests of the entities of the training corpus.
        metrics: scores and circumstances of the training.
        card: the model card, in Markdown.
    """

    recipe: TaggingRecipe
    inputs: TaggingInputs
    network: Tagger
    encoder_folder: Path | None
    known_entities: Set[str]
    metrics: Mapping[str, Any]
    card: str

    def write(self, target: Path) -> None:
        """Write the bundle; a bundle that stood there is replaced when the new one is whole.

        Raises:
            OutputError: where it cannot be written.
        """
        with new_folder(target, marker=MANIFEST) as folder:
            (folder / "recipe.yaml").write_text(self.recipe.to_yaml(), encoding="utf-8")
            write_json(folder / "tags.json", self.inputs.tag_set.to_json())
            vocabularies = {name: vocabulary.to_json() for name, vocabulary in self.inputs.vocabularies.items()}
            write_json(folder / "vocabularies.json", vocabularies)
            write_json(folder / "known_entities.json", sorted(self.known_entities))
            write_json(folder / "metrics.json", self.metrics)
            (folder / "README.md").write_text(self.card, encoding="utf-8")
            write_tensors(folder / "weights.safetensors", self.network.named_weights())
            if self.inputs.tokenizer is not None and self.encoder_folder is not None:
                encoder = folder / "encoder"
                encoder.mkdir()
                self.inputs.tokenizer.save(encoder)
                (encoder / "config.json").write_bytes((self.encoder_folder / "config.json").read_bytes())
            write_manifest(folder, TASK)

    def in_precision(self, precision: Precision) -> TaggerBundle:
        """Return the tagger with a network that computes in a precision, with the same weights."""
        recipe = in_precision(self.recipe, precision)
        inputs = TaggingInputs(recipe, self.inputs.tag_set, self.inputs.vocabularies, self.inputs.tokenizer)
        network = Tagger.for_inputs(inputs, self.encoder_folder, use_cudnn=self.network.use_cudnn)
        network.take_weights(self.network.named_weights())
        return replace(self, recipe=recipe, inputs=inputs, network=network)

    @classmethod
    def read(cls, folder: Path, use_cudnn: bool | str = "auto", precision: Precision | None = None) -> TaggerBundle:
        """Load a bundle.

        Args:
            folder: the bundle's.
            use_cudnn: False for a network that must run without a GPU.
            precision: in which it computes; as the recipe says where it is left out.

        Raises:
            BundleError: where it is missing, incomplete, altered or not a tagger's.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

        read_task(folder, TASK)
        try:
            recipe = read_recipe(folder / "recipe.yaml", kind=TaggingRecipe)
            if precision is not None:
                recipe = in_precision(recipe, precision)
            tag_set = TagSet.from_json(read_json(folder / "tags.json"))
            vocabularies = {
                name: Vocabulary.from_json(items) for name, items in read_json(folder / "vocabularies.json").items()
            }
            known_entities = frozenset(read_json(folder / "known_entities.json"))
            metrics = read_json(folder / "metrics.json")
            card = (folder / "README.md").read_text(encoding="utf-8")
            weights = load_file(folder / "weights.safetensors")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RecipeError) as error:
            reason = str(error).splitlines()[0]
            message = f"expected a bundle that this version of nlp_pipeline can read, received: {reason}"
            raise BundleError([Problem(str(folder), message)]) from None
        encoder_folder = folder / "encoder" if recipe.encoder is not None else None
        tokenizer = None
        if recipe.encoder is not None and encoder_folder is not None:
            tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word)
        inputs = TaggingInputs(recipe, tag_set, vocabularies, tokenizer)
        network = Tagger.for_inputs(inputs, encoder_folder, use_cudnn=use_cudnn)
        try:
            network.take_weights(weights)
        except ValueError as error:
            raise BundleError([Problem(str(folder / "weights.safetensors"), str(error))]) from None
        return cls(recipe, inputs, network, encoder_folder, known_entities, metrics, card)
