"""What the whole promises: a sentence is tagged the same in any company, and every word comes out once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from nlp_pipeline.jobs.evaluate import evaluate_tagger, read_labelled
from nlp_pipeline.jobs.files import Files
from nlp_pipeline.jobs.score import score_files
from nlp_pipeline.jobs.tag import tag_files
from nlp_pipeline.jobs.tasks import train
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.serving import tagger as serving
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.text.sentence import Sentence
from tests.conftest import TINY_CORPUS
from tests.tiny_checkpoint import write_tiny_checkpoint

RECIPE = """
task: tagging
name: laws
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, window: 24, overlap: 6, max_subwords_of_word: 8, layers: mix}}
characters: {{kind: lstm, size: 8, units: 8, dropout: 0.0}}
word_dropout: 0.0
recurrent: {{units: 12, projection: 16, layers: 2, dropout: {{inputs: 0.0, between: 0.0}}}}
decoder: {{dropout: 0.0}}
training: {{epochs: 60, batch_subwords: 64, learning_rate: 1e-2, average: null}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a tagger with an encoder whose window is so short that most sentences need several."""
    folder = tmp_path_factory.mktemp("laws")
    encoder = write_tiny_checkpoint(folder / "encoder", cased=True)
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "laws.yaml").write_text(RECIPE.format(encoder=encoder), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLP_PIPELINE_CACHE", str(folder / "cache"))
        recipe = read_recipe(folder / "laws.yaml", kind=TaggingRecipe)
        return train(recipe, folder / "run", Console(file=io.StringIO())).bundle


@pytest.fixture(scope="module")
def tagger(folder: Path) -> LoadedTagger:
    return LoadedTagger.load(folder)


def _sentences() -> list[Sentence]:
    words = [
        "Ana",
        "Reis",
        "lives",
        "in",
        "Oslo",
        ".",
        "\ufe0f",
        "[SEP]",
        "#",
        "New",
        "York",
        "x" * 300,
        "\x07",
        "東京",
    ]
    lengths = [1, 3, 40, 7, 2, 120, 5, 1, 13, 64]
    sentences = []
    for number, length in enumerate(lengths):
        sentences.append(Sentence(tuple(words[(number + place * 5) % len(words)] for place in range(length))))
    return sentences


def test_a_sentence_is_tagged_the_same_in_any_company(tagger: LoadedTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = _sentences()
    together = list(tagger.tag_stream(sentences))
    alone = [tagger.tag(sentence.words) for sentence in sentences]
    monkeypatch.setattr(serving, "BATCH_SUBWORDS", 150)
    monkeypatch.setattr(serving, "LOOK_AHEAD_WORDS", 50)
    in_small_batches = list(tagger.tag_stream(reversed(sentences)))[::-1]
    for sentence, *ways in zip(sentences, together, alone, in_small_batches, strict=True):
        for way in ways:
            assert way.sentence.words == sentence.words
            assert way.tags == ways[0].tags
            assert way.confidences == pytest.approx(ways[0].confidences, abs=1e-4)
    assert any(tag != "O" for one in together for tag in one.tags)


def test_two_thousand_words_and_a_word_of_three_hundred_thousand_characters(tagger: LoadedTagger) -> None:
    words = ["Oslo", "is", "a" * 300_000, "in", "."] * 400
    tagged = tagger.tag(words)
    assert len(tagged.tags) == len(tagged.confidences) == 2000
    assert all(0.0 <= confidence <= 1.0 + 1e-5 for confidence in tagged.confidences)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "Ana Reis lives in Oslo. Rui left\u2028New York…",
        "👩‍👩‍👧🏽 Ana\u0301 Reis’s \ufe0f لندن في Oslo",
        "Ana Reis [SEP] [MASK] <b>Oslo</b> @ana #Oslo http://oslo.example/x.",
    ],
)
def test_offsets_slice_the_text(tagger: LoadedTagger, text: str) -> None:
    tagged = tagger.tag_text(text)
    words = [word for one in tagged.sentences for word in one.sentence.words]
    spans = [span for one in tagged.sentences for span in one.sentence.offsets or ()]
    assert [text[span.start : span.end] for span in spans] == words
    assert "".join(words) == "".join(text.split())
    for entity in tagged.entities:
        assert text[entity.start : entity.end] == entity.surface
        assert 0.0 <= entity.score <= 1.0 + 1e-5


def test_what_tag_writes_scores_what_evaluate_says(folder: Path, tagger: LoadedTagger, tmp_path: Path) -> None:
    gold = tmp_path / "gold.conll"
    gold.write_text(TINY_CORPUS, encoding="utf-8")
    evaluation = evaluate_tagger(tagger, read_labelled(tagger, str(gold)))
    written = tmp_path / "tagged.conll"
    done = tag_files(folder, Files([str(gold)], str(written)))
    assert done.counts["words"] == evaluation.scores.words
    scores = score_files(str(gold), str(written), {})
    assert scores.conlleval == evaluation.scores.conlleval
    assert scores.strict == evaluation.scores.strict
    assert scores.types == evaluation.scores.types
    # The tiny corpus has been learnt by heart, so that these are not the scores of tagging nothing.
    assert evaluation.scores.conlleval.f1 > 0.8
