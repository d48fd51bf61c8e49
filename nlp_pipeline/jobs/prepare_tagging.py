"""The corpora of a tagger: read, checked and counted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.corpus import read_corpus
from nlp_pipeline.corpora.hub import read_arrow, write_arrow
from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.statistics import describe
from nlp_pipeline.errors import CorpusError, Problems
from nlp_pipeline.jobs.prepare import SUMMARY, PreparedCorpus, Say, Store, fingerprint_of, kept_corpus
from nlp_pipeline.outputs import refuse_foreign
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

STORE = Store(write_arrow, read_arrow)


def check_corpora(
    recipe: TaggingRecipe, folder: Path, say: Say = lambda _line: None, force: bool = False
) -> PreparedCorpus[Sentence]:
    """Read and check a recipe's corpora, and write nothing.

    Args:
        recipe: names them.
        folder: where they are to be kept. What an earlier run kept there is used when the sources have not changed.
        say: is told what is going on.
        force: read the sources even so.

    Raises:
        CorpusError: with every problem of every file, the first 20 of each.
        EncoderError: where the encoder's tokenizer, which counts words without a subword, is not to be had.
        OutputError: where the folder holds something else.
    """
    refuse_foreign(folder, SUMMARY)
    sources = {split: [source] for split, source in recipe.corpora().items()}
    fingerprint = fingerprint_of(sources, recipe.data.model_dump(mode="json"), recipe.encoder)
    if not force and (kept := kept_corpus(folder, fingerprint, list(sources), STORE)) is not None:
        return kept
    splits = _read_all(recipe, say)
    _check(recipe, splits)
    summary: dict[str, Any] = {
        "fingerprint": fingerprint,
        "sources": {split: name_of(source) for split, source in recipe.corpora().items()},
        **describe(splits).to_json(),
        "words_without_subword": _count_without_subword(recipe, splits),
    }
    return PreparedCorpus(folder, splits, summary, False, STORE)


def _read_all(recipe: TaggingRecipe, say: Say) -> dict[str, list[Sentence]]:
    """Read every split, and tell the problems of all of them at once."""
    data = recipe.data
    splits: dict[str, list[Sentence]] = {}
    wrong: list[CorpusError] = []
    for name, source in recipe.corpora().items():
        say(f"reading {name}: {source}")
        try:
            splits[name] = read_corpus(
                source,
                format=data.format,
                split=getattr(data.splits, name),
                word_column=data.word_column,
                tag_column=data.tag_column,
                separator=data.separator,
                scheme=data.scheme if data.scheme == "auto" else Scheme(data.scheme),
                config=data.config,
                words=data.words,
                tags=data.tags,
            )
        except CorpusError as error:
            wrong.append(error)
    if wrong:
        raise CorpusError([p for error in wrong for p in error.problems], sum(error.omitted for error in wrong))
    return splits


def _check(recipe: TaggingRecipe, splits: dict[str, list[Sentence]]) -> None:
    """Refuse what can be read but not learnt from."""
    problems = Problems()
    for name, source in recipe.corpora().items():
        refuse_one_tag(splits[name], source, problems)
    types = {entity.entity_type for sentence in splits["train"] for entity in sentence.entities}
    if types and recipe.data.unseen_types == "refuse":
        for name in ("dev", "test"):
            first: dict[str, str] = {}
            for sentence in splits.get(name, []):
                for entity in sentence.entities:
                    if entity.entity_type not in types:
                        first.setdefault(entity.entity_type, sentence.place)
            for entity_type, place in sorted(first.items()):
                message = (
                    f"expected the types of the train corpus ({', '.join(sorted(types))}), received '{entity_type}'; "
                    "set data.unseen_types=ignore to score such entities as missed"
                )
                problems.add(place, message)
    problems.raise_if_any()


def refuse_one_tag(sentences: Iterable[Sentence], source: str, problems: Problems) -> None:
    """Add a problem where every word of a corpus has the same tag: nothing is to be learnt or scored there."""
    tags = {tag for sentence in sentences for tag in sentence.tags or ()}
    if len(tags) == 1:
        problems.add(source, f"expected words within and outside entities, received the one tag '{tags.pop()}'")


def _count_without_subword(recipe: TaggingRecipe, splits: dict[str, list[Sentence]]) -> dict[str, int] | None:
    """Return how many words of each split the encoder's tokenizer makes nothing of; None without an encoder."""
    if recipe.encoder is None:
        return None
    tokenizer = CheckpointTokenizer(find_encoder(recipe.encoder.name))
    empty = {word for sentences in splits.values() for sentence in sentences for word in sentence.words}
    empty = set(tokenizer.words_without_subword(sorted(empty)))
    return {name: sum(word in empty for s in sentences for word in s.words) for name, sentences in splits.items()}
