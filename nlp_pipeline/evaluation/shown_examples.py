"""Single sentences with what was predicted for them, as small tables in Markdown, whatever characters they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from nlp_pipeline.documents.shown_text import in_markdown, shortened
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.spans import Entity

Item = TypeVar("Item")

# What is longer is cut, and it is said how much is left out.
_WORDS = 60
_CHARACTERS_OF_WORD = 40
_CHARACTERS = 600


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most so many of some items, from all over, in order; the same ones each time."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def tagged_table(example: TaggedExample) -> str:
    """Return a sentence as the corpus tags it and as it was tagged, entities in bold with their type behind them."""
    words = example.sentence.words
    errors = f"{example.errors} wrong or missing" if example.errors else "all right"
    rows = [("gold", _marked(words, example.gold_entities)), ("predicted", _marked(words, example.predicted_entities))]
    return _table(f"entities: {errors}", rows)


def translated_table(source: str, reference: str, translation: str) -> str:
    """Return a source with its reference and its translation."""
    sides = (("source", source), ("reference", reference), ("translation", translation))
    return _table("", [(name, in_markdown(shortened(text, _CHARACTERS))) for name, text in sides])


def _table(head: str, rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join([f"| | {head} |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def _marked(words: Sequence[str], entities: Sequence[Entity]) -> str:
    """Return a sentence in Markdown with its entities marked."""
    shown = [in_markdown(shortened(word, _CHARACTERS_OF_WORD)) for word in words[:_WORDS]]
    for entity in entities:
        if entity.start < len(shown):
            last = min(entity.end, len(shown)) - 1
            shown[entity.start] = f"**{shown[entity.start]}"
            shown[last] = f"{shown[last]}** `{entity.entity_type.replace('`', ' ').replace('|', ' ')}`"
    left = len(words) - len(shown)
    return " ".join([*shown, *([f"… ({left:,} more words)"] if left else [])])
