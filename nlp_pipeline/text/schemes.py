"""Tagging schemes: how entities are written as one tag a word, and read again.

All write `O` outside and `PREFIX-TYPE` inside an entity:

    words   Ana  Reis  met  Rui  Ana  in   Oslo
    IOB1    I-P  I-P   O    I-P  B-P  O    I-L     B- only where an entity of the same type ends right before
    IOB2    B-P  I-P   O    B-P  B-P  O    B-L     B- at each beginning
    IOBES   B-P  E-P   O    S-P  S-P  O    S-L     E- at the end, S- for a single word
    BILOU   B-P  L-P   O    U-P  U-P  O    U-L     the same with other letters

IOB1 is Ramshaw and Marcus 1995, IOB2 Ratnaparkhi 1998; BILOU is held against IOB in Ratinov and Roth 2009.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from nlp_pipeline.text.spans import Entity

OUTSIDE = "O"


class Scheme(StrEnum):
    """The schemes that are read and written."""

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    IOBES = "IOBES"
    BILOU = "BILOU"


# What a prefix means in each scheme: does it begin an entity, and does it end one?
_MEANINGS: dict[Scheme, dict[str, tuple[bool, bool]]] = {
    Scheme.IOB1: {"B": (True, False), "I": (False, False)},
    Scheme.IOB2: {"B": (True, False), "I": (False, False)},
    Scheme.IOBES: {"B": (True, False), "I": (False, False), "E": (False, True), "S": (True, True)},
    Scheme.BILOU: {"B": (True, False), "I": (False, False), "L": (False, True), "U": (True, True)},
}
# In these an entity is closed by a prefix of its own; in the others by whatever is not a part of it.
_CLOSED = {Scheme.IOBES, Scheme.BILOU}


class TagError(ValueError):
    """A tag that a scheme does not allow where it stands.

    Args:
        index: the word's place in the sentence.
        message: what was expected and what was received.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def prefixes_of(scheme: Scheme) -> tuple[str, ...]:
    """Return the prefixes of a scheme, `B` first."""
    return tuple(_MEANINGS[scheme])


def split_tag(tag: str, index: int, scheme: Scheme) -> tuple[str, str]:
    """Return the prefix and the type of a tag; `O` and an empty type outside.

    Raises:
        TagError: for what is no tag of the scheme, wherever it stands.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, entity_type = tag.partition("-")
    if not dash or not entity_type or prefix not in _MEANINGS[scheme]:
        raise TagError(index, f"expected a tag of the scheme {scheme}, received '{tag}'")
    return prefix, entity_type


def entities_from_tags(tags: Sequence[str], scheme: Scheme) -> list[Entity]:
    """Read the entities of a sentence, and take nothing that the scheme does not allow.

    Raises:
        TagError: for the first tag that may not stand where it stands.
    """
    entities: list[Entity] = []
    start, open_type = 0, ""
    for index, tag in enumerate(tags):
        prefix, entity_type = split_tag(tag, index, scheme)
        begins, ends = (False, False) if prefix == OUTSIDE else _MEANINGS[scheme][prefix]
        goes_on = prefix != OUTSIDE and not begins and entity_type == open_type
        if open_type and not goes_on:
            if scheme in _CLOSED:
                raise TagError(index, f"expected the {open_type} that is open in {scheme} to go on, received '{tag}'")
            entities.append(Entity(start, index, open_type))
            if scheme is Scheme.IOB1 and begins and entity_type != open_type:
                raise TagError(index, f"expected 'B-' in IOB1 only behind its own type, received '{tag}'")
            open_type = ""
        elif not open_type and scheme is Scheme.IOB1 and begins:
            raise TagError(index, f"expected 'B-' in IOB1 only behind its own type, received '{tag}'")
        if prefix != OUTSIDE and not open_type:
            if not begins and scheme is not Scheme.IOB1:
                raise TagError(index, f"expected '{tag}' to follow its beginning in {scheme}, received none")
            start, open_type = index, entity_type
        if ends:
            entities.append(Entity(start, index + 1, open_type))
            open_type = ""
    if open_type:
        if scheme in _CLOSED:
            raise TagError(len(tags) - 1, f"expected the end of the {open_type} in {scheme}, received '{tags[-1]}'")
        entities.append(Entity(start, len(tags), open_type))
    return entities


def tags_from_entities(entities: Iterable[Entity], length: int, scheme: Scheme) -> list[str]:
    """Write the entities of a sentence of `length` words.

    Raises:
        ValueError: where two overlap, or one runs past the sentence.
    """
    tags = [OUTSIDE] * length
    before: Entity | None = None
    for entity in sorted(entities):
        if entity.end > length:
            raise ValueError(f"expected entities within {length} words. Received: {entity}")
        if before is not None and entity.start < before.end:
            raise ValueError(f"expected entities that do not overlap. Received: {before} and {entity}")
        inside = f"I-{entity.entity_type}"
        tags[entity.start : entity.end] = [inside] * len(entity)
        touches = before is not None and before.end == entity.start and before.entity_type == entity.entity_type
        if scheme is not Scheme.IOB1 or touches:
            tags[entity.start] = f"B-{entity.entity_type}"
        if scheme in _CLOSED:
            end, single = ("E", "S") if scheme is Scheme.IOBES else ("L", "U")
            tags[entity.end - 1] = f"{single if len(entity) == 1 else end}-{entity.entity_type}"
        before = entity
    return tags


# The order of preference: most corpora are IOB2, and one without neighbours of a type can be read as several schemes.
_BY_PREFERENCE = (Scheme.IOB2, Scheme.IOB1, Scheme.IOBES, Scheme.BILOU)


def detect_scheme(sentences: Sequence[Sequence[str]]) -> tuple[Scheme, bool]:
    """Return the scheme under which the most sentences can be read, and whether all of them can.

    Args:
        sentences: the tags of each sentence of a corpus.
    """
    best, most = Scheme.IOB2, -1
    for scheme in _BY_PREFERENCE:
        readable = sum(_is_readable(tags, scheme) for tags in sentences)
        if readable > most:
            best, most = scheme, readable
    return best, most == len(sentences)


def _is_readable(tags: Sequence[str], scheme: Scheme) -> bool:
    try:
        entities_from_tags(tags, scheme)
    except TagError:
        return False
    return True
