"""Usage in the phrasebook: which tenses, negations and times a verb bears, and what is said of a thing."""

from __future__ import annotations

from nlp_pipeline.corpora.phrasebook_grammar import Tense
from nlp_pipeline.corpora.phrasebook_lexicon import BEFORE, LATER, NOW

TENSES = {
    "done": (
        *[Tense.PROGRESSIVE] * 3,
        *[Tense.PRESENT] * 3,
        *[Tense.PAST] * 4,
        *[Tense.FUTURE, Tense.GOING_TO] * 2,
        *(Tense.WAS_DOING, Tense.USED_TO, Tense.CAN, Tense.MUST, Tense.WANT_TO),
    ),
    "daily": (
        *[Tense.PRESENT] * 2,
        *[Tense.PAST] * 3,
        *(Tense.FUTURE, Tense.GOING_TO, Tense.USED_TO, Tense.MUST, Tense.WANT_TO),
    ),
    "while": (Tense.PROGRESSIVE, Tense.WAS_DOING, *[Tense.PAST] * 2, Tense.FUTURE, Tense.GOING_TO, Tense.MUST),
    "moment": (*[Tense.PAST] * 3, Tense.FUTURE, Tense.GOING_TO),
    "mishap": (Tense.PAST,),
    "sense": (Tense.PRESENT, *[Tense.PAST] * 3, Tense.FUTURE),
    "owned": (Tense.PRESENT, Tense.PRESENT, Tense.STATE_PAST),
    "state": (Tense.PRESENT, Tense.PRESENT, Tense.STATE_PAST),
    "liking": (Tense.PRESENT,),
}
"""The tenses in which a verb of each kind is said, the usual ones more than once."""

NEGATED = {
    Tense.PRESENT: ("not", "never", "no longer"),
    Tense.STATE_PAST: ("not", "no longer"),
    Tense.PAST: ("not", "not", "never"),
    Tense.FUTURE: ("not", "never"),
    Tense.CAN: ("not", "no longer"),
    Tense.MUST: ("not", "never"),
    Tense.USED_TO: (),
}
TIMES = {
    Tense.PROGRESSIVE: (NOW, 25),
    Tense.PAST: (BEFORE, 40),
    Tense.FUTURE: (LATER, 45),
    Tense.GOING_TO: (LATER, 35),
}
FAR = frozenset(
    {
        *("buy", "sell", "write", "read", "choose", "finish", "paint", "repair", "build", "find", "lose", "send"),
        *("meet", "phone", "write to", "go to", "come back from", "arrive at"),
    }
)
"""The verbs of which one says `last month` and `next week`; others are of yesterday and tomorrow."""

ANIMALS_LIKE = {
    "dog": (("eat", "meat"), ("eat", "bread"), ("drink", "water")),
    "cat": (("eat", "meat"), ("eat", "cheese"), ("drink", "milk"), ("drink", "water")),
    "mouse": (("eat", "cheese"), ("eat", "bread")),
    "bird": (("eat", "bread"), ("drink", "water")),
    "hen": (("eat", "bread"), ("drink", "water")),
    "owl": (("eat", "meat"),),
    "horse": (("drink", "water"),),
    "cow": (("drink", "water"),),
    "rabbit": (("eat", "bread"),),
}
RUNNERS = ("dog", "horse", "rabbit")

# Of which adjectives one says "very", "too", "no longer" and "will be".
GRADED = frozenset(
    {
        *(
            "big",
            "small",
            "beautiful",
            "old",
            "young",
            "pretty",
            "long",
            "fat",
            "good",
            "strange",
            "quiet",
            "mysterious",
        ),
        *("expensive", "interesting", "difficult", "intelligent", "famous", "dangerous", "comfortable", "modern"),
        *("happy", "sad", "tired", "sick", "lazy", "serious", "curious", "jealous", "kind"),
        *("strange", "quiet", "mysterious", "fresh", "hot", "cold", "warm", "clean", "dirty", "heavy", "light"),
    }
)
TOO = frozenset(("big", "small", "old", "young", "long", "expensive", "difficult", "hot", "cold", "heavy", "dirty"))
PASSING = frozenset(("tired", "happy", "sad", "sick", "jealous", "dirty", "clean", "wet", "hot", "cold", "empty"))
TO_COME = PASSING | {"expensive", "difficult", "interesting", "beautiful", "famous", "good", "serious"}
LASTING = ("buy", "write", "choose", "build", "paint", "repair", "read", "see")
BUT = {
    "expensive": ("buy", "like"),
    "old": ("like", "wear"),
    "dirty": ("wear", "like"),
    "heavy": ("take", "like"),
    "difficult": ("read", "like"),
    "long": ("read", "like"),
    "wet": ("wear",),
    "strange": ("like", "buy"),
    "small": ("like", "buy"),
    "bad": ("read",),
    "sad": ("like", "read"),
    "lazy": ("like",),
    "fat": ("like",),
}
SPOTS = (
    ("on", "sur", "table bed chair", "tool text clothes vessel gift cat"),
    ("in", "dans", "bag box", "tool text clothes vessel gift food"),
    ("under", "sous", "table bed chair", "cat dog bag box shoe toy ring book hat glove"),
    ("behind", "derrière", "house church school tree door", "person animal vehicle bag box umbrella"),
    ("in front of", "devant", "house church school hotel window museum", "person vehicle tree flower dog chair"),
    (
        "near",
        "près de",
        "park hospital station beach forest castle",
        "building vehicle school library museum restaurant cinema horse cow",
    ),
    ("next to", "à côté de", "bed lamp window door", "table chair bag box key bottle clock computer guitar"),
)
