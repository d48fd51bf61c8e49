"""The phrasebook: English and French sentences of a small grammar, in three splits, the same on every machine.

What dev and test hold is unseen: each of their sentences combines an adjective or a verb with a noun as no sentence of
train does, in words that train knows.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nlp_pipeline.corpora.phrasebook_scenes import Scene, Stage
from nlp_pipeline.text.pair import SentencePair

SIZES = {"train": 6000, "dev": 400, "test": 400}
"""How many pairs a split has."""

SEEN = 3
"""How often each word of dev and test occurs in train, at least."""

_SEED = 1
_HELD_OUT_PERCENT = 6  # of the combinations, for each of dev and test
_POOL = 4  # so many times its size is drawn for a split, before what has rare words is left out


def phrasebook() -> dict[str, list[SentencePair]]:
    """Return the splits `train`, `dev` and `test`; places are `train:1` and so on."""
    return {
        split: [replace(scene.pair, place=f"{split}:{number}") for number, scene in enumerate(scenes, start=1)]
        for split, scenes in phrasebook_scenes().items()
    }


def phrasebook_scenes() -> dict[str, list[Scene]]:
    """Return the splits with the combinations of words in each sentence."""
    pools: dict[str, list[Scene]] = {split: [] for split in SIZES}
    wanted = {split: size * (1 if split == "train" else _POOL) for split, size in SIZES.items()}
    stage = distinct_scenes()
    while any(len(pools[split]) < size for split, size in wanted.items()):
        scene = next(stage)
        split = split_of(scene)
        if split is not None and len(pools[split]) < wanted[split]:
            pools[split].append(scene)
    known = Counter(word for scene in pools["train"] for word in surface_words(scene.pair))
    for split in ("dev", "test"):
        common = [one for one in pools[split] if all(known[word] >= SEEN for word in surface_words(one.pair))]
        pools[split] = common[: SIZES[split]]
    return pools


def distinct_scenes() -> Iterator[Scene]:
    """Yield scenes without end, each English sentence once."""
    stage, told = Stage(_SEED), set[str]()
    while True:
        scene = stage.next()
        if scene is not None and scene.pair.source not in told:
            told.add(scene.pair.source)
            yield scene


def split_of(scene: Scene) -> str | None:
    """Return the one split that may hold a scene; None where it mixes what is held out for dev and for test."""
    held = {_held_out(combination) for combination in scene.combinations} - {"train"}
    if len(held) > 1:
        return None
    return held.pop() if held else "train"


def _held_out(combination: tuple[str, str]) -> str:
    number = int.from_bytes(hashlib.sha256(" ".join(combination).encode()).digest()[:4], "big") % 100
    return "dev" if number < _HELD_OUT_PERCENT else "test" if number < 2 * _HELD_OUT_PERCENT else "train"


def surface_words(pair: SentencePair) -> list[tuple[str, str]]:
    """Return the words of both sides as they are written, each with its language."""
    sides = (("en", pair.source), ("fr", pair.target))
    return [(language, word) for language, text in sides for word in re.findall(r"[\w'-]+|[^\w\s]", text)]


def write_phrasebook(folder: Path) -> None:
    """Write `train.en`, `train.fr` and so on: UTF-8, a sentence a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, pairs in phrasebook().items():
        for language, side in (("en", "source"), ("fr", "target")):
            text = "".join(f"{getattr(pair, side)}\n" for pair in pairs)
            (folder / f"{split}.{language}").write_bytes(text.encode())


if __name__ == "__main__":
    write_phrasebook(Path(sys.argv[1]))
