"""A text in parts that are short enough."""

from __future__ import annotations

from collections.abc import Callable

from nlp_pipeline.text.segmentation import segment


def parts_of(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut a text into parts that fit, in order; nothing but white space between them is left out.

    One that fits is its only part. Otherwise it is cut where its sentences end; a sentence that is still too long in
    halves, at the white space nearest to its middle; a word that is still too long in its middle.

    Args:
        text: any string.
        fits: tells whether a part is short enough; a single code point counts as short enough in any case.

    Returns:
        The parts, none of them blank, each without white space at its ends; the text itself where it fits.
    """
    if len(text) < 2 or fits(text):
        return [text]
    sentences = [text[words[0].start : words[-1].end] for words in segment(text)]
    if len(sentences) > 1:
        return [part for sentence in sentences for part in parts_of(sentence, fits)]
    return [part for half in _halves(text) for part in parts_of(half, fits)]


def _halves(text: str) -> list[str]:
    """Cut at the white space nearest to the middle, or in the middle where there is none; leave out blank halves."""
    text = text.strip()
    middle = len(text) // 2
    before = next((at for at in range(middle, 0, -1) if text[at].isspace()), 0)
    after = next((at for at in range(middle, len(text)) if text[at].isspace()), len(text))
    cut = before if middle - before <= after - middle else after
    if not 0 < cut < len(text):
        cut = middle
    return [half for half in (text[:cut].strip(), text[cut:].strip()) if half]
