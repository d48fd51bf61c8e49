"""The grammar of the phrasebook: clauses and sentences that are English and French at once.

Conventions, so that an English sentence has one French translation: `you` is `tu`; `I`, `you` and `us` are spoken of
in the masculine; `they` is `ils` and `them` is masculine where nothing tells otherwise. The simple past of an action is
the passé composé; the past of a state, `used to` and `was -ing` are the imparfait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from nlp_pipeline.corpora.phrasebook_forms import (
    auxiliary,
    english_ing,
    english_third_person,
    french_adjective,
    french_text,
    future,
    imperfect,
    participle,
    present,
)
from nlp_pipeline.corpora.phrasebook_lexicon import BE, Adjective, Verb
from nlp_pipeline.corpora.phrasebook_phrases import NOTHING, Clitic, NounPhrase, Subject, Words, words
from nlp_pipeline.text.pair import SentencePair


class Tense(Enum):
    """What an English verb group says about time, and what the clause says about the will."""

    PRESENT = "eats"
    PROGRESSIVE = "is eating"
    PAST = "ate"
    STATE_PAST = "had"
    USED_TO = "used to eat"
    WAS_DOING = "was eating"
    FUTURE = "will eat"
    GOING_TO = "is going to eat"
    CAN = "can eat"
    MUST = "must eat"
    WANT_TO = "wants to eat"


_BEFORE_INFINITIVE = {
    Tense.GOING_TO: "aller",
    Tense.CAN: "pouvoir",
    Tense.MUST: "devoir",
    Tense.WANT_TO: "vouloir",
}
_NEGATIONS = {"not": "pas", "never": "jamais", "no longer": "plus"}


@dataclass(frozen=True, slots=True)
class Clause:
    """A verb with all that it needs, except its subject.

    Args:
        verb: the verb.
        tense: its tense.
        object: the direct object.
        clitic: an object pronoun.
        rest: what follows, such as a place or a time.
        negation: `not`, `never`, `no longer` or nothing.
        often: an adverb that stands before the English verb and after the French one.
    """

    verb: Verb
    tense: Tense
    object: NounPhrase | None = None
    clitic: Clitic | None = None
    rest: Words = NOTHING
    negation: str = ""
    often: Words = NOTHING

    def _object(self) -> Words:
        if self.object is None:
            return NOTHING
        copula = self.verb is BE  # "ce n'est pas un chien"
        doubted = self.negation == "not" and (self.tense is not Tense.PRESENT or self.verb.tenses != "done")
        return self.object.words(bool(self.negation) and not copula and self.object.determiner != "generic", doubted)

    def english(self, subject: Subject) -> tuple[str, tuple[str, ...]]:
        """Return the auxiliary, empty where there is none, and what follows it."""
        helper, group = _english_group(self.verb, self.tense, subject.person, self.negation == "not")
        middle = ("not",) if self.negation == "not" else tuple(self.negation.split())
        if helper == "can" and self.negation == "not":
            helper, middle = "cannot", ()
        pronoun = (self.clitic.english,) if self.clitic else ()
        after = (*middle, *self.often.english, *group.split(), *pronoun, *self._object().english, *self.rest.english)
        return helper, after

    def english_question(self, subject: Subject) -> tuple[str, ...]:
        """Return the English question: `does the man eat an apple`."""
        helper, after = self.english(subject)
        if not helper:
            helper, group = _english_group(self.verb, self.tense, subject.person, True)
            said = _english_group(self.verb, self.tense, subject.person, False)[1].split()
            start = after[: len(self.often.english)]
            after = (*start, *group.split(), *after[len(start) + len(said) :])
        return (helper, *subject.words.english, *after)

    def french(self, subject: Subject) -> tuple[str, ...]:
        """Return the French words after the subject, before elision and contraction."""
        infinitive, _, preposition = self.verb.french.removeprefix("se ").partition(" ")
        reflexive = self.verb.french.startswith("se ")
        before = _reflexive_pronoun(subject.person) if reflexive else ()
        if self.clitic:
            before += (self.clitic.french,)
        never = (_NEGATIONS[self.negation],) if self.negation else ()
        no = ("ne",) if self.negation else ()
        person = subject.person
        if self.tense in _BEFORE_INFINITIVE:
            modal = present(_BEFORE_INFINITIVE[self.tense])[person]
            group: tuple[str, ...] = (*no, modal, *never, *self.often.french, *before, infinitive)
        elif self.tense is Tense.PAST:
            helper = "être" if reflexive else auxiliary(infinitive)
            feminine, plural = self._agreement(subject, helper)
            said = participle(infinitive, feminine, plural)
            group = (*no, *before, present(helper)[person], *never, *self.often.french, said)
        else:
            group = (*no, *before, _finite(infinitive, self.tense)[person], *never, *self.often.french)
        linked = (preposition,) if preposition else ()
        return (*group, *linked, *self._object().french, *self.rest.french)

    def _agreement(self, subject: Subject, helper: str) -> tuple[bool, bool]:
        """Return gender and number of a participle: the subject's with être, a preceding object's with avoir."""
        if helper == "être":
            return subject.feminine, subject.plural
        if self.clitic and self.clitic.direct:
            return self.clitic.feminine, self.clitic.plural
        return False, False

    def with_rest(self, more: Words) -> Clause:
        """Return the clause with more words at its end."""
        return replace(self, rest=self.rest + more)


def said_of(subject: Subject, clause: Clause) -> Words:
    """Return subject and verb: a statement."""
    helper, after = clause.english(subject)
    verb = (helper, *after) if helper else after
    return subject.words + Words(verb, clause.french(subject))


def asked_of(subject: Subject, clause: Clause) -> Words:
    """Return a question that is answered with yes or no."""
    asked = ("est-ce", "que", *subject.words.french, *clause.french(subject))
    return Words(clause.english_question(subject), asked)


def who(subject: Subject, clause: Clause) -> Subject:
    """Return a subject with a relative clause: `the man who is reading a book`."""
    helper, after = clause.english(subject)
    relative = Words(("who", *((helper,) if helper else ()), *after), ("qui", *clause.french(subject)))
    return replace(subject, words=subject.words + relative)


def that(thing: NounPhrase, subject: Subject, clause: Clause) -> Subject:
    """Return a thing with a relative clause: `the letter that she wrote`, `la lettre qu'elle a écrite`."""
    ahead = Clitic("", "", True, thing.noun.feminine, thing.is_plural)
    helper, after = replace(clause, clitic=ahead).english(subject)
    english = ("that", *subject.words.english, *((helper,) if helper else ()), *after)
    french = ("que", *subject.words.french, *replace(clause, clitic=ahead).french(subject))
    relative = Words(tuple(filter(None, english)), tuple(filter(None, french)))
    return Subject(thing.words() + relative, 5 if thing.is_plural else 2, thing.noun.feminine)


def sentence(said: Words, question: bool = False) -> SentencePair:
    """Return words as a pair of sentences, with capitals and full stops."""
    english, french = " ".join(said.english), french_text(said.french)
    ends = ("?", " ?") if question else (".", ".")
    return SentencePair(english[0].upper() + english[1:] + ends[0], french[0].upper() + french[1:] + ends[1])


def described(subject: Subject, adjective: Adjective, degree: str = "") -> Words:
    """Return what stands after `be`: an adjective that agrees, after `very` or `too`."""
    form = french_adjective(adjective.french, subject.feminine, subject.plural)
    return (words(degree, {"very": "très", "too": "trop"}[degree]) if degree else NOTHING) + words(
        adjective.english, form
    )


def _english_group(verb: Verb, tense: Tense, person: int, asked: bool) -> tuple[str, str]:
    """Return the auxiliary, empty where there is none, and the verb; `asked`: with do-support."""
    are = ("am", "are", "is", "are", "are", "are")[person]
    were = "was" if person in (0, 2) else "were"
    third = person == 2
    if verb is BE and tense in (Tense.PRESENT, Tense.STATE_PAST):
        return (are if tense is Tense.PRESENT else were), ""
    match tense:
        case Tense.PROGRESSIVE:
            return are, english_ing(verb.english)
        case Tense.WAS_DOING:
            return were, english_ing(verb.english)
        case Tense.GOING_TO:
            return are, f"going to {verb.english}"
        case Tense.FUTURE:
            return "will", verb.english
        case Tense.CAN:
            return "can", verb.english
        case Tense.MUST:
            return "must", verb.english
        case Tense.USED_TO:
            return ("did", f"use to {verb.english}") if asked else ("", f"used to {verb.english}")
        case Tense.PAST | Tense.STATE_PAST:
            return ("did", verb.english) if asked else ("", verb.past)
    base = f"want to {verb.english}" if tense is Tense.WANT_TO else verb.english
    if asked:
        return ("does" if third else "do"), base
    return "", english_third_person(base) if third else base


def _finite(infinitive: str, tense: Tense) -> Sequence[str]:
    """Return the six persons of a simple French tense."""
    if tense is Tense.FUTURE:
        return future(infinitive)
    if tense in (Tense.STATE_PAST, Tense.USED_TO, Tense.WAS_DOING):
        return imperfect(infinitive)
    return present(infinitive)


def _reflexive_pronoun(person: int) -> tuple[str, ...]:
    return (("me", "te", "se", "nous", "vous", "se")[person],)
