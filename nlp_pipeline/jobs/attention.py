"""`attention`: where the decoder looks while it translates a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from nlp_pipeline.errors import Problem, UsageError
from nlp_pipeline.evaluation.heatmap import AlignedTranslation
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.translator import LoadedTranslator, Translation
from nlp_pipeline.subwords.pieces import SPACE
from nlp_pipeline.text.code_points import is_unspaced
from nlp_pipeline.text.pair import SentencePair

WRITERS: dict[str, Callable[[AlignedTranslation, Path | str | IO[bytes]], None]] = {
    ".png": AlignedTranslation.write_png,
    ".html": AlignedTranslation.write_html,
    ".json": AlignedTranslation.write_json,
}


def aligned_translation(
    translator: LoadedTranslator, sentence: str, target: str | None = None, by_words: bool = False
) -> AlignedTranslation:
    """Return a sentence's translation with the attention weights that it was written with; as `looked_at`."""
    return looked_at(translator, sentence, target, by_words)[1]


def looked_at(
    translator: LoadedTranslator, sentence: str, target: str | None = None, by_words: bool = False
) -> tuple[str, AlignedTranslation]:
    """Return a sentence's translation, and where the decoder looked while it wrote it.

    Args:
        translator: with attention.
        sentence: the source.
        target: a translation to look at instead of the one that the search finds.
        by_words: whether subwords are joined to words.

    Raises:
        UsageError: where the decoder has no attention, or there is nothing to align.
    """
    for text in (sentence, target or ""):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            message = f"expected Unicode text, received half a surrogate pair at character {error.start + 1}"
            raise UsageError([Problem(repr(text[:60]), message)]) from None
    if translator.bundle.recipe.decoder.attention is None:
        raise UsageError("expected a bundle whose decoder has attention, received one without")
    if target is None:
        found = translator.translate(sentence)
    else:
        (found,) = translator.align([SentencePair(sentence, target)])
    aligned = alignment_of(found)
    if aligned is None:
        raise UsageError([Problem(repr(sentence[:60]), "expected a sentence with a translation, received none")])
    return found.text, joined_to_words(translator, found, aligned) if by_words else aligned


def joined_to_words(
    translator: LoadedTranslator, found: Translation, aligned: AlignedTranslation
) -> AlignedTranslation:
    """Return the alignment of a translation, as `alignment_of` gives it, with its subwords joined to words.

    What is written without spaces between words stays in subwords: joined, a whole sentence would be one word.
    """
    whole = translator.bundle.inputs.target_tokenizer.kind == "words"
    tokens = aligned.target_tokens
    target_ids = list(range(len(tokens))) if whole else _words_of(tokens)
    joined: list[str] = [""] * (max(target_ids, default=-1) + 1)
    for token, at in zip(tokens, target_ids, strict=True):
        joined[at] += token
    source_ids, source_words = _cut_unspaced(found.places.subwords, found.places.word_ids, found.places.words)
    target_ids, target_words = _cut_unspaced(tokens, target_ids, [word.removeprefix(SPACE) for word in joined])
    return aligned.by_words(source_ids, target_ids, source_words, target_words)


def _cut_unspaced(
    subwords: Sequence[str], word_ids: Sequence[int], words: Sequence[str]
) -> tuple[list[int], list[str]]:
    """Return the word of each subword, and the words, where those of scripts without spaces are cut into subwords."""
    own: list[list[str]] = [[] for _ in words]
    for subword, at in zip(subwords, word_ids, strict=True):
        own[at].append(subword.removeprefix(SPACE))
    ids: list[int] = []
    cut: list[str] = []
    for word, parts in zip(words, own, strict=True):
        if len(parts) > 1 and is_unspaced(word):
            ids += range(len(cut), len(cut) + len(parts))
            cut += parts
        else:
            ids += [len(cut)] * len(parts)
            cut.append(word)
    return ids, cut


def alignment_of(found: Translation) -> AlignedTranslation | None:
    """Return where the decoder looked for the best translation; None without attention, or without any subword."""
    best = found.hypotheses[0]
    if best.weights is None or not best.subwords:
        return None
    blocks = [np.clip(block, 0.0, 1.0) for block in best.weights]
    return AlignedTranslation.of_parts(found.places.subwords, best.subwords, blocks)


def write_attention(aligned: AlignedTranslation, output: Path) -> None:
    """Write the heat map, in the form that the file's name says.

    Raises:
        UsageError: where it says none.
        OutputError: where it cannot be written.
    """
    check_name(output)
    writer = WRITERS[output.suffix.lower()]
    with new_file(output) as beside, beside.open("wb") as stream:
        writer(aligned, stream)


def check_name(output: Path) -> None:
    """Refuse a file whose name says no form that a heat map can have.

    Raises:
        UsageError: where it does not.
    """
    if output.suffix.lower() not in WRITERS:
        message = f"expected a name that ends in {', '.join(WRITERS)}, received {output.name!r}"
        raise UsageError([Problem(str(output), message)])


def _words_of(subwords: tuple[str, ...]) -> list[int]:
    """Return the word of each subword: a new one begins where a space stands before."""
    number, words = -1, []
    for subword in subwords:
        number += subword.startswith(SPACE) or number < 0
        words.append(number)
    return words
