"""`score`: one labelled file against another."""

from __future__ import annotations

from typing import Any

from nlp_pipeline.corpora.corpus import read_corpus
from nlp_pipeline.errors import CorpusError, Problem, Problems
from nlp_pipeline.evaluation.entities import EntityScores, score_entities
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.jobs.prepare_tagging import refuse_one_tag


def score_files(gold: str, predicted: str, options: dict[str, Any]) -> EntityScores:
    """Score the tags of one labelled file against those of another with the same words.

    Args:
        gold: the file that is right.
        predicted: the file that is scored.
        options: how both are read, as `corpora.corpus.read_corpus` takes them.

    Raises:
        CorpusError: as `read_scored`.
    """
    examples = read_scored(gold, predicted, options)
    return score_entities(
        [one.gold for one in examples], [one.predicted for one in examples], [one.sentence.words for one in examples]
    )


def read_scored(gold: str, predicted: str, options: dict[str, Any]) -> list[TaggedExample]:
    """Read a labelled file beside another one with the same words; else as `score_files`.

    Raises:
        CorpusError: where a file cannot be read, every word of the gold file has the same tag, or the words differ;
            names the first place where they do.
    """
    golden, guessed = (read_corpus(source, **options) for source in (gold, predicted))
    problems = Problems()
    refuse_one_tag(golden, gold, problems)
    problems.raise_if_any()
    for one, other in zip(golden, guessed, strict=False):
        if one.words != other.words:
            message = f"expected the words of {one.place}, received others"
            raise CorpusError([Problem(other.place, message)])
    if len(golden) != len(guessed):
        message = f"expected the {len(golden)} sentences of {gold}, received {len(guessed)}"
        raise CorpusError([Problem(predicted, message)])
    return [TaggedExample(one, other.tags or ()) for one, other in zip(golden, guessed, strict=True)]
