"""Raw text becomes sentences of words that slice it exactly.

One regular expression over the text's class string (see `code_points`) finds the words; a rule on neighbouring words
finds the borders of sentences. Both need nothing but RE2 and arithmetic on arrays, so that a TensorFlow graph can do
the same.
"""

from __future__ import annotations

import re

from nlp_pipeline.text.code_points import class_string
from nlp_pipeline.text.spans import Span

# Pieces of the expression. What may go into a word: letters, digits, the low line, and marks behind them.
_W = r"[A-Za-z0-9_\x03\x11]"
_W1 = r"[A-Za-z0-9_]"
_MARKS = r"[\x03\x11]*"
# A URL runs to the next space, quote or angle bracket, and ends with something that a URL ends with: a closing bracket
# only where it was opened within.
_IN_BRACKETS = r"\([^ \n<>\"()\x07\x08]*\)"
_IN_URL = rf"(?:{_IN_BRACKETS}|[^ \n<>\"()\x07\x08])"
_ENDS_URL = rf"(?:{_IN_BRACKETS}|[A-Za-z0-9/_=&#%~+\-])"
_TLD = (
    r"(?:com|org|net|edu|gov|int|mil|info|io|ai|app|dev|me|tv|co|uk|de|fr|es|it|pt|br|nl|se|no|dk|fi|pl|cz|at|ch|be|ie"
    r"|eu|us|ca|mx|ar|jp|cn|in|au|nz|za|ke|ng|ru|ua|tr|gr)"
)
_TITLES = (
    r"(?:Mr|Mrs|Ms|Mx|Dr|Drs|Prof|St|Ste|Sr|Sra|Jr|Rev|Hon|Gen|Col|Capt|Lt|Maj|Sgt|Cpl|Adm|Gov|Sen|Rep|Pres|Mme|Mlle"
    r"|Inc|Ltd|Corp|Co|Bros|Plc|Ave|Blvd|Rd|Mt|Ft|Dept|Univ|No|Nos|vs|etc|al|cf|ca|approx|est|fig|Fig|vol|Vol|ed|eds"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)"
)
# An apostrophe inside a word, unless it begins one of 's 'm 'd 're 've 'll at the word's end: those are words.
_APOSTROPHE = (
    r"'(?:"
    rf"[A-CE-KN-QT-UW-Za-ce-kn-qt-uw-z0-9_]{_W}*"
    rf"|[sSmMdD]{_W}+"
    rf"|[rRvV](?:[A-DF-Za-df-z0-9_\x03\x11]{_W}*|[eE]{_W}+|\b)"
    rf"|[lL](?:[A-KM-Za-km-z0-9_\x03\x11]{_W}*|[lL]{_W}+|\b)"
    r")"
)

# The first alternative that matches wins. Whatever could be tried at each place of a long text is bounded ({1,64}), so
# that the time is linear in a backtracking engine, too.
WORD_EXPRESSION = "|".join(
    (
        rf"(?:[Hh][Tt][Tt][Pp][Ss]?|[Ff][Tt][Pp])://{_IN_URL}*{_ENDS_URL}",
        rf"[Ww][Ww][Ww]\.{_IN_URL}*{_ENDS_URL}",
        r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
        rf"(?:[A-Za-z0-9\-]{{1,63}}\.){{1,8}}{_TLD}\b(?:/(?:{_IN_URL}*{_ENDS_URL})?)?",
        rf"[@#]{_W1}{_W}*",
        r"[:;=]-[)(DPpO/|]|[:;]\)|:\(|<3",
        r"(?:[A-Za-z]\.){2,12}",
        r"(?:Ph|[A-Z][a-z]?)\.(?:[A-Z][a-z]?\.){1,11}",
        rf"{_TITLES}\.",
        r"[A-Z]\.",
        r"'[0-9]{2}s?\b",
        r"'(?:[sSmMdD]|[rRvV][eE]|[lL][lL])\b",
        r"[0-9]+(?:[.,:/][0-9]+)*%",
        rf"[0-9]+(?:[.,:/][0-9]+)+{_W}*(?:-{_W1}{_W}*)*",
        rf"{_W1}{_W}*(?:[\-&]{_W1}{_W}*|{_APOSTROPHE})*",
        r"[.]{2,}|[!?\x06\x15]+|-{2,}|\*{2,}|={2,}|~{2,}",
        r"\x0f\x03*(?:\x11\x0f\x03*)*",
        r"\x12\x12?\x03*",
        rf"[^ \n]{_MARKS}",
    )
)
_WORD = re.compile(WORD_EXPRESSION, re.ASCII)

WIDE = "\x15"
ENDING = frozenset(".!?\x06\x15")
CLOSING = frozenset("\"')]}\x08")
BEGINNING = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\"'([{@#$\x05\x07\x0f\x10\x12")


def segment(text: str) -> list[list[Span]]:
    """Cut a text into sentences, and those into words.

    Everything but white space is in exactly one word. The end of a line ends a sentence. So does a run of terminators
    with the closing quotes and brackets that touch it, where white space follows and then something that can begin a
    sentence: a capital, a digit, an opening quote or bracket, `@`, `#`, a letter that has no capital. After an
    ideographic terminator no white space is needed.

    Args:
        text: any string.

    Returns:
        for each sentence its words, as spans of code points; none for a text of white space.
    """
    classes = class_string(text)
    sentences: list[list[Span]] = []
    sentence: list[Span] = []
    ends = wide = False  # whether what was read last could end a sentence, and whether its terminator is ideographic
    last = 0
    for match in _WORD.finditer(classes):
        start, end = match.span()
        first = classes[start]
        if sentence:
            gap = classes[last:start]
            border = "\n" in gap or (ends and (bool(gap) or wide) and first in BEGINNING)
            if border:
                sentences.append(sentence)
                sentence = []
                ends = wide = False
        sentence.append(Span(start, end))
        if first in ENDING:
            ends = True
            wide = classes[end - 1] == WIDE
        elif not (ends and start == last and end == start + 1 and first in CLOSING):
            ends = wide = False
        last = end
    if sentence:
        sentences.append(sentence)
    return sentences
