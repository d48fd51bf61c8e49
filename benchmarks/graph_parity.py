"""What a graph makes of text, against what Python makes of it: every difference is counted.

    python benchmarks/graph_parity.py --data ../shared/data

Every distinct word and every line of the corpora, and random strings of all planes with combining marks, controls,
emoji and right-to-left scripts, go through the default encoder's tokenizer as it is, through the same vocabulary
without its lower-casing, through subwords of each kind that are trained on Tatoeba, and through the segmentation and
the normalisation.
The table goes to `benchmarks/results/graph_parity.md`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf
from measured import RESULTS, ROOT, circumstances

from nlp_pipeline.graph.normalisation import NormalisationGraph
from nlp_pipeline.graph.rows import Rows
from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.subwords import SubwordGraph
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.graph.wordpieces import WordPieces
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.subwords.trained_tokenizer import KINDS, TrainedTokenizer
from nlp_pipeline.text.normalisation import Normalisation
from nlp_pipeline.text.segmentation import segment

AT_ONCE = 5_000

# Where a random character is taken from, and how often.
RANGES = (
    (3, 0x20, 0x7F),  # ASCII
    (2, 0xA0, 0x250),  # Latin
    (1, 0x300, 0x370),  # combining marks
    (1, 0x370, 0x590),  # Greek, Cyrillic, Armenian
    (2, 0x590, 0x900),  # right to left
    (1, 0x900, 0x1200),  # Indic, Thai, Georgian, Hangul's letters
    (1, 0x1D00, 0x2C00),  # letters, punctuation, signs
    (1, 0x3000, 0xA000),  # ideographs and kana
    (1, 0xAC00, 0xD7B0),  # Hangul
    (1, 0xFE00, 0x10000),  # variation selectors, half and full width
    (1, 0x0, 0x20),  # controls
    (1, 0x1F300, 0x1FB00),  # emoji
    (1, 0x10000, 0x1F000),  # other scripts, and what is not assigned
    (1, 0x20000, 0x110000),  # the other planes
)


def random_strings(count: int, seed: int) -> list[str]:
    """Return strings of up to 24 characters, of one range or of all."""
    generator = random.Random(seed)
    weights = [weight for weight, _, _ in RANGES]

    def character(own: tuple[int, int, int] | None) -> str:
        _, low, high = own or generator.choices(RANGES, weights)[0]
        point = generator.randrange(low, high)
        return "\ufffd" if 0xD800 <= point < 0xE000 else chr(point)

    strings = []
    for _ in range(count):
        own = generator.choices(RANGES, weights)[0] if generator.random() < 0.5 else None
        strings.append("".join(character(own) for _ in range(generator.randint(1, 24))))
    return strings


def differences(
    texts: Sequence[str], in_graph: Callable[[Rows], Any], expected: Callable[[list[str]], Iterable[Any]]
) -> int:
    """Return for how many texts a graph gives something else."""
    traced = tf.function(lambda strings: in_graph(texts_of(strings)[0]), autograph=False)
    run = traced.get_concrete_function(tf.TensorSpec([None], tf.string))
    wrong = 0
    for start in range(0, len(texts), AT_ONCE):
        part = list(texts[start : start + AT_ONCE])
        found = run(tf.constant(part, tf.string))
        received = found.to_list() if isinstance(found, tf.RaggedTensor) else [text.decode() for text in found.numpy()]
        wrong += sum(one != other for one, other in zip(received, expected(part), strict=True))
    return wrong


def ragged_of(pieces: WordPieces, words: Rows) -> tf.RaggedTensor:
    """Return the ids of words by a checkpoint's tokenizer."""
    found = pieces(words)
    return tf.RaggedTensor.from_row_splits(found.values, found.splits)


def ids_of(subwords: SubwordGraph, lines: Rows) -> tf.RaggedTensor:
    """Return the ids of lines by trained subwords."""
    found = subwords(lines).ids
    return tf.RaggedTensor.from_row_splits(found.values, found.splits)


def normalised_by(normalise: NormalisationGraph, lines: Rows) -> tf.Tensor:
    """Return lines in a normal form."""
    return strings_of(normalise(lines))


def checks(data: Path, scratch: Path) -> Iterator[tuple[str, bool, Callable[[Rows], Any], Callable[[list[str]], Any]]]:
    """Yield what is checked: its name, whether it takes words rather than lines, the graph, and what it should give."""
    folder = find_encoder("minilm")
    cased = scratch / "cased"
    cased.mkdir()
    for name in ("tokenizer.json", "vocab.txt"):
        if (folder / name).is_file():
            shutil.copy(folder / name, cased)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False}
    (cased / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    for name, place in (("minilm", folder), ("its vocabulary, cased", cased)):
        tokenizer = CheckpointTokenizer(place)
        pieces = WordPieces(tokenizer)
        yield f"tokenizer: {name}", True, partial(ragged_of, pieces), tokenizer.subwords_of
    texts = [
        line for side in ("en", "fr") for line in lines_of(data / "tatoeba_en_fr" / f"train.{side}")[:20_000]
    ] or random_strings(2000, 2)
    for kind in KINDS:
        trained = TrainedTokenizer.train(texts, kind, 8000)
        graph = SubwordGraph(trained.parts())
        yield f"trained subwords: {kind}", False, partial(ids_of, graph), trained.encode
    segmenter = Segmenter()

    def words_of(lines: Rows) -> tf.RaggedTensor:
        words = segmenter(lines)
        return tf.RaggedTensor.from_row_splits(strings_of(lines.spans(words.starts, words.ends)), words.splits)

    def segmented(lines: list[str]) -> list[list[bytes]]:
        return [[line[span.start : span.end].encode() for own in segment(line) for span in own] for line in lines]

    yield "segmentation", False, words_of, segmented
    for form in ("NFC", "NFKC"):
        plain = Normalisation(form)
        normalise = NormalisationGraph(plain)
        yield f"normalisation: {form}", False, partial(normalised_by, normalise), partial(map, plain)


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file, none of one that is not there."""
    return path.read_text(encoding="utf-8").split("\n") if path.is_file() else []


def main() -> None:
    """Check everything, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--random", type=int, default=200_000, help="how many random strings")
    arguments = parser.parse_args()
    words: dict[str, None] = {}
    lines: dict[str, None] = {}
    for path in sorted(arguments.data.glob("*/*")):
        if path.suffix == ".conll":
            words.update(dict.fromkeys(line.split("\t")[0].split(" ")[0] for line in lines_of(path)))
        elif path.suffix in (".en", ".fr", ".de"):
            lines.update(dict.fromkeys(lines_of(path)))
    for line in lines:
        words.update(dict.fromkeys(line.split()))
    words.pop("", None)
    drawn = random_strings(arguments.random, 1)
    table = ["| what | corpora | differ | random strings | differ | seconds |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as scratch:
        for name, of_words, in_graph, expected in checks(arguments.data, Path(scratch)):
            given = list(words if of_words else lines)
            started = time.monotonic()
            wrong = [differences(texts, in_graph, expected) for texts in (given, drawn)]
            seconds = time.monotonic() - started
            row = f"{name} | {len(given):,} | {wrong[0]} | {len(drawn):,} | {wrong[1]} | {seconds:.0f}"
            table.append(f"| {row} |")
            print(table[-1], flush=True)
    about = circumstances(["tokenizers"])
    told = f"{about['date']}, commit {about['commit']}, {about['machine']}, tensorflow {tf.__version__}"
    text = [
        "# What a graph makes of text, against Python",
        "",
        "`python benchmarks/graph_parity.py` made this table: distinct words (for tokenizers) or lines of the corpora,",
        "and random strings, of which the graph gives something else.",
        "",
        *table,
        "",
        told,
        "",
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "graph_parity.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
