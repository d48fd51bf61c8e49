"""A text in parts that are short enough."""

from __future__ import annotations

from collections.abc import Callable

from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.spans import Span

Fits = Callable[[str], bool]


def parts_of(text: str, fits: Fits, by_sentence: bool = False) -> list[str]:
    """Cut a text into parts that fit, in order; nothing but white space between them is left out.

    A text that fits is its only part, unless each sentence is to be one. Otherwise it is cut where its sentences end,
    and as many neighbours as fit together are one part; a sentence that is too long by itself is cut in halves, at the
    white space nearest to its middle, and a word that is too long in its middle.

    Args:
        text: any string.
        fits: tells whether a part is short enough; a single code point counts as short enough in any case.
        by_sentence: whether no part holds more than one sentence.

    Returns:
        The parts, none of them blank, each without white space at its ends; the text itself where it is the only one.
    """
    if not by_sentence and fits(text):
        return [text]
    whole = (Span(words[0].start, words[-1].end) for words in segment(text))
    # A separator such as U+001F is a word to the segmentation, and white space to Python.
    sentences = [rest for sentence in whole for rest in _without_space(text, sentence)]
    if by_sentence and len(sentences) < 2 and fits(text):
        return [text]
    parts: list[Span] = []
    for sentence in sentences:
        together = Span(parts[-1].start, sentence.end) if parts else sentence
        if parts and not by_sentence and fits(text[together.start : together.end]):
            parts[-1] = together
        else:
            parts += _halved(text, sentence, fits)
    return [text[part.start : part.end] for part in parts]


def _halved(text: str, span: Span, fits: Fits) -> list[Span]:
    """Cut a span in halves, and those again, until each fits."""
    if len(span) < 2 or fits(text[span.start : span.end]):
        return [span]
    middle = (span.start + span.end) // 2
    before = next((at for at in range(middle, span.start, -1) if text[at].isspace()), span.start)
    after = next((at for at in range(middle, span.end) if text[at].isspace()), span.end)
    cut = before if middle - before <= after - middle else after
    if not span.start < cut < span.end:
        cut = middle
    return [
        part
        for half in (Span(span.start, cut), Span(cut, span.end))
        for rest in _without_space(text, half)
        for part in _halved(text, rest, fits)
    ]


def _without_space(text: str, span: Span) -> list[Span]:
    """Return a span without the white space at its ends, or nothing where that is all."""
    own = text[span.start : span.end]
    start = span.start + len(own) - len(own.lstrip())
    return [Span(start, start + len(own.strip()))] if own.strip() else []
