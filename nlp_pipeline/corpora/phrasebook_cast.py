"""Drawing phrases of the phrasebook: which nouns, adjectives and pronouns, and which go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

from nlp_pipeline.corpora.phrasebook_lexicon import (
    ADJECTIVES,
    ALWAYS_PLURAL,
    FAMILY,
    MASS,
    NOUNS,
    PERSON,
    WHERE,
    Adjective,
    Noun,
    Verb,
)
from nlp_pipeline.corpora.phrasebook_phrases import (
    NOTHING,
    NUMBERS,
    POSSESSIVES,
    PRONOUNS,
    Clitic,
    NounPhrase,
    Subject,
    Words,
    both,
    subject_of,
    words,
)

Item = TypeVar("Item")

SINGLE = frozenset(
    ("house", "flat", "kitchen", "garden", "castle", "church", "hotel", "car", "boat", "father", "mother")
)
"""What one has one of, where one has it."""

_USED = frozenset(("old", "empty", "dirty", "clean", "broken", "fresh", "cold", "medieval", "famous", "favourite"))
UNSAID = {
    **dict.fromkeys(("build", "make", "write"), _USED),
    **dict.fromkeys(("buy", "sell", "choose", "want"), frozenset(("wet", "dirty", "empty"))),
}
"""Adjectives that the object of a verb does not have: what is made is not old, and nobody buys a wet hat."""

# Two adjectives stand together where the second is one of these, and nothing is both red and blue.
COLOURS = frozenset(("red", "blue", "green", "black", "white", "yellow", "grey", "brown", "purple"))
NATIONS = frozenset(("French", "Italian", "Spanish", "German"))


class Draw:
    """Numbers that are the same on every machine: Knuth's linear congruential generator of 64 bits (MMIX)."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, end: int) -> int:
        """Return one of the integers from 0, less than `end`."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % end

    def chance(self, percent: int) -> bool:
        """Return True so often in a hundred."""
        return self.below(100) < percent

    def one_of(self, items: Sequence[Item]) -> Item:
        """Return one of some things."""
        return items[self.below(len(items))]


@cache
def fitting(noun: Noun, *uses: str) -> tuple[Adjective, ...]:
    """Return the adjectives that go with a noun in one of some uses."""
    names = {noun.english} | noun.kinds | ({PERSON} if FAMILY in noun.kinds and "predicate" in uses else set())
    return tuple(one for one in ADJECTIVES.values() if one.use in uses and one.describes & names)


@cache
def nouns_of(names: tuple[str, ...] | frozenset[str]) -> tuple[Noun, ...]:
    """Return the nouns that are named, or of a kind that is named."""
    wanted = set(names)
    return tuple(noun for noun in NOUNS.values() if noun.english in wanted or noun.kinds & wanted)


class Cast(Draw):
    """Draws phrases, and notes which words it combined.

    Attributes:
        combinations: an adjective or a verb with a noun, in English base forms.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.combinations: set[tuple[str, str]] = set()

    def adjectives(
        self, noun: Noun, determiner: str, chance: int = 70, without: frozenset[str] = frozenset()
    ) -> tuple[Adjective, ...]:
        """Draw none, one or two adjectives of a noun."""
        own = ("own",) if determiner in POSSESSIVES else ()
        fit = [one for one in fitting(noun, "both", "attribute", *own) if one.english not in without]
        after = [one for one in fit if not one.before]
        if not fit or not self.chance(chance):
            return ()
        favourite = [one for one in fit if one.use == "own"]
        if favourite and self.chance(40):
            fit = after = favourite
        chosen: tuple[Adjective, ...] = (self.one_of(after if after and self.chance(65) else fit),)
        before = [one for one in fit if one.before and one.english not in ("long", "fat")]
        if chosen[0].english in COLOURS | NATIONS and before and self.chance(25):
            chosen = (self.one_of(before), *chosen)
        self.combinations.update((one.english, noun.english) for one in chosen)
        return chosen

    def phrase(
        self, noun: Noun, determiner: str, chance: int = 70, without: frozenset[str] = frozenset()
    ) -> NounPhrase:
        """Draw adjectives and a number for a noun."""
        if determiner == "num":
            determiner = self.one_of(tuple(NUMBERS))
        if determiner == "a" and (MASS in noun.kinds or ALWAYS_PLURAL in noun.kinds):
            determiner = "some"
        if determiner in NUMBERS and MASS in noun.kinds:
            determiner = "some"
        plural = determiner in ("the", "this", *POSSESSIVES) and self.chance(30)
        plural = plural and not (determiner in POSSESSIVES and noun.english in SINGLE)
        return NounPhrase(noun, determiner, self.adjectives(noun, determiner, chance, without), plural)

    def person(self, chance: int = 45) -> NounPhrase:
        """Draw somebody: a person, or one of the family."""
        noun = self.one_of(nouns_of((PERSON, FAMILY)))
        if PERSON not in noun.kinds:
            return NounPhrase(noun, self.one_of(tuple(POSSESSIVES)), plural=False)
        known = FAMILY in noun.kinds
        determiner = self.one_of(("my", "your", "our")) if known else self.one_of(("the",) * 5 + ("this",))
        return self.phrase(noun, determiner, chance)

    def subject(self, pronouns: int = 55) -> Subject:
        """Draw who does it."""
        if self.chance(pronouns):
            return self.one_of(tuple(PRONOUNS.values()))
        return subject_of(self.person())

    def thing(self, verb: Verb, subject: Subject, determiners: Sequence[str], nouns: Sequence[Noun]) -> NounPhrase:
        """Draw an object of a verb."""
        noun = self.one_of(nouns)
        if PERSON not in noun.kinds and FAMILY in noun.kinds:
            determiners = ("own",)
        determiner = self.one_of(determiners)
        if FAMILY in noun.kinds and determiner == "the":
            determiner = "own"
        without = UNSAID.get(verb.english, frozenset())
        self.combinations.add((verb.english, noun.english))
        if determiner == "own":
            return self.phrase(noun, "the" if MASS in noun.kinds else subject.owner, without=without)
        owned = {"vehicle", "clothes", "animal", "tool", "house"} & (noun.kinds | {noun.english})
        if determiner == "the" and owned and "own" in determiners and self.chance(30):
            holder = self.person(chance=0)
            return replace(self.phrase(noun, "the", without=without), possessor=replace(holder, plural=False))
        return self.phrase(noun, determiner, without=without)

    def place(self, places: Sequence[str]) -> Words:
        """Draw where it happens, or nothing."""
        if not places:
            return NOTHING
        noun = NOUNS[self.one_of(places)]
        english, french = WHERE[noun.english]
        return words(english, french) + NounPhrase(noun, "the", self.adjectives(noun, "the", 20)).words()

    def clitic(self, subject: Subject, clitics: dict[str, Clitic]) -> Clitic:
        """Draw an object pronoun that is not the subject."""
        same = {"I": ("me", "us"), "we": ("me", "us"), "you": ("you",)}.get(" ".join(subject.words.english), ())
        return self.one_of([clitic for name, clitic in clitics.items() if name not in same])

    def other(self, subject: Subject) -> NounPhrase:
        """Draw somebody who is not the subject."""
        while True:
            found = self.person(chance=30)
            if found.words().english[-1] not in subject.words.english:
                return found

    def several_or_one(self) -> Subject:
        """Draw a subject, now and then of two nouns."""
        if not self.chance(15):
            return self.subject(45)
        strangers = [noun for noun in nouns_of((PERSON,)) if FAMILY not in noun.kinds]
        one, other = self.one_of(strangers), self.one_of(strangers)
        if one == other:
            return self.subject(0)
        return both(NounPhrase(one), NounPhrase(other))
