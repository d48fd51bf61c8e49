"""Good and bad lines mixed, as a seeded generator gives them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

Line = tuple[bytes, str | None]
"""A line's bytes, and the text that is in it: None where none can be read, and nothing where it is passed over."""

_WORDS = ("Ana", "Reis", "Oslo", "rains", "“left”", "東京", "🚢", "عمان", "e\u0301", "#", "[SEP]", "\ufe0f")


def _text(source: random.Random) -> str:
    return " ".join(source.choices(_WORDS, k=source.randint(1, 12)))


def _mixed(count: int, good: Callable[[random.Random], Line], bad: list[Callable[[random.Random], Line]]) -> list[Line]:
    source = random.Random(count)
    return [good(source) if source.random() < 0.7 else source.choice(bad)(source) for _ in range(count)]


def mixed_texts(count: int) -> list[Line]:
    """Return lines of raw text: invalid UTF-8, NUL, empty ones and long ones among them."""

    def good(source: random.Random) -> Line:
        text = _text(source)
        return text.encode("utf-8"), text

    def long(source: random.Random) -> Line:
        text = source.choice(["x", "Ana left. ", "東"]) * source.choice(
            [100, 100_000 if source.random() < 0.1 else 1000]
        )
        return text.encode("utf-8"), text

    return _mixed(
        count,
        good,
        [
            lambda source: (_text(source).encode("utf-8") + b"\xff", None),
            lambda source: (b"\xe6\x9d" + _text(source).encode("utf-8"), None),
            lambda source: (_text(source).encode("utf-8") + b"\0", None),
            lambda _: (b"\xed\xa0\x80", None),
            lambda _: (b"", ""),
            lambda _: (b" \t", " \t"),
            long,
        ],
    )


def mixed_objects(count: int) -> list[Line]:
    """Return lines of JSON: broken ones, lone surrogates, missing fields, wrong types and long ones among them."""

    def line(content: object) -> bytes:
        return json.dumps(content, ensure_ascii=False).encode("utf-8")

    def good(source: random.Random) -> Line:
        text = _text(source)
        return line({"id": source.randrange(10**6), "text": text, "more": [1, {"a": None}]}), text

    def long(source: random.Random) -> Line:
        text = source.choice(["x", "Ana left. "]) * source.choice([100, 100_000 if source.random() < 0.1 else 1000])
        return line({"text": text}), text

    return _mixed(
        count,
        good,
        [
            lambda source: (line({"text": _text(source)})[:-1], None),
            lambda _: (b'{"text": "\\ud83d"}', None),
            lambda _: (b'{"text": "a", "other": "\\udc00"}', None),
            lambda source: (line({"txt": _text(source)}), None),
            lambda source: (line({"text": source.choice([1, None, ["a"], {}])}), None),
            lambda source: (line([_text(source)]), None),
            lambda _: (b'{"text": "' + b"\xff" + b'"}', None),
            lambda _: (b'{"text": "a\0"}', None),
            lambda _: (b'{"text": "a", "number": NaN}', None),
            lambda _: (b'{"text": "a", "deep": ' + b"[" * 300 + b"]" * 300 + b"}", None),
            lambda _: (b"", ""),
            long,
        ],
    )
