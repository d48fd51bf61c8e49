"""The phrasebook: the committed files, what the splits promise, and laws that hold over all of its sentences."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from nlp_pipeline.corpora.phrasebook import (
    SEEN,
    SIZES,
    phrasebook,
    phrasebook_scenes,
    split_of,
    surface_words,
    write_phrasebook,
)
from nlp_pipeline.corpora.phrasebook_forms import english_plural
from nlp_pipeline.corpora.phrasebook_lexicon import ADJECTIVES, NOUNS, VERBS
from nlp_pipeline.corpora.phrasebook_scenes import Stage

DATA = Path(__file__).parent.parent.parent / "data" / "phrasebook"
SCENES = phrasebook_scenes()
PAIRS = [scene.pair for scenes in SCENES.values() for scene in scenes]


def test_the_files_are_what_the_grammar_makes(tmp_path: Path) -> None:
    write_phrasebook(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DATA.iterdir()}
    assert not any(b"\r" in content for content in made.values())


def test_sizes_and_places() -> None:
    found = phrasebook()
    assert {split: len(pairs) for split, pairs in found.items()} == SIZES
    assert found["dev"][6].place == "dev:7"


def test_no_sentence_twice_and_one_translation() -> None:
    assert len({pair.source for pair in PAIRS}) == len(PAIRS) == sum(SIZES.values())
    french: dict[str, str] = {}
    stage = Stage(seed=3)
    for scene in filter(None, (stage.next() for _ in range(30_000))):
        assert french.setdefault(scene.pair.source, scene.pair.target) == scene.pair.target
    assert len(french) > 20_000


def test_dev_and_test_combine_as_train_does_not() -> None:
    seen = {combination for scene in SCENES["train"] for combination in scene.combinations}
    for split in ("dev", "test"):
        for scene in SCENES[split]:
            assert scene.combinations - seen, scene.pair
            assert split_of(scene) == split


def test_combinations_stand_in_the_sentence() -> None:
    for scene in (scene for scenes in SCENES.values() for scene in scenes):
        said = scene.pair.source.lower()
        for first, noun in scene.combinations:
            assert noun in said or english_plural(noun) in said, (scene.pair, noun)
            assert first in VERBS or first.lower() in said, (scene.pair, first)


def test_every_word_of_dev_and_test_is_known() -> None:
    known = Counter(word for scene in SCENES["train"] for word in surface_words(scene.pair))
    for split in ("dev", "test"):
        assert min(known[word] for scene in SCENES[split] for word in surface_words(scene.pair)) >= SEEN


def test_many_adjectives_cross_their_nouns() -> None:
    nouns = {form for noun in NOUNS for form in (noun, english_plural(noun))}
    for scenes in SCENES.values():
        crossing = leading = 0
        for scene in scenes:
            spoken = re.findall(r"\w+", scene.pair.source)
            found = [ADJECTIVES[one] for one, noun in pairwise(spoken) if one in ADJECTIVES and noun in nouns]
            crossing += any(not adjective.before for adjective in found)
            leading += any(adjective.before for adjective in found)
        assert crossing > 0.3 * len(scenes)
        assert leading > 0.05 * len(scenes)


def test_sentences_are_short() -> None:
    lengths = [len(pair.source.split()) for pair in PAIRS]
    assert max(lengths) <= 18
    assert sum(4 <= length <= 12 for length in lengths) > 0.9 * len(lengths)


# A word that begins with a vowel or a mute h.
VOWEL = r"(?:[aeiouyâàéèêëîïôùûœ]|h(?!éros|ibou|aricot|ache))"
COPULA = r"\bce (?:n'est|ne sont) pas"  # after which nothing becomes "de": "ce n'est pas un chien"


@pytest.mark.parametrize(
    "wrong",
    [
        rf"\b(?:le|la|je|me|te|se|ne|de|que) {VOWEL}",
        r"\b(?:à|de) les? ",
        rf"\bce {VOWEL}",
        r"\bcet (?!" + VOWEL + ")",
        rf"\b(?:du|au) {VOWEL}",
        rf"\b(?:ma|ta|sa) {VOWEL}",
        r"\b(?:beau|vieux|nouveau) (?:ami|oiseau|ordinateur|arbre|hôtel|hôpital|homme|article|œuf)\b",
        r"\b(?:bel|vieil|nouvel) (?!" + VOWEL + ")",
        r"\b(?:l|j|m|t|s|n|d|qu|c)'(?!" + VOWEL + ")",
        r"\bn(?:e |')(?!.* (?:pas|jamais|plus)\b)",
        r"\bdes (?:grand|petit|beau|belle|vie|nouv|bon|mauvais|jeune|joli|long|gros)",
        rf"^(?!.*{COPULA}).*\b(?:pas|jamais|plus) (?:un|une|des)\b",
        rf"^(?!.*{COPULA}).*\b(?:pas|jamais|plus) (?:du|de la) (?:pain|fromage|riz|miel|lait|café|thé|vin|jus|soupe)\b",
        r" {2}|^ | $",
        r"[^?.]$",
        r"[^ ]\?",
        "[\u00a0\u202f’]",
    ],
)
def test_french_that_is_never_written(wrong: str) -> None:
    assert [pair for pair in PAIRS if re.search(wrong, pair.target, re.IGNORECASE)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        r"\ba [aeio]",
        r"\ban [^aeiou]",
        r"^(?:he|she) (?:are|have|do|were)\b",
        r"^(?:they|we|you) (?:is|has|does|was)\b",
        r" {2}|^ | $",
        r"[^?.]$",
        r" [?.,]",
        r"’",
    ],
)
def test_english_that_is_never_written(wrong: str) -> None:
    assert [pair for pair in PAIRS if re.search(wrong, pair.source, re.IGNORECASE)] == []


def test_both_sides_begin_with_a_capital_and_end_alike() -> None:
    for pair in PAIRS:
        assert pair.source[0].isupper()
        assert pair.target[0].isupper()
        assert pair.source.endswith("?") == pair.target.endswith(" ?")
