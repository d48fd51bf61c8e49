"""The grammar of the phrasebook: its sentences against sentences written by hand."""

from __future__ import annotations

import pytest

from nlp_pipeline.corpora.phrasebook_forms import french_text
from nlp_pipeline.corpora.phrasebook_grammar import Clause, Tense, asked_of, described, said_of, sentence, that, who
from nlp_pipeline.corpora.phrasebook_lexicon import ADJECTIVES, BE, NOUNS, VERBS
from nlp_pipeline.corpora.phrasebook_phrases import (
    DIRECT,
    INDIRECT_CLITICS,
    PRONOUNS,
    NounPhrase,
    Subject,
    Words,
    antecedent_clitic,
    both,
    subject_of,
    words,
)
from nlp_pipeline.text.pair import SentencePair


def np(text: str, plural: bool = False) -> NounPhrase:
    """Return a noun phrase of its determiner, adjectives and noun."""
    determiner, *adjectives, noun = text.split()
    return NounPhrase(NOUNS[noun], determiner, tuple(ADJECTIVES[one] for one in adjectives), plural)


def one(text: str) -> Subject:
    return PRONOUNS[text] if text in PRONOUNS else subject_of(np(text))


def many(text: str) -> Subject:
    return subject_of(np(text, plural=True))


def said(subject: Subject, clause: Clause) -> SentencePair:
    return sentence(said_of(subject, clause))


def asked(subject: Subject, clause: Clause) -> SentencePair:
    return sentence(asked_of(subject, clause), question=True)


def does(verb: str, tense: Tense, thing: str = "", negation: str = "", rest: Words | None = None) -> Clause:
    return Clause(VERBS[verb], tense, np(thing) if thing else None, None, rest or Words(), negation)


def to_them(verb: str, tense: Tense, pronoun: str, thing: str = "", negation: str = "") -> Clause:
    """Return a clause with an object pronoun: indirect where there is an object, or the verb is followed by `to`."""
    indirect = bool(thing) or VERBS[verb].french in ("parler", "téléphoner", "répondre")
    clitic = (INDIRECT_CLITICS if indirect else DIRECT)[pronoun]
    return Clause(VERBS[verb], tense, np(thing) if thing else None, clitic, negation=negation)


def is_(subject: Subject, adjective: str, tense: Tense = Tense.PRESENT, negation: str = "", degree: str = "") -> Clause:
    return Clause(BE, tense, rest=described(subject, ADJECTIVES[adjective], degree), negation=negation)


ORACLES = [
    # articles, order and agreement
    (
        said(one("the man"), does("see", Tense.PRESENT, "a red car")),
        "The man sees a red car.",
        "L'homme voit une voiture rouge.",
    ),
    (
        said(one("the hero"), does("open", Tense.PROGRESSIVE, "the white door")),
        "The hero is opening the white door.",
        "Le héros ouvre la porte blanche.",
    ),
    (said(one("I"), does("have", Tense.PRESENT, "a old friend")), "I have an old friend.", "J'ai un vieil ami."),
    (
        said(one("you"), does("want", Tense.PRESENT, "a beautiful bird")),
        "You want a beautiful bird.",
        "Tu veux un bel oiseau.",
    ),
    (
        said(one("she"), does("have", Tense.PRESENT, "a new computer")),
        "She has a new computer.",
        "Elle a un nouvel ordinateur.",
    ),
    (said(one("he"), does("see", Tense.PRESENT, "a old owl")), "He sees an old owl.", "Il voit un vieux hibou."),
    (
        said(one("we"), does("buy", Tense.PROGRESSIVE, "some beautiful flower")),
        "We are buying beautiful flowers.",
        "Nous achetons de belles fleurs.",
    ),
    (
        said(one("they"), does("eat", Tense.PROGRESSIVE, "some green bean")),
        "They are eating green beans.",
        "Ils mangent des haricots verts.",
    ),
    (
        said(one("they"), does("like", Tense.PRESENT, "the green bean")),
        "They like the green beans.",
        "Ils aiment les haricots verts.",
    ),
    (
        said(one("I"), does("take", Tense.FUTURE, "the heavy axe")),
        "I will take the heavy axe.",
        "Je prendrai la hache lourde.",
    ),
    (
        said(one("she"), does("lose", Tense.PAST, "her blue scarf")),
        "She lost her blue scarf.",
        "Elle a perdu son écharpe bleue.",
    ),
    (
        said(one("he"), does("lose", Tense.PAST, "his old scarf")),
        "He lost his old scarf.",
        "Il a perdu sa vieille écharpe.",
    ),
    (
        said(one("they"), does("see", Tense.PAST, "two white horse")),
        "They saw two white horses.",
        "Ils ont vu deux chevaux blancs.",
    ),
    (
        said(one("they"), does("read", Tense.PROGRESSIVE, "some local newspaper")),
        "They are reading local newspapers.",
        "Ils lisent des journaux locaux.",
    ),
    (
        said(one("she"), does("wear", Tense.PROGRESSIVE, "some brown shoe")),
        "She is wearing brown shoes.",
        "Elle porte des chaussures marron.",
    ),
    (
        said(many("the lazy girl"), does("sell", Tense.PAST, "this long story")),
        "The lazy girls sold this long story.",
        "Les filles paresseuses ont vendu cette longue histoire.",
    ),
    (
        said(one("the nurse"), does("see", Tense.PAST, "this tree")),
        "The nurse saw this tree.",
        "L'infirmière a vu cet arbre.",
    ),
    (
        said(one("the nurse"), does("see", Tense.PAST, "this owl")),
        "The nurse saw this owl.",
        "L'infirmière a vu ce hibou.",
    ),
    (
        said(one("we"), does("wash", Tense.MUST, "our old red car")),
        "We must wash our old red car.",
        "Nous devons laver notre vieille voiture rouge.",
    ),
    (
        said(one("I"), does("drink", Tense.PROGRESSIVE, "some cold water")),
        "I am drinking cold water.",
        "Je bois de l'eau froide.",
    ),
    (
        said(one("I"), does("eat", Tense.PROGRESSIVE, "some fresh bread")),
        "I am eating fresh bread.",
        "Je mange du pain frais.",
    ),
    (said(one("he"), does("love", Tense.PRESENT, "generic orange")), "He loves oranges.", "Il adore les oranges."),
    (said(one("he"), does("hate", Tense.PRESENT, "generic coffee")), "He hates coffee.", "Il déteste le café."),
    # negation
    (said(one("he"), does("have", Tense.PRESENT, "a dog", "not")), "He does not have a dog.", "Il n'a pas de chien."),
    (
        said(one("she"), does("see", Tense.PAST, "the dog", "not")),
        "She did not see the dog.",
        "Elle n'a pas vu le chien.",
    ),
    (
        said(one("she"), does("buy", Tense.PAST, "some apple", "not")),
        "She did not buy any apples.",
        "Elle n'a pas acheté de pommes.",
    ),
    (
        said(one("we"), does("eat", Tense.PRESENT, "some meat", "never")),
        "We never eat meat.",
        "Nous ne mangeons jamais de viande.",
    ),
    (
        said(one("I"), does("drink", Tense.PRESENT, "some water", "no longer")),
        "I no longer drink water.",
        "Je ne bois plus d'eau.",
    ),
    (
        said(one("they"), does("like", Tense.PRESENT, "generic cat", "not")),
        "They do not like cats.",
        "Ils n'aiment pas les chats.",
    ),
    (
        said(one("you"), does("open", Tense.CAN, "the window", "not")),
        "You cannot open the window.",
        "Tu ne peux pas ouvrir la fenêtre.",
    ),
    (
        said(one("he"), does("get dressed", Tense.PROGRESSIVE, negation="not")),
        "He is not getting dressed.",
        "Il ne s'habille pas.",
    ),
    # pronouns before the verb
    (said(one("I"), to_them("see", Tense.PRESENT, "her")), "I see her.", "Je la vois."),
    (
        said(one("they"), to_them("call", Tense.PAST, "her", negation="not")),
        "They did not call her.",
        "Ils ne l'ont pas appelée.",
    ),
    (said(one("he"), to_them("invite", Tense.PAST, "them")), "He invited them.", "Il les a invités."),
    (
        said(one("she"), to_them("give", Tense.PAST, "him", "a book")),
        "She gave him a book.",
        "Elle lui a donné un livre.",
    ),
    (
        said(one("she"), to_them("send", Tense.FUTURE, "them", "the letter")),
        "She will send them the letter.",
        "Elle leur enverra la lettre.",
    ),
    (said(one("you"), to_them("help", Tense.GOING_TO, "me")), "You are going to help me.", "Tu vas m'aider."),
    (
        said(one("we"), to_them("talk to", Tense.PROGRESSIVE, "her", negation="not")),
        "We are not talking to her.",
        "Nous ne lui parlons pas.",
    ),
    # tenses
    (
        said(one("she"), does("go to", Tense.PAST, rest=np("the market").words())),
        "She went to the market.",
        "Elle est allée au marché.",
    ),
    (
        said(many("the girl"), does("come back from", Tense.PAST, rest=np("the school").words())),
        "The girls came back from the school.",
        "Les filles sont revenues de l'école.",
    ),
    (
        said(one("he"), does("come out of", Tense.PAST, rest=np("the museum").words())),
        "He came out of the museum.",
        "Il est sorti du musée.",
    ),
    (
        said(one("my mother"), does("get up", Tense.PAST, rest=words("early", "tôt"))),
        "My mother got up early.",
        "Ma mère s'est levée tôt.",
    ),
    (
        said(one("we"), does("go to bed", Tense.PAST, negation="never")),
        "We never went to bed.",
        "Nous ne nous sommes jamais couchés.",
    ),
    (said(one("I"), does("rest", Tense.GOING_TO)), "I am going to rest.", "Je vais me reposer."),
    (said(one("I"), does("write", Tense.USED_TO, "some poem")), "I used to write poems.", "J'écrivais des poèmes."),
    (said(one("we"), does("eat", Tense.WAS_DOING, "the cake")), "We were eating the cake.", "Nous mangions le gâteau."),
    (said(one("he"), does("eat", Tense.WAS_DOING, "the cake")), "He was eating the cake.", "Il mangeait le gâteau."),
    (said(one("they"), does("have", Tense.STATE_PAST, "a horse")), "They had a horse.", "Ils avaient un cheval."),
    (
        said(one("the baker"), does("buy", Tense.FUTURE, "the house")),
        "The baker will buy the house.",
        "Le boulanger achètera la maison.",
    ),
    (
        said(one("the farmer"), does("clean", Tense.FUTURE, "the window")),
        "The farmer will clean the window.",
        "Le fermier nettoiera la fenêtre.",
    ),
    (
        said(one("I"), does("finish", Tense.WANT_TO, "my novel")),
        "I want to finish my novel.",
        "Je veux finir mon roman.",
    ),
    (said(one("she"), does("run", Tense.CAN)), "She can run.", "Elle peut courir."),
    # questions, and `be`
    (
        asked(one("he"), does("read", Tense.PRESENT, "the newspaper")),
        "Does he read the newspaper?",
        "Est-ce qu'il lit le journal ?",
    ),
    (asked(one("you"), does("see", Tense.PAST, "my key")), "Did you see my key?", "Est-ce que tu as vu ma clé ?"),
    (
        asked(one("she"), does("arrive at", Tense.GOING_TO, rest=np("the station").words())),
        "Is she going to arrive at the station?",
        "Est-ce qu'elle va arriver à la gare ?",
    ),
    (said(one("she"), is_(one("she"), "happy", degree="very")), "She is very happy.", "Elle est très heureuse."),
    (
        said(many("my brother"), is_(many("my brother"), "jealous", Tense.STATE_PAST)),
        "My brothers were jealous.",
        "Mes frères étaient jaloux.",
    ),
    (
        said(one("the church"), is_(one("the church"), "medieval", negation="not")),
        "The church is not medieval.",
        "L'église n'est pas médiévale.",
    ),
    (
        said(Subject(words("this", "ce"), 2), Clause(BE, Tense.PRESENT, np("a red car"), negation="not")),
        "This is not a red car.",
        "Ce n'est pas une voiture rouge.",
    ),
    (
        asked(Subject(words("this", "ce"), 2), Clause(BE, Tense.PRESENT, np("your new hat"))),
        "Is this your new hat?",
        "Est-ce que c'est ton nouveau chapeau ?",
    ),
    # longer ones
    (
        said(both(np("the mother"), np("the nurse")), does("get up", Tense.PAST)),
        "The mother and the nurse got up.",
        "La mère et l'infirmière se sont levées.",
    ),
    (
        said(both(np("the mother"), np("the boy")), does("get up", Tense.PAST)),
        "The mother and the boy got up.",
        "La mère et le garçon se sont levés.",
    ),
    (
        said(one("I"), Clause(VERBS["buy"], Tense.PAST, clitic=antecedent_clitic(NOUNS["shoe"], True))),
        "I bought them.",
        "Je les ai achetées.",
    ),
    (
        said(that(np("the letter"), one("she"), does("write", Tense.PAST)), is_(one("the letter"), "long")),
        "The letter that she wrote is long.",
        "La lettre qu'elle a écrite est longue.",
    ),
    (
        said(who(one("the man"), does("sell", Tense.PROGRESSIVE, "some flower")), is_(one("the man"), "happy")),
        "The man who is selling flowers is happy.",
        "L'homme qui vend des fleurs est heureux.",
    ),
]


@pytest.mark.parametrize(("made", "english", "french"), ORACLES, ids=lambda part: part if isinstance(part, str) else "")
def test_sentences_written_by_hand(made: SentencePair, english: str, french: str) -> None:
    assert (made.source, made.target) == (english, french)


def test_whose_it_is_stands_after_it_in_french() -> None:
    owned = NounPhrase(NOUNS["dog"], "the", (ADJECTIVES["black"],), possessor=np("the teacher"))
    assert " ".join(owned.words().english) == "the teacher's black dog"
    assert french_text(owned.words().french) == "le chien noir du professeur"
    owned = NounPhrase(NOUNS["dog"], "the", possessor=np("the child", plural=True))
    assert french_text(owned.words().french) == "le chien des enfants"

    ends = [
        " ".join(NounPhrase(NOUNS["dog"], possessor=np(owner, plural)).words().english)
        for owner, plural in (("the actress", False), ("the child", True), ("the teacher", True))
    ]
    assert ends == ["the actress's dog", "the children's dog", "the teachers' dog"]
