"""What the phrasebook says: scenes that draw words which go together, and give a pair of sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nlp_pipeline.corpora import phrasebook_lexicon as lexicon
from nlp_pipeline.corpora.phrasebook_actions import Actions
from nlp_pipeline.corpora.phrasebook_cast import COLOURS, NATIONS, fitting, nouns_of
from nlp_pipeline.corpora.phrasebook_grammar import Clause, Tense, asked_of, described, said_of, sentence, that, who
from nlp_pipeline.corpora.phrasebook_lexicon import ADJECTIVES, BE, FAMILY, NOUNS, PERSON, VERBS, Adjective, Noun
from nlp_pipeline.corpora.phrasebook_phrases import (
    POSSESSIVES,
    PRONOUNS,
    NounPhrase,
    Subject,
    Words,
    antecedent_clitic,
    subject_of,
    words,
)
from nlp_pipeline.corpora.phrasebook_usage import BUT, GRADED, LASTING, PASSING, SPOTS, TO_COME, TOO
from nlp_pipeline.text.pair import SentencePair


@dataclass(frozen=True, slots=True)
class Scene:
    """A pair, and the words that were combined in it: an adjective or a verb with a noun, in English base forms."""

    pair: SentencePair
    combinations: frozenset[tuple[str, str]]


class Stage(Actions):
    """Draws scenes, one after another, for ever the same."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.scenes: tuple[Callable[[], SentencePair | None], ...] = (
            *[self.does] * 9,
            *[self.describes] * 4,
            *[self.gives, self.locates] * 2,
            *(self.speaks, self.moves, self.moves, self.stays, self.rises, self.presents),
            *(self.points_at_who, self.points_at_that, self.contrasts, self.animal_does, self.asks_where),
        )

    def next(self) -> Scene | None:
        """Return a scene; None where the words drawn say nothing."""
        self.combinations = set()
        pair = self.one_of(self.scenes)()
        return None if pair is None else Scene(pair, frozenset(self.combinations))

    def describes(self) -> SentencePair | None:
        """Draw a sentence such as: The Italian car was very expensive."""
        if self.chance(40):
            nouns, subject = nouns_of((PERSON,)), self.one_of(tuple(PRONOUNS.values()))
            if self.chance(40):
                phrase = self.person(chance=0)
                nouns, subject = (phrase.noun,), subject_of(phrase)
        else:
            phrase = self.described_thing()
            nouns, subject = (phrase.noun,), subject_of(phrase)
        adjective = self.predicate(nouns, subject)
        if adjective is None:
            return None
        self.combinations.update((adjective.english, noun.english) for noun in nouns if len(nouns) == 1)
        tense = self.one_of((*[Tense.PRESENT] * 6, *[Tense.STATE_PAST] * 2, Tense.FUTURE))
        if tense is Tense.FUTURE and adjective.english not in TO_COME:
            return None
        negation = self.one_of(("not", "no longer")) if self.chance(22) else ""
        if negation == "no longer" and (adjective.english not in PASSING or tense is Tense.FUTURE):
            negation = "not"
        degree = "very" if adjective.english in GRADED and self.chance(35) else ""
        if (
            adjective.english in TOO
            and PERSON not in {kind for noun in nouns for kind in noun.kinds}
            and self.chance(20)
        ):
            degree = "too"
        degree = "" if negation == "no longer" else degree
        clause = Clause(BE, tense, rest=described(subject, adjective, degree), negation=negation)
        question = not negation and subject.words.english != ("I",) and self.chance(20)
        return sentence(asked_of(subject, clause) if question else said_of(subject, clause), question)

    def described_thing(self) -> NounPhrase:
        """Draw a thing or an animal that something can be said of."""
        noun = self.one_of([one for one in NOUNS.values() if not one.kinds & {PERSON, FAMILY}])
        ownable = noun.kinds & {"vehicle", "clothes", "animal", "tool", "text", "vessel"}
        determiner = self.one_of(("the", "the", "the", "this", *(POSSESSIVES[:3] if ownable else ())))
        fit = [one for one in fitting(noun, "both", "attribute") if one.english in COLOURS | NATIONS]
        attribute = (self.one_of(fit),) if fit and self.chance(50) else ()
        self.combinations.update((one.english, noun.english) for one in attribute)
        phrase = NounPhrase(noun, determiner, attribute, plural=self.chance(30))
        if determiner == "the" and ownable and self.chance(25):
            return replace(phrase, possessor=replace(self.person(chance=0), plural=False))
        return phrase

    def predicate(self, nouns: Sequence[Noun], subject: Subject) -> Adjective | None:
        """Draw what is said of a subject that is one of some nouns, and not already named."""
        named = set(subject.words.english) & (COLOURS | NATIONS)
        fit = [
            one
            for noun in nouns[:1]
            for one in fitting(noun, "both", "predicate")
            if not (named and one.english in COLOURS | NATIONS)
            if not (PERSON in noun.kinds and one.english in ("good", "bad"))
        ]
        return self.one_of(fit) if fit else None

    def locates(self) -> SentencePair | None:
        """Draw a sentence such as: There is a grey cat under the table."""
        english, french, places, things = self.one_of(SPOTS)
        noun, place = self.one_of(nouns_of(tuple(things.split()))), NOUNS[self.one_of(places.split())]
        if noun == place:
            return None
        spot = words(english, french) + NounPhrase(place, "the", self.adjectives(place, "the", 30)).words()
        if self.chance(55):
            phrase = self.phrase(noun, "this" if self.chance(5) else "the")
            subject = subject_of(phrase)
            tense = self.one_of((Tense.PRESENT, Tense.PRESENT, Tense.STATE_PAST))
            clause = Clause(BE, tense, rest=spot, negation="not" if self.chance(15) else "")
            question = not clause.negation and self.chance(20)
            return sentence(asked_of(subject, clause) if question else said_of(subject, clause), question)
        phrase = self.phrase(noun, self.one_of(("a", "a", "some", "num")))
        there, were = phrase.is_plural, self.chance(20)
        verb = ("were" if there else "was") if were else ("are" if there else "is")
        if phrase.determiner == "some" and self.chance(30):
            said = words(f"there {verb} no", f"il ne y {'avait' if were else 'a'} pas")
            return sentence(said + phrase.words(negated=True) + spot)
        return sentence(words(f"there {verb}", f"il y {'avait' if were else 'a'}") + phrase.words() + spot)

    def asks_where(self) -> SentencePair | None:
        """Draw a sentence such as: Where is my red hat?"""
        noun = self.one_of(nouns_of(("tool", "clothes", "text", "animal", "vessel", "vehicle", "place", "food")))
        own = noun.kinds & {"tool", "clothes", "text", "animal", "vehicle"}
        phrase = self.phrase(noun, self.one_of(POSSESSIVES if own and self.chance(60) else ("the",)))
        are, french = ("are", "sont") if phrase.is_plural else ("is", "est")
        return sentence(words(f"where {are}", f"où {french}") + phrase.words(), question=True)

    def presents(self) -> SentencePair | None:
        """Draw a sentence such as: This is my favourite book."""
        noun = self.one_of(
            nouns_of(("text", "clothes", "vehicle", "tool", "gift", "animal", "vessel", "house", "food"))
        )
        own = noun.kinds & {"text", "clothes", "vehicle", "tool", "animal"} or noun.english == "house"
        determiner = self.one_of(POSSESSIVES if own and self.chance(60) else ("a", "a", "the"))
        phrase = self.phrase(noun, determiner, 90)
        if determiner == "the":
            phrase = replace(phrase, possessor=replace(self.person(chance=0), plural=False))
        english, person = ("these", 5) if phrase.is_plural else ("this", 2)
        clause = Clause(BE, Tense.PRESENT, phrase, negation="not" if self.chance(25) else "")
        question = not clause.negation and self.chance(25)
        subject = Subject(words(english, "ce"), person)
        return sentence(asked_of(subject, clause) if question else said_of(subject, clause), question)

    def points_at_who(self) -> SentencePair | None:
        """Draw a sentence such as: The woman who is wearing a red dress is tired."""
        person = self.person(chance=0)
        if FAMILY in person.noun.kinds or person.determiner != "the":
            return None
        subject = subject_of(person)
        verb = self.one_of([one for one in lexicon.TRANSITIVE if one.tenses == "done" and PERSON not in one.objects])
        tense = self.one_of((Tense.PROGRESSIVE, Tense.PROGRESSIVE, Tense.PAST))
        if tense is Tense.PAST and verb.past == verb.english:
            return None
        clause = Clause(verb, tense, self.thing(verb, subject, verb.determiners, nouns_of(verb.objects)))
        pointed = who(subject, clause)
        if self.chance(50):
            adjective = self.predicate((person.noun,), subject_of(person))
            return (
                None
                if adjective is None
                else sentence(said_of(pointed, Clause(BE, Tense.PRESENT, rest=described(pointed, adjective))))
            )
        knower = self.one_of([one for name, one in PRONOUNS.items() if name != "they"])
        knows = Clause(VERBS["know"], Tense.PRESENT, rest=pointed.words)
        question = knower.words.english == ("you",)
        return sentence(asked_of(knower, knows) if question else said_of(knower, knows), question)

    def points_at_that(self) -> SentencePair | None:
        """Draw a sentence such as: The letter that she wrote was long."""
        verb = VERBS[self.one_of(("buy", "write", "choose", "build", "paint", "read", "see", "find", "wear", "sell"))]
        noun, doer = self.one_of(nouns_of(verb.objects)), self.subject(85)
        thing = self.phrase(noun, "the", 0)
        adjective = self.predicate((noun,), doer)
        if adjective is None or PERSON in noun.kinds:
            return None
        self.combinations.update(((verb.english, noun.english), (adjective.english, noun.english)))
        pointed = that(thing, doer, Clause(verb, Tense.PAST))
        lasting = verb.english in LASTING and adjective.english not in PASSING and self.chance(60)
        tense = Tense.PRESENT if lasting else Tense.STATE_PAST
        degree = "very" if adjective.english in GRADED and self.chance(30) else ""
        return sentence(said_of(pointed, Clause(BE, tense, rest=described(pointed, adjective, degree))))

    def contrasts(self) -> SentencePair | None:
        """Draw a sentence such as: The red car is expensive, but I bought it."""
        adjective = ADJECTIVES[self.one_of(tuple(BUT))]
        verb = VERBS[self.one_of(BUT[adjective.english])]
        nouns = [one for one in nouns_of(verb.objects) if adjective in fitting(one, "both")]
        nouns = [one for one in nouns if not one.kinds & {PERSON, FAMILY}]
        if not nouns:
            return None
        noun = self.one_of(nouns)
        fit = [one for one in fitting(noun, "both") if one.english in COLOURS | NATIONS]
        attribute = (self.one_of(fit),) if fit and self.chance(40) else ()
        self.combinations.update((one.english, noun.english) for one in (*attribute, adjective))
        self.combinations.add((verb.english, noun.english))
        thing = NounPhrase(noun, self.one_of(("the", "the", "this")), attribute, self.chance(35))
        doer = self.one_of(tuple(PRONOUNS.values()))
        it = antecedent_clitic(noun, thing.is_plural)
        past = verb.english != "like" and self.chance(50)
        tense = Tense.PRESENT if verb.english == "like" else self.one_of((Tense.GOING_TO, Tense.WANT_TO))
        subject = subject_of(thing)
        state = Clause(BE, Tense.STATE_PAST if past else Tense.PRESENT, rest=described(subject, adjective))
        first = said_of(subject, state)
        comma = Words((*first.english[:-1], f"{first.english[-1]},"), (*first.french[:-1], f"{first.french[-1]},"))
        second = said_of(doer, Clause(verb, Tense.PAST if past else tense, clitic=it))
        return sentence(comma + words("but", "mais") + second)
