"""Sentences for the laws of the readers and writers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from nlp_pipeline.corpora.conll import DOCUMENT_BORDER
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity

# Words of whatever a line can hold, with much of what a careless reader trips over: other ends of lines, other spaces,
# comment signs, quotes, what is a byte order mark at the beginning of a file.
AWKWARD = [
    "#",
    "\ufeff",
    "O",
    "B-PER",
    "-X-",
    '"',
    "'",
    "\\",
    "{}",
    "\u2028",
    "\x0b",
    "\x85",
    "\u00a0",
    "\u0301",
    "漢",
    "👩‍👧",
]
words = st.sampled_from(AWKWARD) | st.text(
    st.characters(codec="utf-8", exclude_characters=" \t\r\n\0"), min_size=1, max_size=8
).filter(lambda word: word != DOCUMENT_BORDER)
entity_types = st.sampled_from(["PER", "LOC", "a-b", "É"])


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    """Draw a sentence with IOB2 tags, neighbouring entities included."""
    spoken = tuple(draw(st.lists(words, min_size=1, max_size=8)))
    borders = sorted(draw(st.sets(st.integers(0, len(spoken)), max_size=6)))
    entities = [Entity(start, end, draw(entity_types)) for start, end in pairwise(borders) if draw(st.booleans())]
    return Sentence(spoken, tuple(tags_from_entities(entities, len(spoken), Scheme.IOB2)))


corpora = st.lists(sentences(), min_size=1, max_size=6)


def bare(found: Iterable[Sentence]) -> list[tuple[tuple[str, ...], tuple[str, ...] | None]]:
    """Return the words and tags of sentences, without their places."""
    return [(sentence.words, sentence.tags) for sentence in found]
