"""A tagger's functions in a graph against the tagger itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from nlp_pipeline.inputs.tagging import TaggingInputs, build_vocabularies
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.tagger import LoadedTagger, sentences_of
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.serving.tagger_export import TaggerExport
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from tests.tiny_checkpoint import write_tiny_checkpoint

TEXTS = [
    "Ana Reis lives in Oslo. “She said” it’s NOT far – 1,200 km!\nnext line",
    "MÜNCHEN straße ﬁne 👍🏽 中文。日本 [SEP] \ufe0f\u200b x",
    "",
    " \t ",
    "the man said the company was in Berlin " * 30,
    "a",
]

ENCODER = {"name": "tiny", "window": 32, "overlap": 8, "max_subwords_of_word": 12}
VARIANTS: dict[str, dict[str, Any]] = {
    "encoder, characters, casing": {"encoder": ENCODER, "characters": {"size": 3, "units": 4, "longest": 6}},
    "mixture of layers, first subword, softmax, two layers": {
        "encoder": {**ENCODER, "layers": "mix", "pooling": "first"},
        "characters": {"kind": "cnn", "size": 3, "units": 4},
        "casing": None,
        "decoder": {"kind": "softmax", "scheme": "BILOU"},
        "recurrent": {"cell": "gru", "units": 6, "layers": 2, "projection": None},
    },
    "words alone, one way": {
        "encoder": None,
        "characters": None,
        "casing": None,
        "words": {"size": 5, "minimum": 1, "lowercase": True},
        "decoder": {"kind": "crf", "scheme": "IOB2"},
        "recurrent": {"cell": "rnn", "units": 6, "bidirectional": False},
    },
}


def random_bundle(folder: Path, settings: dict[str, Any]) -> TaggerBundle:
    """Return a tagger with random weights."""
    recipe = TaggingRecipe.model_validate(
        {
            "task": "tagging",
            "name": "random",
            "data": {"train": "a", "dev": "a"},
            "recurrent": {"units": 8, "projection": 8},
            **settings,
        }
    )
    tokenizer = None
    if recipe.encoder is not None:
        write_tiny_checkpoint(folder)
        tokenizer = CheckpointTokenizer(folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word)
    sentences = [Sentence(sentence.words) for text in TEXTS[:2] for sentence in sentences_of(text)]
    tag_set = TagSet(["PER", "LOC"], Scheme(recipe.decoder.scheme))
    inputs = TaggingInputs(recipe, tag_set, build_vocabularies(sentences * 2, recipe), tokenizer)
    keras.utils.set_random_seed(11)
    network = Tagger.for_inputs(inputs, folder if tokenizer is not None else None, use_cudnn=False)
    for weight in network.trainable_weights:
        # Far enough from each other for tags of all kinds.
        weight.assign(weight + keras.random.normal(weight.shape, stddev=0.3, seed=3))
    return TaggerBundle(recipe, inputs, network, None, frozenset(), {}, "")


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_texts_and_words_get_the_tags_of_the_bundle(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than one batch, of one sentence each or of several.
    monkeypatch.setattr("nlp_pipeline.serving.tagger_export.BATCH_SUBWORDS", 40)
    bundle = random_bundle(tmp_path, settings)
    tagger = LoadedTagger(bundle)
    functions = TaggerExport(bundle, ["words", "text"]).exported.functions

    found = {name: value.numpy() for name, value in functions["tag_text"](text=tf.constant(TEXTS)).items()}
    seen = set()
    for row, text in enumerate(TEXTS):
        tagged = tagger.tag_text(text)
        expected = [
            (word, tag, span.start, span.end, number)
            for number, sentence in enumerate(tagged.sentences)
            for word, tag, span in zip(
                sentence.sentence.words, sentence.tags, sentence.sentence.offsets or (), strict=True
            )
        ]
        raw = text.encode()
        received = [
            (
                found["words"][row, place].decode(),
                found["tags"][row, place].decode(),
                len(raw[: found["starts"][row, place]].decode()),
                len(raw[: found["ends"][row, place]].decode()),
                found["sentences"][row, place],
            )
            for place in range(len(expected))
        ]
        assert received == expected
        assert (found["words"][row, len(expected) :] == b"").all()
        scores = [score for sentence in tagged.sentences for score in sentence.confidences]
        assert found["scores"][row, : len(scores)].tolist() == pytest.approx(scores, abs=1e-5)
        seen |= {tag for sentence in tagged.sentences for tag in sentence.tags}
    assert len(seen) > 2

    # Holes among the words are no words.
    words = [["Ana", "", "lives", "in", "Oslo"], ["", "", "", "", ""], ["x", "Berlin", "", "", ""]]
    tagged_words = functions["tag_words"](words=tf.constant(words))["tags"].numpy().tolist()
    for row, given in zip(tagged_words, words, strict=True):
        there = [word for word in given if word]
        assert [tag.decode() for tag in row if tag] == (list(tagger.tag(there).tags) if there else [])
        assert [bool(tag) for tag in row] == [bool(word) for word in given]
    nothing = functions["tag_words"](words=tf.constant([], tf.string, shape=[0, 0]))
    assert nothing["tags"].shape == (0, 0)


def test_what_is_no_text_does_not_stop_it(tmp_path: Path) -> None:
    functions = TaggerExport(random_bundle(tmp_path, VARIANTS["words alone, one way"]), ["text"]).exported.functions
    found = functions["tag_text"](text=tf.constant([b"caf\xe9 \xff\xfe Oslo", b"\x00"]))
    assert found["starts"].numpy()[0, -1] == 8
    assert found["ends"].numpy()[0, -1] == 12
    assert found["words"].numpy()[0, -1] == b"Oslo"


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_mask_of_ids_may_be_all_padding_but_has_no_holes(tmp_path: Path, settings: dict[str, Any]) -> None:
    bundle = random_bundle(tmp_path, settings)
    tag_ids = TaggerExport(bundle, ["ids"]).exported.functions["serving_default"]
    _, signature = tag_ids.structured_input_signature
    assert "padding_mask" in signature

    def given(mask: list[list[bool]]) -> dict[str, tf.Tensor]:
        filled = {"padding_mask": tf.constant(mask)}
        for name, one in signature.items():
            if name != "padding_mask":
                ones = tf.ones([2, 3, 4][: len(one.shape)], tf.int32)
                filled[name] = ones
        return filled

    nothing = tag_ids(**given([[False] * 3] * 2))
    assert (nothing["tags"].numpy() == b"").all()
    some = tag_ids(**given([[True, True, False], [False] * 3]))
    assert (some["tags"].numpy() != b"").tolist() == [[True, True, False], [False] * 3]
    for holes in ([[True, False, True], [True] * 3], [[False, True, True], [True] * 3]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="true at the left of each row"):
            tag_ids(**given(holes))


def test_in_bfloat16_the_kernels_are_rounded_once(tmp_path: Path) -> None:
    settings = VARIANTS["encoder, characters, casing"]
    loaded = LoadedTagger(random_bundle(tmp_path, {**settings, "training": {"precision": "bfloat16"}}))
    loaded.tag(["Ana"])
    list(loaded.begin([Sentence(("Ana",))], confidences=False).results)
    assert set(loaded._best_tags) == {True, False}

    def reads_of_kernels(function: Any) -> list[str]:
        """Return which matrices a graph reads from variables and then casts, in its functions too."""
        whole = function.get_concrete_function().graph.as_graph_def(add_shapes=True)
        found = []
        for nodes in (whole.node, *(one.node_def for one in whole.library.function)):
            reads = {node.name for node in nodes if node.op == "ReadVariableOp"}
            for node in nodes:
                if node.op == "Cast" and node.input[0].split(":")[0] in reads and "bias" not in node.input[0]:
                    found += [node.name]
        return found

    kernels = [weight for weight in loaded.bundle.network.weights if "block_" in weight.path and len(weight.shape) == 2]
    assert kernels
    for function in loaded._best_tags.values():
        assert not [name for name in reads_of_kernels(function) if "block_" in name]
    assert {(id(kernel), "bfloat16") for kernel in kernels} <= set(loaded._rounded)
