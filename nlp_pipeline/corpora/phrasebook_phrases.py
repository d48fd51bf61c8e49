"""Phrases of the phrasebook, English and French at once: noun phrases, subjects, and the pronouns of objects."""

from __future__ import annotations

from dataclasses import dataclass

from nlp_pipeline.corpora.phrasebook_forms import (
    english_plural,
    french_adjective,
    french_plural,
    is_elided_before,
)
from nlp_pipeline.corpora.phrasebook_lexicon import ALWAYS_PLURAL, FAMILY, MASS, PERSON, Adjective, Noun

NUMBERS = {"two": "deux", "three": "trois", "four": "quatre", "five": "cinq", "ten": "dix"}
_OWNERS = {
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "its": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
POSSESSIVES = ("my", "your", "his", "her", "our", "their")
_DETERMINERS = {"the": ("le", "la", "les"), "generic": ("le", "la", "les"), "a": ("un", "une", "des"), **_OWNERS}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a phrase on both sides, the French ones before elision and contraction."""

    english: tuple[str, ...] = ()
    french: tuple[str, ...] = ()

    def __add__(self, other: Words) -> Words:
        return Words(self.english + other.english, self.french + other.french)


NOTHING = Words()


def words(english: str, french: str) -> Words:
    """Return the words of two texts."""
    return Words(tuple(english.split()), tuple(french.split()))


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun with what stands around it.

    Args:
        noun: the noun; a mass noun is never plural, one that comes in pairs always is.
        determiner: `the`, `a`, `some` (a bare plural, or an amount), `generic` (the French article of likes and
            dislikes), `this`, a possessive or a number.
        adjectives: in English order.
        plural: whether there are several.
        possessor: whose it is, with `the`: `the teacher's red car`.
    """

    noun: Noun
    determiner: str = "the"
    adjectives: tuple[Adjective, ...] = ()
    plural: bool = False
    possessor: NounPhrase | None = None

    @property
    def is_plural(self) -> bool:
        """Whether its forms are plural."""
        if MASS in self.noun.kinds:
            return False
        return self.plural or ALWAYS_PLURAL in self.noun.kinds or self.determiner in ("some", "generic", *NUMBERS)

    def words(self, negated: bool = False, doubted: bool = False) -> Words:
        """Return both sides.

        Args:
            negated: whether it is the object of a negated verb: `pas de chien`.
            doubted: whether English then says `any` where there is no determiner.
        """
        return Words(self._english(negated and doubted), self._french(negated))

    def _english(self, doubted: bool) -> tuple[str, ...]:
        described = [adjective.english for adjective in self.adjectives]
        described.append(english_plural(self.noun.english) if self.is_plural else self.noun.english)
        indefinite = self.determiner == "some" or (self.determiner == "a" and self._is_bare)
        if self.possessor is not None:
            *others, owner = self.possessor.words().english
            return (
                *others,
                f"{owner}'" if self.possessor.is_plural and owner.endswith("s") else f"{owner}'s",
                *described,
            )
        if indefinite:
            return ("any", *described) if doubted else tuple(described)
        if self.determiner == "generic":
            return tuple(described)
        if self.determiner == "a":
            return ("an" if described[0][0].lower() in "aeiou" else "a", *described)
        if self.determiner == "this" and self.is_plural:
            return ("these", *described)
        return (self.determiner, *described)

    @property
    def _is_bare(self) -> bool:
        return self.is_plural or MASS in self.noun.kinds

    def _french(self, negated: bool) -> tuple[str, ...]:
        feminine, plural = self.noun.feminine, self.is_plural
        noun = french_plural(self.noun.french) if plural else self.noun.french
        before = [one for one in self.adjectives if one.before]
        described = [french_adjective(one.french, feminine, plural, noun) for one in before]
        described.append(noun)
        described += [french_adjective(one.french, feminine, plural) for one in self.adjectives if not one.before]
        determiner = self._french_determiner(described[0], negated, bool(before))
        owner = () if self.possessor is None else ("de", *self.possessor.words().french)
        return (*determiner, *described, *owner)

    def _french_determiner(self, following: str, negated: bool, before: bool) -> tuple[str, ...]:
        feminine, plural = self.noun.feminine, self.is_plural
        if self.determiner in ("some", "a"):
            if negated or (plural and before):  # "pas de pommes", and "de belles pommes"
                return ("de",)
            if self._is_bare:
                return ("des",) if plural else ("de", "la" if feminine else "le")
            return ("une" if feminine else "un",)
        if self.determiner in NUMBERS:
            return (NUMBERS[self.determiner],)
        if self.determiner == "this":
            if plural:
                return ("ces",)
            return ("cette" if feminine else "cet" if is_elided_before(following) else "ce",)
        masculine_form, feminine_form, plural_form = _DETERMINERS[self.determiner]
        if plural:
            return (plural_form,)
        if self.determiner in _OWNERS and feminine and is_elided_before(following):
            return (masculine_form,)
        return (feminine_form if feminine else masculine_form,)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who does it: its words, what agrees with it, and the English possessive of its own things.

    `person` counts je, tu, il, nous, vous, ils from 0.
    """

    words: Words
    person: int
    feminine: bool = False
    owner: str = "its"

    @property
    def plural(self) -> bool:
        """Whether its verb is plural."""
        return self.person > 2


PRONOUNS = {
    "I": Subject(words("I", "je"), 0, owner="my"),
    "you": Subject(words("you", "tu"), 1, owner="your"),
    "he": Subject(words("he", "il"), 2, owner="his"),
    "she": Subject(words("she", "elle"), 2, feminine=True, owner="her"),
    "we": Subject(words("we", "nous"), 3, owner="our"),
    "they": Subject(words("they", "ils"), 5, owner="their"),
}


@dataclass(frozen=True, slots=True)
class Clitic:
    """A French pronoun before the verb for an English one after it; its gender and number, where it is an object."""

    english: str
    french: str
    direct: bool = True
    feminine: bool = False
    plural: bool = False


DIRECT = {
    "me": Clitic("me", "me"),
    "you": Clitic("you", "te"),
    "him": Clitic("him", "le"),
    "her": Clitic("her", "la", feminine=True),
    "us": Clitic("us", "nous", plural=True),
    "them": Clitic("them", "les", plural=True),
}
INDIRECT_CLITICS = {
    english: Clitic(english, {"le": "lui", "la": "lui", "les": "leur"}.get(clitic.french, clitic.french), direct=False)
    for english, clitic in DIRECT.items()
}


def antecedent_clitic(noun: Noun, plural: bool) -> Clitic:
    """Return `it` or `them` for a thing that was named before."""
    french = "les" if plural else "la" if noun.feminine else "le"
    return Clitic("them" if plural else "it", french, True, noun.feminine, plural)


def subject_of(phrase: NounPhrase) -> Subject:
    """Return a noun phrase as a subject."""
    feminine, plural = phrase.noun.feminine, phrase.is_plural
    person = bool(phrase.noun.kinds & {PERSON, FAMILY})
    owner = "their" if plural else ("her" if feminine else "his") if person else "its"
    return Subject(phrase.words(), 5 if plural else 2, feminine, owner)


def both(one: NounPhrase, other: NounPhrase) -> Subject:
    """Return two noun phrases as one subject, feminine where both are."""
    joined = one.words() + words("and", "et") + other.words()
    return Subject(joined, 5, one.noun.feminine and other.noun.feminine, "their")
