"""The corpus that comes with the project is what its README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp_pipeline.corpora.corpus import read_corpus
from nlp_pipeline.corpora.statistics import describe
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.sentence import Sentence

FOLDER = Path(__file__).resolve().parent.parent.parent / "data" / "newsroom"


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Sentence]]:
    return {split: read_corpus(str(FOLDER / f"{split}.conll"), scheme="auto") for split in ("train", "dev", "test")}


def test_it_is_large_enough_and_most_of_the_test_is_unseen(corpus: dict[str, list[Sentence]]) -> None:
    statistics = describe(corpus)
    splits = statistics.splits
    assert sum(split.sentences for split in splits.values()) >= 600
    assert sum(split.entities for split in splits.values()) >= 1500
    for split in splits.values():
        assert set(split.types) == {"PER", "ORG", "LOC", "MISC"}
        assert split.duplicates == 0
    assert (splits["test"].unseen or 0.0) > 0.5
    assert set(statistics.shared.values()) == {0}


def test_the_readme_counts_right(corpus: dict[str, list[Sentence]]) -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for name, split in describe(corpus).splits.items():
        documents = len({sentence.document for sentence in corpus[name]})
        counts = [documents, split.sentences, split.words, split.entities]
        counts += [split.types[entity_type] for entity_type in ("PER", "ORG", "LOC", "MISC")]
        row = f"| {name} | " + " | ".join(f"{count:,}" for count in counts)
        assert row in readme, row


def test_its_words_are_those_of_the_segmentation(corpus: dict[str, list[Sentence]]) -> None:
    for split in corpus.values():
        for sentence in split:
            for word in sentence.words:
                assert len([span for part in segment(word) for span in part]) == 1, (sentence.place, word)


def test_no_markup_was_left_behind(corpus: dict[str, list[Sentence]]) -> None:
    for split in corpus.values():
        for sentence in split:
            assert not {"[", "]"} & set(sentence.words), sentence.place


def test_the_article_has_sentences() -> None:
    text = (FOLDER / "article.txt").read_text(encoding="utf-8")
    assert len([part for line in text.splitlines() for part in segment(line)]) >= 30
