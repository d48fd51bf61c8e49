"""The forms of the phrasebook's words."""

from __future__ import annotations

import pytest

from nlp_pipeline.corpora.phrasebook_forms import (
    english_ing,
    english_plural,
    english_third_person,
    french_adjective,
    french_plural,
    french_text,
    future,
    imperfect,
    participle,
    present,
)


@pytest.mark.parametrize(
    ("spoken", "text"),
    [
        ("je le ai", "je l'ai"),
        ("de le homme", "de l'homme"),
        ("de le héros", "du héros"),
        ("à le hibou", "au hibou"),
        ("à les haricots", "aux haricots"),
        ("de la hache", "de la hache"),
        ("est-ce que il se habille", "est-ce qu'il s'habille"),
        ("il ne y a pas de œufs", "il n'y a pas d'œufs"),
    ],
)
def test_elision_and_contraction(spoken: str, text: str) -> None:
    assert french_text(spoken.split()) == text


@pytest.mark.parametrize(
    ("adjective", "forms"),
    [
        ("beau", "beau belle beaux belles bel"),
        ("vieux", "vieux vieille vieux vieilles vieil"),
        ("nouveau", "nouveau nouvelle nouveaux nouvelles nouvel"),
        ("blanc", "blanc blanche blancs blanches blanc"),
        ("heureux", "heureux heureuse heureux heureuses heureux"),
        ("local", "local locale locaux locales local"),
        ("italien", "italien italienne italiens italiennes italien"),
        ("léger", "léger légère légers légères léger"),
        ("gris", "gris grise gris grises gris"),
        ("marron", "marron marron marron marron marron"),
    ],
)
def test_adjectives(adjective: str, forms: str) -> None:
    agreed = [french_adjective(adjective, feminine, plural) for plural in (False, True) for feminine in (False, True)]
    assert " ".join((*agreed, french_adjective(adjective, False, False, "arbre"))) == forms


def test_plurals() -> None:
    french = ("cheval", "oiseau", "hibou", "souris", "œuf")
    assert [french_plural(noun) for noun in french] == ["chevaux", "oiseaux", "hiboux", "souris", "œufs"]
    english = ("mouse", "watch", "story", "toy", "tomato", "knife")
    assert [english_plural(noun) for noun in english] == ["mice", "watches", "stories", "toys", "tomatoes", "knives"]


def test_english_verbs() -> None:
    assert [english_third_person(verb) for verb in ("go to", "have", "wash", "buy")] == [
        "goes to",
        "has",
        "washes",
        "buys",
    ]
    assert [english_ing(verb) for verb in ("get up", "write to", "see", "run")] == [
        "getting up",
        "writing to",
        "seeing",
        "running",
    ]


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [
        ("manger", "mange manges mange mangeons mangez mangent"),
        ("appeler", "appelle appelles appelle appelons appelez appellent"),
        ("choisir", "choisis choisis choisit choisissons choisissez choisissent"),
        ("vendre", "vends vends vend vendons vendez vendent"),
        ("envoyer", "envoie envoies envoie envoyons envoyez envoient"),
        ("revenir", "reviens reviens revient revenons revenez reviennent"),
    ],
)
def test_present(infinitive: str, forms: str) -> None:
    assert " ".join(present(infinitive)) == forms


def test_other_tenses() -> None:
    assert [imperfect(verb)[3] for verb in ("manger", "finir", "boire", "être")] == [
        "mangions",
        "finissions",
        "buvions",
        "étions",
    ]
    assert [imperfect(verb)[5] for verb in ("manger", "voir", "construire")] == [
        "mangeaient",
        "voyaient",
        "construisaient",
    ]
    assert [future(verb)[2] for verb in ("lever", "appeler", "perdre", "voir", "courir", "envoyer")] == [
        "lèvera",
        "appellera",
        "perdra",
        "verra",
        "courra",
        "enverra",
    ]
    assert [participle(verb, True, True) for verb in ("prendre", "ouvrir", "finir", "attendre")] == [
        "prises",
        "ouvertes",
        "finies",
        "attendues",
    ]
