"""What somebody does in the phrasebook: sentences around a verb, in every tense."""

from __future__ import annotations

from dataclasses import replace

from nlp_pipeline.corpora import phrasebook_lexicon as lexicon
from nlp_pipeline.corpora.phrasebook_cast import Cast, nouns_of
from nlp_pipeline.corpora.phrasebook_forms import english_plural
from nlp_pipeline.corpora.phrasebook_grammar import Clause, Tense, asked_of, said_of, sentence
from nlp_pipeline.corpora.phrasebook_lexicon import NOUNS, PERSON, VERBS
from nlp_pipeline.corpora.phrasebook_phrases import (
    DIRECT,
    INDIRECT_CLITICS,
    NUMBERS,
    NounPhrase,
    Subject,
    subject_of,
    words,
)
from nlp_pipeline.corpora.phrasebook_usage import ANIMALS_LIKE, FAR, NEGATED, RUNNERS, TENSES, TIMES
from nlp_pipeline.text.pair import SentencePair


class Actions(Cast):
    """Draws sentences about what somebody does."""

    def finished(self, subject: Subject, clause: Clause) -> SentencePair | None:
        """Add a time, and perhaps a negation or a question, as the tense bears it."""
        tense, verb = clause.tense, clause.verb
        negation = ""
        if self.chance(25):
            allowed = [
                one
                for one in NEGATED.get(tense, ("not",))
                if one == "not" or verb.tenses in ("done", "daily") or (one == "no longer" and verb.tenses != "sense")
            ]
            each = ("a",) if tense is Tense.PRESENT and verb.tenses == "done" else ()  # no "never reads a book"
            unasked = clause.object is not None and clause.object.determiner in ("this", *each, *NUMBERS)
            negation = self.one_of(allowed) if allowed and not unasked else ""
        question = not negation and subject.words.english != ("I",) and self.chance(18)
        question = question and tense not in (Tense.MUST, Tense.USED_TO)
        clause = replace(clause, negation=negation)
        active = verb.tenses in ("done", "daily")
        if tense in (Tense.PRESENT, Tense.USED_TO) and active and not negation:
            if tense is Tense.PRESENT and self.chance(35):
                english, french = self.one_of(tuple(lexicon.OFTEN.items()))
                clause = replace(clause, often=words(english, french))
            else:
                clause = clause.with_rest(words(*self.one_of(tuple(lexicon.HABITS.items()))))
        times, chance = TIMES.get(tense, ({}, 0))
        unclear = tense is Tense.PAST and verb.past == verb.english  # "they read the book" needs a time
        if times and negation in ("", "not") and (unclear or self.chance(chance)):
            near = [one for one in times.items() if verb.english in FAR or one[0].split()[-1] not in ("week", "month")]
            clause = clause.with_rest(words(*self.one_of(near)))
        elif unclear:
            return None
        said = asked_of(subject, clause) if question else said_of(subject, clause)
        return sentence(said, question)

    def does(self) -> SentencePair | None:
        """Draw a sentence such as: The young woman is buying a red dress."""
        verb, subject = self.one_of(lexicon.TRANSITIVE), self.subject()
        tense = self.one_of(TENSES[verb.tenses])
        habit = tense in (Tense.PRESENT, Tense.USED_TO) and verb.tenses == "done"
        determiners = verb.habits if habit else verb.determiners
        if not determiners:
            return None
        clause = Clause(verb, tense)
        if PERSON in verb.objects and self.chance(40):
            clause = replace(clause, clitic=self.clitic(subject, DIRECT))
        else:
            thing = self.thing(verb, subject, determiners, nouns_of(verb.objects))
            if {thing.noun.english, english_plural(thing.noun.english)} & set(subject.words.english):
                return None
            clause = replace(clause, object=thing)
        if tense not in (Tense.CAN, Tense.MUST) and self.chance(25):
            clause = clause.with_rest(self.place(verb.places))
        return self.finished(subject, clause)

    def gives(self) -> SentencePair | None:
        """Draw a sentence such as: My aunt gave me a white shirt."""
        verb, subject = self.one_of(lexicon.GIVING), self.subject()
        tense = self.one_of([one for one in TENSES["done"] if one not in (Tense.PRESENT, Tense.USED_TO)])
        thing = self.thing(verb, subject, verb.determiners, nouns_of(verb.objects))
        clause = Clause(verb, tense, thing)
        if self.chance(60):
            clitic = self.clitic(subject, INDIRECT_CLITICS)
            if clitic.english == "her" and thing.determiner == "some":  # "gives her bread" is two things at once
                return None
            return self.finished(subject, replace(clause, clitic=clitic))
        return self.finished(subject, clause.with_rest(words("to", "à") + self.other(subject).words()))

    def speaks(self) -> SentencePair | None:
        """Draw a sentence such as: We are going to talk to the doctor."""
        verb, subject = self.one_of(lexicon.INDIRECT), self.subject()
        clause = Clause(verb, self.one_of(TENSES[verb.tenses]))
        if self.chance(50):
            clause = replace(clause, clitic=self.clitic(subject, INDIRECT_CLITICS))
        else:
            clause = clause.with_rest(words("", "à") + self.other(subject).words())
        if self.chance(25):
            clause = clause.with_rest(self.place(verb.places))
        return self.finished(subject, clause)

    def moves(self) -> SentencePair | None:
        """Draw a sentence such as: The girls went to the market yesterday."""
        verb, subject = self.one_of(lexicon.MOVING), self.several_or_one()
        noun = NOUNS[self.one_of(verb.places)]
        place = NounPhrase(noun, "the", self.adjectives(noun, "the", 35))
        return self.finished(subject, Clause(verb, self.one_of(TENSES[verb.tenses]), rest=place.words()))

    def stays(self) -> SentencePair | None:
        """Draw a sentence such as: Your brother is working at the office."""
        verb, subject = self.one_of(lexicon.STAYING), self.subject(45)
        return self.finished(subject, Clause(verb, self.one_of(TENSES[verb.tenses]), rest=self.place(verb.places)))

    def rises(self) -> SentencePair | None:
        """Draw a sentence such as: She got up late this morning."""
        verb, subject = self.one_of(lexicon.REFLEXIVE), self.several_or_one()
        clause = Clause(verb, self.one_of(TENSES[verb.tenses]))
        timed = clause.tense in (Tense.PRESENT, Tense.USED_TO, Tense.MUST) or self.chance(20)
        if timed and verb.tenses == "daily":
            clause = clause.with_rest(words(*self.one_of((("early", "tôt"), ("late", "tard")))))
        return self.finished(subject, clause)

    def animal_does(self) -> SentencePair | None:
        """Draw a sentence such as: The black cat is sleeping under the table."""
        noun = self.one_of(nouns_of(("animal",)))
        phrase = self.phrase(noun, self.one_of(("the", "the", "my", "your", "this")))
        subject = subject_of(phrase)
        tense = self.one_of((Tense.PROGRESSIVE, Tense.PRESENT, Tense.PAST, Tense.WAS_DOING))
        if self.chance(40):
            name, food = self.one_of(ANIMALS_LIKE[noun.english])
            self.combinations.add((name, food))
            return self.finished(subject, Clause(VERBS[name], tense, NounPhrase(NOUNS[food], "some")))
        if noun.english in RUNNERS and self.chance(40):
            return self.finished(subject, Clause(VERBS["run"], tense, rest=self.place(VERBS["run"].places)))
        clause = Clause(VERBS["sleep"], tense)
        if noun.english in ("cat", "dog") and self.chance(60):
            english, french = self.one_of((("under", "sous"), ("on", "sur")))
            spot = NOUNS[self.one_of(("table", "bed", "chair"))]
            place = words(english, french) + NounPhrase(spot, "the", self.adjectives(spot, "the", 30)).words()
            return self.finished(subject, clause.with_rest(place))
        return self.finished(subject, clause.with_rest(self.place(("garden", "house", "forest"))))
