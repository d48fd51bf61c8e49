"""What a translator is worth, at which lengths, and the sentences where it is worst and best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlp_pipeline.evaluation.shown_text import in_markdown
from nlp_pipeline.evaluation.translations import SentenceScore, TranslationScores, sentence_scores

WORST_SENTENCES = 50
BEST_SENTENCES = 20


@dataclass(frozen=True, slots=True)
class TranslatedExample:
    """A sentence, how people translated it, and what the translator made of it.

    Attributes:
        source: the sentence.
        reference: the translation of the corpus.
        hypothesis: the translator's; may be empty.
        place: where the sentence stands, such as `test.en:12`.
    """

    source: str
    reference: str
    hypothesis: str
    place: str = ""


@dataclass(frozen=True)
class RankedExample:
    """A translated sentence with its scores."""

    example: TranslatedExample
    score: SentenceScore


def ranked(examples: Sequence[TranslatedExample]) -> list[RankedExample]:
    """Return the examples from the worst to the best: by BLEU, then chrF; among equals the shorter one is worse.

    A short sentence is easily right, and a long one tells more, so the best begin with long ones.
    """
    if not examples:
        return []
    scores = sentence_scores([e.reference for e in examples], [e.hypothesis for e in examples])
    pairs = [RankedExample(example, score) for example, score in zip(examples, scores, strict=True)]
    # To two decimals, as they are shown: what differs by rounding errors counts as equal.
    return sorted(
        pairs, key=lambda it: (round(it.score.bleu, 2), round(it.score.chrf, 2), len(it.example.reference.split()))
    )


def translation_report_of(scores: TranslationScores, examples: Sequence[TranslatedExample], title: str) -> str:
    """Return the report in Markdown: scores, BLEU by length, the 50 worst sentences and the 20 best.

    A hypothesis that is its reference is not among the worst, and no sentence is listed on both sides.
    """
    order = ranked(examples)
    worst = [it for it in order if it.example.hypothesis != it.example.reference][:WORST_SENTENCES]
    listed = {id(it) for it in worst}
    best = [it for it in reversed(order) if id(it) not in listed][:BEST_SENTENCES]
    parts = [f"# {in_markdown(title)}", "", *_scores(scores), "", *_lengths(scores)]
    for name, chosen in (("worst", worst), ("best", best)):
        parts += ["", f"## The {len(chosen)} {name} sentences", ""]
        for number, it in enumerate(chosen, start=1):
            parts += _sentence(number, it)
    return "\n".join(parts) + "\n"


def _scores(scores: TranslationScores) -> list[str]:
    named = {
        "BLEU": scores.bleu,
        "BLEU, lower-cased and tokenized": scores.bleu_lower_tokenized,
        "chrF2": scores.chrf,
        "TER (less is better)": scores.ter,
    }
    rows = [f"{scores.sentences:,} sentences. sacrebleu, one reference each.", ""]
    rows += ["| | score | signature |", "|---|---|---|"]
    rows += [f"| {name} | {it.score:.2f} | {in_markdown(it.signature)} |" for name, it in named.items()]
    rows += ["", f"The hypotheses hold {scores.length_ratio:.3f} tokens for each one of the references."]
    if scores.empty:
        rows[-1] += f" Empty: {scores.empty:,}."
    return rows


def _lengths(scores: TranslationScores) -> list[str]:
    rows = ["## BLEU by length", "", f"| words of the {scores.length_of} | sentences | BLEU |", "|---|---|---|"]
    for bucket in scores.by_length:
        shown = "" if bucket.score is None else f"{bucket.score:.2f}"
        rows.append(f"| {in_markdown(bucket.words)} | {bucket.count:,} | {shown} |")
    return rows


def _sentence(number: int, it: RankedExample) -> list[str]:
    place = f" ({in_markdown(it.example.place)})" if it.example.place else ""
    sides = (("source", it.example.source), ("reference", it.example.reference), ("hypothesis", it.example.hypothesis))
    return [
        f"{number}. BLEU {it.score.bleu:.2f}, chrF {it.score.chrf:.2f}{place}",
        *(f"    - {name}: {in_markdown(text) if text.strip() else '*nothing*'}" for name, text in sides),
    ]
