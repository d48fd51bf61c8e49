"""The words of the phrasebook: English beside French, and what goes with what.

The tables are text, one word a line, so that they read like a dictionary. Columns are separated by `|`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PERSON, FAMILY, MASS, ALWAYS_PLURAL = "person", "family", "mass", "pair"


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun, its French gender and the kinds of thing it is, which say what goes with it."""

    english: str
    french: str
    feminine: bool
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Adjective:
    """An adjective; whether French puts it before the noun; which nouns or kinds it describes; how it is used.

    `use` is `both`, `attribute` (no "is new"), `predicate`, or `own` (after a possessive alone: "my favourite book").
    """

    english: str
    french: str
    before: bool
    describes: frozenset[str]
    use: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: English base form and past, French infinitive, tenses it is said in, and what follows it.

    `tenses` is a key of `phrasebook_usage.TENSES`. `french` begins with `se ` for a reflexive verb.
    """

    english: str
    past: str
    french: str
    tenses: str
    objects: frozenset[str]
    determiners: tuple[str, ...]
    habits: tuple[str, ...]
    places: tuple[str, ...]


def _rows(table: str, columns: int) -> Iterator[list[str]]:
    for line in table.strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        yield cells + [""] * (columns - len(cells))


_NOUNS = """
boy|garçon|m|person               |girl|fille|f|person              |man|homme|m|person
woman|femme|f|person              |child|enfant|m|person            |teacher|professeur|m|person
doctor|médecin|m|person           |nurse|infirmière|f|person        |neighbour|voisin|m|person family
student|étudiant|m|person         |friend|ami|m|person family       |actress|actrice|f|person
hero|héros|m|person               |farmer|fermier|m|person          |baker|boulanger|m|person
brother|frère|m|family            |sister|sœur|f|family             |mother|mère|f|family
father|père|m|family              |aunt|tante|f|family              |uncle|oncle|m|family
dog|chien|m|animal                |cat|chat|m|animal                |horse|cheval|m|animal
bird|oiseau|m|animal              |owl|hibou|m|animal               |mouse|souris|f|animal
cow|vache|f|animal                |rabbit|lapin|m|animal            |hen|poule|f|animal
apple|pomme|f|food                |orange|orange|f|food             |egg|œuf|m|food
cake|gâteau|m|food                |pear|poire|f|food                |tomato|tomate|f|food
bean|haricot|m|food pair          |sandwich|sandwich|m|food         |bread|pain|m|food mass
meat|viande|f|food mass           |cheese|fromage|m|food mass       |rice|riz|m|food mass
soup|soupe|f|food mass            |honey|miel|m|food mass           |water|eau|f|drink mass
milk|lait|m|drink mass            |coffee|café|m|drink mass         |tea|thé|m|drink mass
wine|vin|m|drink mass             |juice|jus|m|drink mass           |book|livre|m|text
letter|lettre|f|text              |newspaper|journal|m|text         |novel|roman|m|text
story|histoire|f|text             |poem|poème|m|text                |article|article|m|text
shirt|chemise|f|clothes           |dress|robe|f|clothes             |hat|chapeau|m|clothes
coat|manteau|m|clothes            |skirt|jupe|f|clothes             |shoe|chaussure|f|clothes pair
jacket|veste|f|clothes            |scarf|écharpe|f|clothes          |tie|cravate|f|clothes
glove|gant|m|clothes pair         |car|voiture|f|vehicle            |bicycle|vélo|m|vehicle
boat|bateau|m|vehicle             |key|clé|f|tool                   |axe|hache|f|tool
knife|couteau|m|tool              |umbrella|parapluie|m|tool        |watch|montre|f|tool
bag|sac|m|tool                    |computer|ordinateur|m|tool       |clock|horloge|f|tool
lamp|lampe|f|furniture            |table|table|f|furniture          |chair|chaise|f|furniture
bed|lit|m|furniture               |cup|tasse|f|vessel               |glass|verre|m|vessel
bottle|bouteille|f|vessel         |plate|assiette|f|vessel          |box|boîte|f|vessel
flower|fleur|f|gift               |ring|bague|f|gift                |toy|jouet|m|gift
guitar|guitare|f|gift             |painting|tableau|m|gift          |film|film|m|show
song|chanson|f|song               |door|porte|f|opening             |window|fenêtre|f|opening
house|maison|f|building           |flat|appartement|m|building      |castle|château|m|building
church|église|f|building          |hotel|hôtel|m|building           |tree|arbre|m|tree
school|école|f|place              |market|marché|m|place            |park|parc|m|place
hospital|hôpital|m|place          |station|gare|f|place             |beach|plage|f|place
restaurant|restaurant|m|place     |museum|musée|m|place             |library|bibliothèque|f|place
garden|jardin|m|place             |kitchen|cuisine|f|place          |street|rue|f|place
village|village|m|place           |cinema|cinéma|m|place            |forest|forêt|f|place
office|bureau|m|place
"""


def _nouns() -> Iterator[Noun]:
    for line in _NOUNS.strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        for english, french, gender, kinds in zip(*(cells[start::4] for start in range(4)), strict=True):
            yield Noun(english, french, gender == "f", frozenset(kinds.split()))


NOUNS = {noun.english: noun for noun in _nouns()}

_ADULTS = "man woman teacher doctor nurse neighbour farmer baker actress"
_PAINTED = "clothes vehicle furniture bag umbrella cup box bottle door guitar"
_FOREIGN = "car novel book newspaper film song wine cheese restaurant student teacher doctor actress nurse"
_ADJECTIVES = f"""
big|grand|before|animal vehicle furniture building vessel bag garden kitchen opening tree park library
small|petit|before|animal vehicle tool furniture vessel building opening child boy girl flower village garden kitchen
beautiful|beau|before|horse bird owl vehicle clothes gift building garden park song story watch beach forest tree
old|vieux|before|{_ADULTS} friend uncle animal vehicle tool furniture building text clothes show song guitar painting
new|nouveau|before|vehicle tool furniture clothes novel book guitar toy show song flat teacher|attribute
good|bon|before|food drink novel book show song teacher doctor student restaurant hotel baker
bad|mauvais|before|novel book show song poem student restaurant hotel
young|jeune|before|{_ADULTS} student hero horse cat dog
pretty|joli|before|clothes flower ring house village song garden
long|long|before|letter novel story poem article show song street
fat|gros|before|cat dog rabbit hen cow mouse
red|rouge|after|{_PAINTED} apple tomato flower wine
blue|bleu|after|{_PAINTED} bird flower
green|vert|after|{_PAINTED} apple tomato pear bean bird
black|noir|after|{_PAINTED} dog cat horse hen cow rabbit
white|blanc|after|{_PAINTED} dog cat horse hen cow rabbit mouse owl flower house wine
yellow|jaune|after|{_PAINTED} bird pear flower
grey|gris|after|{_PAINTED} cat horse rabbit mouse owl
brown|marron|after|clothes furniture bag dog horse cow hen bottle guitar
purple|violet|after|clothes bag umbrella flower car
French|français|after|{_FOREIGN}
Italian|italien|after|{_FOREIGN}
Spanish|espagnol|after|{_FOREIGN}
German|allemand|after|{_FOREIGN}
expensive|cher|after|vehicle clothes watch computer furniture ring painting guitar hotel restaurant flat wine
interesting|intéressant|after|text show museum
difficult|difficile|after|book novel article poem song
happy|heureux|after|person
sad|triste|after|person show song story poem letter
tired|fatigué|after|person horse dog
sick|malade|after|person animal
lazy|paresseux|after|boy girl student neighbour baker child cat dog
serious|sérieux|after|person
curious|curieux|after|child boy girl student neighbour cat mouse bird
jealous|jaloux|after|man woman neighbour friend boy girl
kind|gentil|after|person family dog|predicate
intelligent|intelligent|after|person dog horse
famous|célèbre|after|actress doctor painting novel film song restaurant museum castle hotel poem
dangerous|dangereux|after|dog horse street forest knife axe
delicious|délicieux|after|food wine coffee tea juice
fresh|frais|after|egg milk bread cheese bean tomato
hot|chaud|after|soup milk tea coffee
cold|froid|after|water milk soup juice tea
warm|chaud|after|coat jacket scarf glove
ripe|mûr|after|apple pear tomato orange
comfortable|confortable|after|chair bed shoe car flat hotel house
modern|moderne|after|house flat hospital library museum station kitchen painting school
empty|vide|after|vessel bag street beach church restaurant house
clean|propre|after|clothes vehicle vessel window kitchen beach house
dirty|sale|after|clothes vehicle vessel window kitchen beach dog
heavy|lourd|after|furniture bag box axe coat
light|léger|after|bag box coat bicycle chair
broken|cassé|after|watch clock lamp chair cup glass plate toy umbrella window computer bicycle guitar
round|rond|after|table box window
wet|mouillé|after|shoe coat hat umbrella dog shirt glove
local|local|after|newspaper wine cheese market museum restaurant|attribute
medieval|médiéval|after|castle church village street
public|public|after|library park garden beach|attribute
mysterious|mystérieux|after|castle letter box story man woman forest house
quiet|calme|after|street village hotel garden park
strange|étrange|after|story film box painting bird letter
favourite|préféré|after|book film song hat dress shirt restaurant novel coat poem|own
"""

ADJECTIVES = {
    english: Adjective(english, french, position == "before", frozenset(describes.split()), use or "both")
    for english, french, position, describes, use in _rows(_ADJECTIVES, 5)
}

_VERBS = """
eat|ate|manger|done|food|a the some this num own|a some num|garden kitchen park restaurant
drink|drank|boire|done|drink|some the|some|kitchen garden restaurant
buy|bought|acheter|done|food drink book newspaper novel clothes vehicle tool gift|a the some this num|some|market
sell|sold|vendre|done|food vehicle tool clothes gift furniture animal|a the some this num own|some|market
read|read|lire|done|text|a the some this own|a some|garden library kitchen park
write|wrote|écrire|done|letter novel story poem article|a the some this num own|some|library kitchen
wear|wore|porter|done|clothes|a the this own some|a some|
wash|washed|laver|done|clothes vehicle cup glass plate bottle window|the own this num|the own|
look for|looked for|chercher|done|clothes tool animal vessel text|a the own this||house garden
paint|painted|peindre|done|door window house table chair boat box flower tree|a the own this some|some|garden
clean|cleaned|nettoyer|done|kitchen house flat car window table bag shoe|the own this|the own|
repair|repaired|réparer|done|vehicle watch clock computer chair door lamp|a the own this some|some|garden
open|opened|ouvrir|done|door window box bottle letter|a the own this|the|
close|closed|fermer|done|door window box bag|the own this|the|
watch|watched|regarder|done|film bird horse|a the some this|some|garden park cinema
listen to|listened to|écouter|done|song story teacher doctor|a the some this|some|park kitchen
sing|sang|chanter|done|song|a the some this own|a some|street kitchen park
choose|chose|choisir|moment|clothes text film flower ring cake painting|a the this num||
finish|finished|finir|moment|novel letter article painting book|the own this||
build|built|construire|done|house boat castle church|a the this own some||garden village
make|made|faire|done|cake soup sandwich juice bread|a the some this num|a some|kitchen
take|took|prendre|moment|bag umbrella key bicycle car coat|the own this a||
see|saw|voir|sense|animal person vehicle castle film|a the own this some num||street park forest village
find|found|trouver|mishap|tool animal ring letter glove hat bottle box|a the own this num some||street garden
lose|lost|perdre|mishap|tool clothes ring letter|a the own this num||street park forest market
break|broke|casser|mishap|vessel chair lamp window watch toy|a the own this num||kitchen
have|had|avoir|owned|animal vehicle tool clothes house flat guitar toy book newspaper letter|a num||
want|wanted|vouloir|state|food drink clothes vehicle toy dog cat guitar watch book flower|a the this some num||
like|liked|aimer|liking|food drink animal film song text flower|generic the this own||
love|loved|adorer|liking|food drink animal film song text flower|generic the this own||
hate|hated|détester|liking|food drink cat dog mouse film song|generic the this||
know|knew|connaître|state|person restaurant museum village song novel|the own this||
help|helped|aider|done|person family|the own this a||hospital garden kitchen
invite|invited|inviter|moment|person family|the own this||
meet|met|rencontrer|moment|person|a the own this||street market station park
wait for|waited for|attendre|done|person family letter|the own this a||station street school
call|called|appeler|done|person family|the own this a|the own|
understand|understood|comprendre|sense|person text film song|the own this||
"""
_INDIRECT = """
talk to|talked to|parler|done|person family|the own this a|the own|street market garden school
phone|phoned|téléphoner|done|person family|the own this|the own|
write to|wrote to|écrire|done|person family|the own this a|the own|
answer|answered|répondre|moment|person family|the own this||
"""
_GIVING = """
give|gave|donner|done|food book letter newspaper novel clothes flower toy key ring bottle|a the some this num own
show|showed|montrer|done|text clothes toy painting ring film house boat|a the some this own
send|sent|envoyer|done|letter book flower poem article toy|a the some this num
lend|lent|prêter|done|book novel newspaper vehicle umbrella clothes guitar|a the some own this
bring|brought|apporter|done|food drink flower chair book letter newspaper umbrella|a the some this num own
"""
_STAYING = """
sleep|slept|dormir|done||||garden hotel forest house
work|worked|travailler|done||||garden market hospital school office library museum restaurant hotel
dance|danced|danser|done||||street kitchen garden park
run|ran|courir|done||||park forest street beach
wait|waited|attendre|done||||station street school restaurant museum
play|played|jouer|done||||garden park street beach
walk|walked|marcher|done||||forest street beach park
stay|stayed|rester|done||||garden hotel school hospital house village
"""
_ALL = "school market park station beach restaurant museum library hospital hotel village office cinema forest church"
_MOVING = f"""
go to|went to|aller à|done||||{_ALL}
come back from|came back from|revenir de|done||||{_ALL}
arrive at|arrived at|arriver à|moment||||station hotel school museum hospital market beach office
go into|went into|entrer dans|moment||||church house library museum forest garden kitchen hotel
come out of|came out of|sortir de|moment||||church house library museum forest hotel station school
"""
_REFLEXIVE = """
get up|got up|se lever|daily
wake up|woke up|se réveiller|daily
go to bed|went to bed|se coucher|daily
get dressed|got dressed|se habiller|while
rest|rested|se reposer|done
hurry|hurried|se dépêcher|while
fall asleep|fell asleep|se endormir|moment
"""


def _verbs(table: str) -> tuple[Verb, ...]:
    return tuple(
        Verb(english, past, french, tenses, frozenset(objects.split()), *(tuple(cell.split()) for cell in others))
        for english, past, french, tenses, objects, *others in _rows(table, 8)
    )


TRANSITIVE, INDIRECT, GIVING = _verbs(_VERBS), _verbs(_INDIRECT), _verbs(_GIVING)
STAYING, MOVING, REFLEXIVE = _verbs(_STAYING), _verbs(_MOVING), _verbs(_REFLEXIVE)
BE = Verb("be", "was", "être", "state", frozenset(), (), (), ())
VERBS = {verb.english: verb for verb in (*TRANSITIVE, *INDIRECT, *GIVING, *STAYING, *MOVING, *REFLEXIVE, BE)}

_WHERE = """
in|dans|garden kitchen street park forest village house church
at|à|school market station museum hospital library restaurant cinema office hotel
on|sur|beach
"""
WHERE = {place: (english, french) for english, french, places in _rows(_WHERE, 3) for place in places.split()}
"""The preposition of a place where something is done."""

HABITS = {
    "every day": "tous les jours",
    "every morning": "tous les matins",
    "every evening": "tous les soirs",
    "every week": "toutes les semaines",
    "on Sundays": "le dimanche",
}
NOW = {"now": "maintenant", "at the moment": "en ce moment"}
BEFORE = {
    "yesterday": "hier",
    "yesterday evening": "hier soir",
    "this morning": "ce matin",
    "last week": "la semaine dernière",
    "last month": "le mois dernier",
}
LATER = {
    "tomorrow": "demain",
    "tomorrow morning": "demain matin",
    "tonight": "ce soir",
    "next week": "la semaine prochaine",
    "next month": "le mois prochain",
}
OFTEN = {"often": "souvent", "always": "toujours", "sometimes": "parfois"}
