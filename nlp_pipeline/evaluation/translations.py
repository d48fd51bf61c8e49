"""Scores of translations, by sacrebleu: corpus figures with their signatures, by length, and of single sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SHOWN_SCORES = {
    "bleu": "BLEU",
    "bleu_lower_tokenized": "BLEU, lower-cased and tokenized",
    "chrf": "chrF2",
    "ter": "TER (less is better)",
}
"""What the scores of a corpus are called where they are read."""

# Upper ends, in words; what is longer goes into a last bucket.
_BUCKET_ENDS = (5, 10, 20, 40)


@dataclass(frozen=True)
class Score:
    """A figure and sacrebleu's signature, which says exactly how it was counted.

    Attributes:
        score: BLEU and chrF from 0 to 100, more is better; TER in edits for 100 reference words, less is better.
        signature: such as `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`.
    """

    score: float
    signature: str

    def to_json(self) -> dict[str, float | str]:
        """Return the score as JSON has it."""
        return {"score": self.score, "signature": self.signature}


@dataclass(frozen=True)
class LengthScore:
    """BLEU of the sentences of one length.

    Attributes:
        words: the lengths, such as `6-10`.
        count: how many sentences have them.
        score: their BLEU, from 0 to 100; None where there is no such sentence.
    """

    words: str
    count: int
    score: float | None

    def to_json(self) -> dict[str, float | int | None]:
        """Return the score as JSON has it."""
        return {"count": self.count, "score": self.score}


@dataclass(frozen=True)
class SentenceScore:
    """BLEU and chrF of one sentence by itself, from 0 to 100: good for putting sentences in order, and for no more."""

    bleu: float
    chrf: float


@dataclass(frozen=True)
class TranslationScores:
    """What a translator is worth on a corpus.

    Attributes:
        bleu: sacrebleu's default, with case, tokenizer 13a: the figure to compare between papers.
        bleu_lower_tokenized: BLEU of both sides lower-cased and then tokenized with 13a, with what that means said at
            `score_translations`.
        chrf: chrF2, character n-grams up to 6, with case.
        ter: translation edit rate.
        by_length: BLEU (as `bleu`) by the number of words, shortest first.
        length_of: the side whose words were counted for `by_length`.
        length_ratio: tokens of the hypotheses for one of the references; below 1, BLEU's brevity penalty is at work.
        empty: how many hypotheses hold nothing but white space.
        sentences: how many sentences there are.
    """

    bleu: Score
    bleu_lower_tokenized: Score
    chrf: Score
    ter: Score
    by_length: tuple[LengthScore, ...]
    length_of: Literal["source", "reference"]
    length_ratio: float
    empty: int
    sentences: int

    def to_json(self) -> dict[str, Any]:
        """Return the scores as one JSON object: `bleu.score`, `bleu.signature`, `by_length.6-10.score` and so on."""
        return {
            "bleu": self.bleu.to_json(),
            "bleu_lower_tokenized": self.bleu_lower_tokenized.to_json(),
            "chrf": self.chrf.to_json(),
            "ter": self.ter.to_json(),
            "by_length": {bucket.words: bucket.to_json() for bucket in self.by_length},
            "length_of": self.length_of,
            "length_ratio": self.length_ratio,
            "empty": self.empty,
            "sentences": self.sentences,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> TranslationScores:
        """Return the scores that `to_json` told.

        Raises:
            KeyError, TypeError: for anything else.
        """
        bleu, lower, chrf, ter = (
            Score(told[name]["score"], told[name]["signature"])
            for name in ("bleu", "bleu_lower_tokenized", "chrf", "ter")
        )
        lengths = tuple(LengthScore(words, one["count"], one["score"]) for words, one in told["by_length"].items())
        numbers = (told["length_of"], told["length_ratio"], told["empty"], told["sentences"])
        return cls(bleu, lower, chrf, ter, lengths, *numbers)


def bleu_of(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """Return `bleu` and `chrf`, both with case, from 0 to 100: what a run needs after each epoch.

    Raises:
        ValueError: as `score_translations`.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    _check(references, hypotheses)
    bleu = BLEU(force=True).corpus_score(hypotheses, [references])
    return {"bleu": bleu.score, "chrf": CHRF().corpus_score(hypotheses, [references]).score}


def score_translations(
    references: Sequence[str], hypotheses: Sequence[str], sources: Sequence[str] | None = None
) -> TranslationScores:
    """Score hypotheses against one reference each. Both are plain text, not tokenized; a hypothesis may be empty.

    `bleu_lower_tokenized` is made to stand beside the figures that papers give for Multi30k. Those are counted on text
    that was lower-cased and then split by Moses' `normalize-punctuation.perl` and `tokenizer.perl` without `-a`
    (`task1-tokenize.sh` of multi30k/dataset). Here sacrebleu lower-cases and its tokenizer 13a splits, as the signature
    says: `case:lc|tok:13a`. By their rules both set ASCII punctuation and symbols apart and leave hyphens between
    letters alone. They differ at apostrophes and at full stops inside a sentence, where Moses knows contractions and
    abbreviations, and at punctuation outside ASCII, such as `«` and `„`, which 13a leaves on its word. Of the 1,000
    German sentences of test 2016 two hold an apostrophe, one an abbreviation and none that other punctuation: there the
    figures may be compared. In French (`l'homme`) the tokens are others, and they may not.

    Args:
        references: what people wrote.
        hypotheses: what the translator wrote, in the same order.
        sources: what was translated. Given, `by_length` goes by its words, otherwise by the reference's; words are
            what stands between white space.

    Raises:
        ValueError: where the lengths differ or there is nothing to score.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    _check(references, hypotheses)
    counted = references if sources is None else sources
    if len(counted) != len(references):
        raise ValueError(f"expected as many sources as references. Received: {len(counted)} and {len(references)}")
    # `force` silences a remark on text that looks tokenized; it changes no figure and is not in the signature.
    cased, lower, chrf, ter = BLEU(force=True), BLEU(lowercase=True, force=True), CHRF(), TER()
    bleu = cased.corpus_score(hypotheses, [references])

    def taken(metric: BLEU | CHRF | TER) -> Score:
        score = metric.corpus_score(hypotheses, [references]).score
        return Score(float(score), str(metric.get_signature()))

    return TranslationScores(
        bleu=Score(bleu.score, str(cased.get_signature())),
        bleu_lower_tokenized=taken(lower),
        chrf=taken(chrf),
        ter=taken(ter),
        by_length=_by_length(references, hypotheses, [len(text.split()) for text in counted]),
        length_of="reference" if sources is None else "source",
        length_ratio=bleu.sys_len / bleu.ref_len if bleu.ref_len else 0.0,
        empty=sum(not hypothesis.strip() for hypothesis in hypotheses),
        sentences=len(references),
    )


def sentence_scores(references: Sequence[str], hypotheses: Sequence[str]) -> list[SentenceScore]:
    """Return BLEU and chrF of each sentence.

    BLEU is counted with the effective order: a sentence of two words has no 4-grams that could be wrong.

    Raises:
        ValueError: as `score_translations`.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    _check(references, hypotheses)
    bleu, chrf = BLEU(effective_order=True), CHRF()
    return [
        SentenceScore(
            bleu.sentence_score(hypothesis, [reference]).score, chrf.sentence_score(hypothesis, [reference]).score
        )
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]


def length_buckets(lengths: Sequence[int]) -> dict[str, list[int]]:
    """Return the places of the sentences of each length, shortest first, by names such as `6-10`.

    A text without any word counts among the shortest, so that every place is in one of them.

    Args:
        lengths: of each sentence, in words.
    """
    return {
        f"{start + 1}-{end}" if end else f"{start + 1}+": [
            place
            for place, length in enumerate(lengths)
            if (length > start or not start) and (end is None or length <= end)
        ]
        for start, end in zip((0, *_BUCKET_ENDS), (*_BUCKET_ENDS, None), strict=True)
    }


def _by_length(references: Sequence[str], hypotheses: Sequence[str], lengths: Sequence[int]) -> tuple[LengthScore, ...]:
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(force=True)
    told = []
    for words, places in length_buckets(lengths).items():
        score = None
        if places:
            score = bleu.corpus_score([hypotheses[p] for p in places], [[references[p] for p in places]]).score
        told.append(LengthScore(words, len(places), score))
    return tuple(told)


def _check(references: Sequence[str], hypotheses: Sequence[str]) -> None:
    if len(references) != len(hypotheses):
        received = f"{len(references)} references and {len(hypotheses)} hypotheses"
        raise ValueError(f"expected a hypothesis for each reference. Received: {received}")
    if not references:
        raise ValueError("expected sentences to score. Received: none")
