"""Scores of translations: sacrebleu's, against BLEU counted here from its definition and figures made by hand."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_pipeline.evaluation.translations import bleu_of, score_translations, sentence_scores

REFERENCES = ["Ein Mann steht auf der Leiter .", "Zwei Hunde laufen im Schnee .", "Eine Frau liest"]
HYPOTHESES = ["Ein Mann steht auf einer Leiter .", "zwei Hunde spielen im Schnee .", "Eine Frau liest ein Buch"]


def _bleu(references: list[list[str]], hypotheses: list[list[str]]) -> float:
    """BLEU of words, as Papineni et al. 2002 define it, a precision of 0 halved anew each time (`smooth:exp`)."""
    matches, totals = [0] * 4, [0] * 4
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        for n in range(1, 5):
            there, said = (
                Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (reference, hypothesis)
            )
            matches[n - 1] += sum(min(count, there[gram]) for gram, count in said.items())
            totals[n - 1] += sum(said.values())
    if not matches[0] or not all(totals):
        return 0.0
    logs, halves = 0.0, 1.0
    for match, total in zip(matches, totals, strict=True):
        if not match:
            halves *= 2
        logs += math.log(match / total if match else 1 / (halves * total)) / 4
    long, short = sum(map(len, references)), sum(map(len, hypotheses))
    return 100 * math.exp(logs + min(0.0, 1 - long / short))


sentences = st.lists(st.sampled_from(["a", "b", "c", "D"]), min_size=1, max_size=9)


@given(pairs=st.lists(st.tuples(sentences, sentences), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_bleu_is_what_its_definition_gives(pairs: list[tuple[list[str], list[str]]]) -> None:
    references, hypotheses = [one for one, _ in pairs], [other for _, other in pairs]
    plain = [" ".join(words) for words in references], [" ".join(words) for words in hypotheses]
    scores = score_translations(*plain)
    assert scores.bleu.score == pytest.approx(_bleu(references, hypotheses), abs=1e-9)
    lower = [[[word.lower() for word in words] for words in side] for side in (references, hypotheses)]
    assert scores.bleu_lower_tokenized.score == pytest.approx(_bleu(*lower), abs=1e-9)
    assert bleu_of(*plain) == {"bleu": scores.bleu.score, "chrf": scores.chrf.score}


def test_counted_by_hand() -> None:
    # 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 quadruples; of the same length, so no penalty.
    scores = score_translations(["a b c d e"], ["a b c d x"])
    assert scores.bleu.score == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4))
    assert scores.ter.score == pytest.approx(100 / 5)  # one substitution for five words
    # Everything right, but 4 words where 6 are due: the brevity penalty alone.
    short = score_translations(["a b c d e f"], ["a b c d"])
    assert short.bleu.score == pytest.approx(100 * math.exp(1 - 6 / 4))
    assert short.length_ratio == pytest.approx(4 / 6)
    assert short.ter.score == pytest.approx(100 * 2 / 6)


def test_the_same_text_is_all_right() -> None:
    texts = ["Ein Mann steht auf der Leiter.", "Zwei Hunde laufen durch den Schnee."]
    scores = score_translations(texts, texts)
    assert [it.score for it in (scores.bleu, scores.bleu_lower_tokenized, scores.chrf)] == pytest.approx([100.0] * 3)
    assert (scores.ter.score, scores.length_ratio, scores.empty) == (0.0, 1.0, 0)


def test_case_counts_in_one_and_not_in_the_other() -> None:
    scores = score_translations(["Der Hund läuft durch Schnee."], ["der hund läuft durch schnee."])
    assert scores.bleu.score < 50
    assert scores.bleu_lower_tokenized.score == pytest.approx(100.0)
    assert scores.chrf.score < 100


def test_punctuation_is_split_from_words_and_hyphens_are_not() -> None:
    # Split, that is 6 words against 5, all of which are there: 5 of 5, 4 of 4 and so on, and the brevity penalty.
    scores = score_translations(["ein kleiner T-Shirt-Stand, dort"], ["ein kleiner T-Shirt-Stand,"])
    assert scores.bleu.score == pytest.approx(100 * math.exp(1 - 5 / 4))


def test_signatures_say_what_was_counted() -> None:
    told = score_translations(REFERENCES, HYPOTHESES).to_json()
    named = {name: told[name]["signature"] for name in ("bleu", "bleu_lower_tokenized", "chrf", "ter")}
    assert named["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.")
    assert named["bleu_lower_tokenized"].startswith("nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:2.")
    assert named["chrf"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.")
    assert named["ter"].startswith("nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.")
    assert told["sentences"] == 3


def test_by_length_every_sentence_is_in_one_bucket() -> None:
    lengths = [1, 5, 6, 10, 11, 20, 21, 40, 41, 300, 0]
    references = [" ".join(f"w{place}" for place in range(length)) for length in lengths]
    scores = score_translations(references, references)
    assert {it.words: it.count for it in scores.by_length} == {"1-5": 3, "6-10": 2, "11-20": 2, "21-40": 2, "41+": 2}
    assert [it.score for it in scores.by_length] == pytest.approx([100.0] * 5)
    assert (scores.length_of, scores.to_json()["length_of"]) == ("reference", "reference")


def test_by_length_goes_by_the_sources_where_they_are_given() -> None:
    sources = ["one two three four five six", "one", "one two"]
    scores = score_translations(REFERENCES, HYPOTHESES, sources)
    assert scores.length_of == "source"
    told = scores.to_json()["by_length"]
    assert told["6-10"] == {"count": 1, "score": bleu_of(REFERENCES[:1], HYPOTHESES[:1])["bleu"]}
    assert told["1-5"] == {"count": 2, "score": bleu_of(REFERENCES[1:], HYPOTHESES[1:])["bleu"]}
    assert told["41+"] == {"count": 0, "score": None}


def test_empty_hypotheses_count_and_do_not_fail() -> None:
    scores = score_translations(REFERENCES, ["", " ", HYPOTHESES[2]])
    assert scores.empty == 2
    assert scores.length_ratio == pytest.approx(5 / 16)
    nothing = score_translations(REFERENCES, [""] * 3)
    assert (nothing.bleu.score, nothing.chrf.score, nothing.ter.score) == (0.0, 0.0, 100.0)
    assert sentence_scores(["a b"], [""])[0].bleu == 0.0


def test_sentences_by_themselves() -> None:
    right, wrong, half = sentence_scores(["Ein Hund", "Ein Hund", "Ein Hund"], ["Ein Hund", "zwölf", "Ein Mann"])
    # Two words have no triples: with the effective order that does no harm.
    assert (right.bleu, right.chrf) == pytest.approx((100.0, 100.0))
    assert (wrong.bleu, wrong.chrf) == (0.0, 0.0)
    assert 0 < half.bleu < 100
    assert 0 < half.chrf < 100


@pytest.mark.parametrize(
    ("references", "hypotheses", "sources", "message"),
    [
        (["a"], [], None, "1 references and 0 hypotheses"),
        ([], [], None, "Received: none"),
        (["a"], ["a"], ["a", "b"], "sources as references. Received: 2 and 1"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    references: list[str], hypotheses: list[str], sources: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score_translations(references, hypotheses, sources)


def test_the_others_refuse_it_too() -> None:
    with pytest.raises(ValueError, match="2 references and 1 hypotheses"):
        bleu_of(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="Received: none"):
        sentence_scores([], [])
