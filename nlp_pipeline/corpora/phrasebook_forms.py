"""The forms of a word of the phrasebook, in English and in French: plurals, feminines, conjugations, elision."""

from __future__ import annotations

from collections.abc import Sequence

_ASPIRATED = frozenset(("héros", "hibou", "hiboux", "haricot", "haricots", "hache", "haches"))
_ELIDED = frozenset(("le", "la", "je", "me", "te", "se", "ne", "de", "que", "ce"))
_CONTRACTED = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}


def is_elided_before(word: str) -> bool:
    """Return whether a French word begins with a vowel or a mute h."""
    first = word[0].lower()
    return first in "aeiouyâàéèêëîïôùûœ" or (first == "h" and word.lower() not in _ASPIRATED)


def french_text(words: Sequence[str]) -> str:
    """Return French words as text, with elision and contraction.

    >>> french_text(["je", "le", "ai", "donné", "à", "le", "ami", "de", "le", "héros"])
    "je l'ai donné à l'ami du héros"
    """
    joined: list[str] = []
    for word in reversed(words):
        if joined and word in _ELIDED and is_elided_before(joined[-1]):
            joined[-1] = f"{word[:-1]}'{joined[-1]}"
        elif joined and (word, joined[-1]) in _CONTRACTED:
            joined[-1] = _CONTRACTED[word, joined[-1]]
        else:
            joined.append(word)
    return " ".join(reversed(joined))


_ENGLISH_PLURALS = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "knife": "knives",
    "scarf": "scarves",
}
_DOUBLING = frozenset(("run", "get", "put"))


def english_plural(noun: str) -> str:
    """Return the plural of an English noun."""
    return _ENGLISH_PLURALS.get(noun) or _with_s(noun)


def english_third_person(verb: str) -> str:
    """Return the form of he, she and it: `looks for` of `look for`."""
    first, *others = verb.split()
    return " ".join(({"have": "has"}.get(first) or _with_s(first), *others))


def english_ing(verb: str) -> str:
    """Return the form in -ing: `getting up` of `get up`."""
    first, *others = verb.split()
    if first in _DOUBLING:
        first += first[-1]
    elif first.endswith("e") and not first.endswith("ee"):
        first = first[:-1]
    return " ".join((f"{first}ing", *others))


def _with_s(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh", "o")):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def french_plural(word: str) -> str:
    """Return the plural of a French noun or adjective."""
    if word.endswith(("s", "x", "z")) or word == "marron":  # a colour that is a noun does not agree
        return word
    if word.endswith("eau") or word == "hibou":
        return f"{word}x"
    return f"{word[:-2]}aux" if word.endswith("al") else f"{word}s"


_FEMININES = {
    "beau": "belle",
    "nouveau": "nouvelle",
    "vieux": "vieille",
    "bon": "bonne",
    "gros": "grosse",
    "gentil": "gentille",
    "long": "longue",
    "blanc": "blanche",
    "frais": "fraîche",
    "public": "publique",
    "violet": "violette",
    "mûr": "mûre",
    "marron": "marron",
}
_BEFORE_VOWELS = {"beau": "bel", "nouveau": "nouvel", "vieux": "vieil"}


def french_adjective(adjective: str, feminine: bool, plural: bool, following: str = "") -> str:
    """Return the form of a French adjective that agrees.

    Args:
        adjective: the masculine singular.
        feminine: whether it goes with a feminine noun.
        plural: whether it goes with a plural.
        following: the word after it, where that is its noun: `vieil` before `ami`.
    """
    if feminine:
        form = _feminine(adjective)
        return f"{form}s" if plural and adjective != "marron" else form
    if plural:
        return french_plural(adjective)
    return _BEFORE_VOWELS.get(adjective, adjective) if following and is_elided_before(following) else adjective


def _feminine(adjective: str) -> str:
    if adjective in _FEMININES:
        return _FEMININES[adjective]
    if adjective.endswith("x"):
        return f"{adjective[:-1]}se"
    if adjective.endswith("er"):
        return f"{adjective[:-2]}ère"
    if adjective.endswith("en"):
        return f"{adjective}ne"
    return adjective if adjective.endswith("e") else f"{adjective}e"


# Six persons of the present, then what the imperfect and the future begin with, and the participle.
_IRREGULAR = {
    "être": "suis es est sommes êtes sont ét ser été",
    "avoir": "ai as a avons avez ont av aur eu",
    "aller": "vais vas va allons allez vont all ir allé",
    "boire": "bois bois boit buvons buvez boivent buv boir bu",
    "lire": "lis lis lit lisons lisez lisent lis lir lu",
    "écrire": "écris écris écrit écrivons écrivez écrivent écriv écrir écrit",
    "voir": "vois vois voit voyons voyez voient voy verr vu",
    "ouvrir": "ouvre ouvres ouvre ouvrons ouvrez ouvrent ouvr ouvrir ouvert",
    "peindre": "peins peins peint peignons peignez peignent peign peindr peint",
    "vouloir": "veux veux veut voulons voulez veulent voul voudr voulu",
    "pouvoir": "peux peux peut pouvons pouvez peuvent pouv pourr pu",
    "devoir": "dois dois doit devons devez doivent dev devr dû",
    "connaître": "connais connais connaît connaissons connaissez connaissent connaiss connaîtr connu",
    "prendre": "prends prends prend prenons prenez prennent pren prendr pris",
    "comprendre": "comprends comprends comprend comprenons comprenez comprennent compren comprendr compris",
    "faire": "fais fais fait faisons faites font fais fer fait",
    "construire": "construis construis construit construisons construisez construisent construis construir construit",
    "dormir": "dors dors dort dormons dormez dorment dorm dormir dormi",
    "endormir": "endors endors endort endormons endormez endorment endorm endormir endormi",
    "courir": "cours cours court courons courez courent cour courr couru",
    "revenir": "reviens reviens revient revenons revenez reviennent reven reviendr revenu",
    "sortir": "sors sors sort sortons sortez sortent sort sortir sorti",
}
_BEFORE_MUTE_E = {
    "acheter": "achèt",
    "lever": "lèv",
    "appeler": "appell",
    "nettoyer": "nettoi",
    "envoyer": "envoi",
}
_WITH_ETRE = frozenset(("aller", "revenir", "arriver", "entrer", "sortir", "rester"))
_IMPERFECT = ("ais", "ais", "ait", "ions", "iez", "aient")
_FUTURE = ("ai", "as", "a", "ons", "ez", "ont")


def present(infinitive: str) -> tuple[str, ...]:
    """Return the six persons of the French present."""
    if infinitive in _IRREGULAR:
        return tuple(_IRREGULAR[infinitive].split()[:6])
    stem = infinitive[:-2]
    if infinitive.endswith("er"):
        mute = _BEFORE_MUTE_E.get(infinitive, stem)
        return (f"{mute}e", f"{mute}es", f"{mute}e", f"{_softened(stem)}ons", f"{stem}ez", f"{mute}ent")
    if infinitive.endswith("ir"):
        return tuple(f"{stem}{ending}" for ending in ("is", "is", "it", "issons", "issez", "issent"))
    return tuple(f"{stem}{ending}" for ending in ("s", "s", "", "ons", "ez", "ent"))


def imperfect(infinitive: str) -> tuple[str, ...]:
    """Return the six persons of the French imperfect."""
    if infinitive in _IRREGULAR:
        return tuple(_IRREGULAR[infinitive].split()[6] + ending for ending in _IMPERFECT)
    stem = present(infinitive)[3].removesuffix("ons")
    plain = infinitive[:-2] if infinitive.endswith("er") else stem
    return tuple((plain if ending.startswith("i") else stem) + ending for ending in _IMPERFECT)


def future(infinitive: str) -> tuple[str, ...]:
    """Return the six persons of the French future."""
    if infinitive in _IRREGULAR:
        stem = _IRREGULAR[infinitive].split()[7]
    elif infinitive == "envoyer":
        stem = "enverr"
    elif infinitive in _BEFORE_MUTE_E:
        stem = f"{_BEFORE_MUTE_E[infinitive]}er"
    else:
        stem = infinitive.removesuffix("e")
    return tuple(stem + ending for ending in _FUTURE)


def participle(infinitive: str, feminine: bool = False, plural: bool = False) -> str:
    """Return the past participle, in agreement."""
    if infinitive in _IRREGULAR:
        form = _IRREGULAR[infinitive].split()[8]
    else:
        form = infinitive[:-2] + {"er": "é", "ir": "i", "re": "u"}[infinitive[-2:]]
    return french_adjective(form, feminine, plural)


def auxiliary(infinitive: str) -> str:
    """Return the verb with which a French verb that is not reflexive makes its compound past."""
    return "être" if infinitive in _WITH_ETRE else "avoir"


def _softened(stem: str) -> str:
    if stem.endswith("g"):
        return f"{stem}e"
    return f"{stem[:-1]}ç" if stem.endswith("c") else stem
