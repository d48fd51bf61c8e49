"""The tags of a whole corpus become IOB2, whatever scheme they were written in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from nlp_pipeline.errors import Problems
from nlp_pipeline.text.schemes import Scheme, TagError, detect_scheme, entities_from_tags, tags_from_entities


def in_iob2(
    sentences: Sequence[Sequence[str]],
    places: Sequence[Sequence[str]],
    scheme: Scheme | Literal["auto"],
    problems: Problems,
) -> Iterator[tuple[str, ...] | None]:
    """Yield the tags of each sentence in IOB2, or None for a sentence whose tags its scheme does not allow.

    Args:
        sentences: the tags of each sentence.
        places: for each sentence the place of each of its words.
        scheme: how the tags are written. `auto` takes the scheme under which the most sentences can be read; where
            some cannot, they are told under that one.
        problems: takes each tag that may not stand where it stands.
    """
    if scheme == "auto":
        scheme, _ = detect_scheme(sentences)
    for tags, of_words in zip(sentences, places, strict=True):
        try:
            entities = entities_from_tags(tags, scheme)
        except TagError:
            for index, message in _errors(tags, scheme):
                problems.add(of_words[index], message)
            yield None
        else:
            yield tuple(tags_from_entities(entities, len(tags), Scheme.IOB2))


def _errors(tags: Sequence[str], scheme: Scheme) -> Iterator[tuple[int, str]]:
    """Yield each tag that may not stand where it stands, and what is wrong with it."""
    start, told = 0, -1
    while start < len(tags):
        try:
            entities_from_tags(tags[start:], scheme)
        except TagError as error:
            index = start + error.index
            if index != told:
                yield index, str(error)
            # What may not follow the tag before it may still begin something: it is read again, as a beginning.
            start, told = max(index, start + 1), index
        else:
            return
