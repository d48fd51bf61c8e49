"""The tags of a whole corpus become IOB2, whatever scheme they were written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from nlp_pipeline.errors import Problems
from nlp_pipeline.text.schemes import Scheme, TagError, detect_scheme, entities_from_tags, tags_from_entities

UNWRITABLE = re.compile("[ \t\n\r\0]")
"""What a word or a tag in a column cannot hold."""


def wrong_type(entity_type: str) -> str | None:
    """Return what is wrong with an entity type: that no column can hold it; None where nothing is."""
    if UNWRITABLE.search(entity_type):
        return f"expected an entity type without white space or NUL, received {entity_type[:40]!r}"
    return None


def places_of_words(place: str, words: Sequence[str]) -> list[str]:
    """Return the place of each word of a sentence that stands in one line or row: its number, from 0, and the word."""
    return [f"{place}: word {number} '{word[:40]}'" for number, word in enumerate(words)]


def in_iob2(
    sentences: Sequence[Sequence[str]],
    places: Iterable[Sequence[str]],
    scheme: Scheme | Literal["auto"],
    problems: Problems,
) -> Iterator[tuple[str, ...] | None]:
    """Yield the tags of each sentence in IOB2, or None for a sentence with a tag or a type that is not allowed.

    Args:
        sentences: the tags of each sentence.
        places: for each sentence the place of each of its words.
        scheme: how the tags are written. `auto` takes the scheme under which the most sentences can be read; where
            some cannot, they are told under that one.
        problems: takes each tag that may not stand where it stands, and each entity of a type that is wrong.
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
            wrong = [(one.start, reason) for one in entities if (reason := wrong_type(one.entity_type)) is not None]
            for index, reason in wrong:
                problems.add(of_words[index], reason)
            yield None if wrong else tuple(tags_from_entities(entities, len(tags), Scheme.IOB2))


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
