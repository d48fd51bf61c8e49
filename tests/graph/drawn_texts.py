"""Texts that hold what is hard: what the named characters are, and any other code point among them."""

from __future__ import annotations

import random
from collections.abc import Sequence

COMMON = (
    "aAbBZz09 \n\t.!?\"')]}([{@#$'-:/…。！？«»‘’“”"
    "éÉßſ一二あア한ا\u200d\ufe0f👍🏽🇩🇪\u0301\x00\x1f\x7f\u2028\x85\ud7ff\ue000\U0010ffff\ufeff·_&%s"
)


def draw_texts(seed: int, count: int, common: str = COMMON, lengths: Sequence[int] = (0, 1, 2, 5, 20, 60)) -> list[str]:
    """Return texts of which four in five characters are among `common`."""
    generator = random.Random(seed)

    def character() -> str:
        if generator.random() < 0.8:
            return generator.choice(common)
        found = generator.randrange(0x110000 if generator.random() < 0.3 else 0x3000)
        return "a" if 0xD800 <= found < 0xE000 else chr(found)

    return ["".join(character() for _ in range(generator.choice(lengths))) for _ in range(count)]
