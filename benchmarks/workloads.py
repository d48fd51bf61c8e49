"""What is measured in `speed.py`: the files, the models, the contestants and their arithmetic."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from arithmetic import TRAINED, Bert, dense, gru, lstm
from contestants import Contestant, ContestantError, started
from measured import ROOT

CALL = [sys.executable, "-m", "nlp_pipeline"]
OWN = Path(sys.executable)
OURS = ROOT / "benchmarks" / "ours"
PEERS = ROOT / "benchmarks" / "peers"
PIPELINES = ROOT / "pipelines"
SEEDS = (1, 2, 3)

WORDS = 100_000  # of the file that is tagged
LONG = (30, 20_000)  # sentences of at least so many words, until there are so many words
FINETUNED = 800  # sentences of an epoch
SENTENCES = 32  # a batch of a tagger's
LENGTHS = (10, 30, 100, 300, 1000, 2000)  # of sentences, in words
REPEATED = (1, 10, 100)

# The translator of the table: what DESIGN says of it, without what differs from peer to peer.
TRANSLATOR = {
    "subwords.size": 8000,
    "embeddings.size": 256,
    "embeddings.tie": "none",
    "embeddings.dropout": 0,
    "encoder.units": 512,
    "encoder.dropout_outputs": 0,
    "decoder.units": 512,
    "decoder.readout": 512,
    "decoder.attention.units": 512,
    "decoder.attention.query": "state",
    "decoder.dropout": 0,
    "decoder.dropout_readout": 0,
    "normalise": "false",
    "label_smoothing": 0,
    "training.learning_rate": 1e-3,
    "training.warmup": 0,
    "training.decay": "constant",
    "training.weight_decay": 0,
    "training.average": "null",
    "training.strategy": "none",
    "training.checkpoint_steps": "null",
}
PAIRS = 64  # a batch
STEPS = 30  # a turn
TRANSLATED = 1000  # sentences
TRAINED_STEPS = 900  # before a translator is asked to translate
JOEYNMT_STEPS = 150  # JoeyNMT is slower; after these its translations are about as long


@dataclass(frozen=True)
class Row:
    """A workload that contestants do in turn.

    Attributes:
        unit: what is counted, a second.
        ours: our contestants; the first one is the row's.
        peers: the others.
        operations: how many floating-point operations a unit takes.
        precision: in which ours multiplies: `float32` or `bfloat16`; None where it says so itself.
        notes: what else is to be known.
    """

    unit: str
    ours: Sequence[Contestant]
    peers: Sequence[Contestant]
    operations: float
    precision: str | None = "float32"
    notes: Sequence[str] = field(default_factory=list)


class Workloads:
    """Makes the rows.

    Args:
        data: the folder of the corpora.
        folder: for what is made.
        environments: of the peers.
    """

    def __init__(self, data: Path, folder: Path, environments: Path) -> None:
        self.data = data
        self.folder = folder
        self.environments = environments

    def missing(self, row: str) -> Path | None:
        """Return the first corpus that a row needs and that is not there."""
        needed = {"tag-uner_pt": ("wnut17", "uner_pt"), "train-translate": ("multi30k_en_de",)}
        needed |= {"translate-greedy": ("multi30k_en_de",), "translate-beam": ("multi30k_en_de",)}
        folders = [self.data / name for name in needed.get(row, ("wnut17",))]
        return next((folder for folder in folders if not folder.is_dir()), None)

    def _peer(self, name: str, peer: str, script: str, settings: Mapping[str, Any], family: str = "") -> Contestant:
        """Return a contestant of a peer's; those of `transformers` share Flair's environment."""
        home = "flair" if peer == "transformers" else peer
        environment = self.environments / home
        python = environment / "bin" / "python"
        return Contestant(name, python, PEERS / peer / script, settings, family, environment)

    # Tagging

    @cached_property
    def encoder(self) -> str:
        """The folder of the default encoder."""
        done = subprocess.run([*CALL, "encoder", "get", "minilm"], check=True, capture_output=True, text=True)
        return done.stdout.strip().splitlines()[-1]

    def tagger(self, seed: int = 1) -> Path:
        """Return the bundle of a tagger of wnut17, on the default encoder, frozen."""
        run = self.folder / f"tagger-{seed}"
        corpora = [f"data.{split}={self.data / 'wnut17' / split}.conll" for split in ("train", "dev")]
        _trained(run, "ner-frozen", [*corpora, f"seed={seed}"])
        return run / "bundle"

    def _written(self, name: str, sentences: Sequence[Sequence[str]]) -> Path:
        path = self.folder / f"{name}.conll"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join("\n".join(one) + "\n\n" for one in sentences), encoding="utf-8")
        return path

    def _warm(self) -> Path:
        """Return a file that is tagged before anything is measured."""
        return self._written("warm", [["Anna", "lives", "in", "Paris"]] * 100)

    def _words(self, corpus: str) -> list[list[str]]:
        """Return the sentences that are tagged."""
        sentences = list(_sentences(self.data / corpus / "test.conll"))
        only_words = [list(map(_word, sentence)) for sentence in sentences]
        if corpus == "uner_pt":
            least, words = LONG
            return _filled((one for one in only_words if len(one) >= least), words)
        return _filled(_again(only_words), WORDS)

    def tag(self, corpus: str) -> Row:
        """Return the row of tagging a corpus, file to file."""
        sentences = self._words(corpus)
        path = self._written(f"tagged-{corpus}", sentences)
        bundle = self.tagger()

        def settings(name: str, **more: Any) -> dict[str, Any]:
            output = str(self.folder / f"tagged-{corpus}-{name}.conll")
            return {"corpus": str(path), "output": output, "encoder": self.encoder, **more}

        own = {"bundle": str(bundle), "warm": str(self._warm())}
        ours = [
            Contestant(f"ours, {name}", OWN, OURS / "tag.py", settings(name, precision=name, **own))
            for name in ("float32", "bfloat16")
        ]
        tags = _tags_of(bundle)
        flair = settings("flair", tags=tags, layers="-1,-2,-3,-4", batch_size=SENTENCES)
        as_it_is = {**flair, "order": "flair", "output": f"{flair['output']}.2"}
        peers = [
            self._peer("Flair", "flair", "tag.py", flair, "Flair"),
            self._peer("Flair, sorted by itself", "flair", "tag.py", as_it_is, "Flair"),
        ]
        for size in (1, 8, 32):
            own = settings(f"transformers-{size}", tags=tags, batch_size=size)
            name = f"transformers pipeline, batches of {size}"
            peers.append(self._peer(name, "transformers", "tag.py", own, "transformers pipeline"))
        words = sum(map(len, sentences))
        operations = self._operations(bundle, sentences) / words
        return Row("words/s", ours, peers, operations, None, [f"{words:,} words in {len(sentences):,} sentences"])

    def _operations(self, bundle: Path, sentences: Sequence[Sequence[str]], encodes: bool = True) -> float:
        """Return the operations of tagging sentences; those of characters and decoder are not counted."""
        from nlp_pipeline.recipe import TaggingRecipe
        from nlp_pipeline.recipe.file import read_recipe
        from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

        recipe = read_recipe(bundle / "recipe.yaml", kind=TaggingRecipe)
        assert recipe.encoder is not None
        tokenizer = CheckpointTokenizer(Path(self.encoder))
        words = sum(map(len, sentences))
        width = Bert().units * len(recipe.encoder.layers)
        total = 0.0
        if encodes:
            total = Bert().operations(sum(map(len, tokenizer.subwords_of(one))) + 2 for one in sentences)
        units = recipe.recurrent.units
        if recipe.recurrent.projection is not None:
            total += dense(words, width, recipe.recurrent.projection)
            width = recipe.recurrent.projection
        return total + lstm(words, width, units)

    def train_tag(self, finetunes: bool) -> Row:
        """Return the row of an epoch of training a tagger."""
        source = self.data / "wnut17" / "train.conll"
        sentences = list(_sentences(source))
        kind = "finetuned" if finetunes else "kept"
        if finetunes:
            sentences = sentences[:FINETUNED]
        path = self._written(f"train-{kind}", sentences)
        words = [list(map(_word, sentence)) for sentence in sentences]
        # As many subwords a batch as 32 sentences have without padding.
        subwords = SENTENCES * self._mean_subwords(words)
        overrides = [f"data.train={path}", f"data.dev={self.data / 'wnut17' / 'dev.conll'}", "training.strategy=none"]
        overrides += [f"training.batch_subwords={round(subwords)}", "training.frozen_epochs=0"]
        recipe = PIPELINES / ("ner-finetune.yaml" if finetunes else "ner-frozen.yaml")
        shared = {"recipe": str(recipe), "steps": None, "batches": None, "initial": None}
        ours = [
            Contestant(
                f"ours, {precision}",
                OWN,
                OURS / "train.py",
                {
                    **shared,
                    "work": str(self.folder / f"train-{kind}-{precision}"),
                    "overrides": [*overrides, f"training.precision={precision}"],
                },
            )
            for precision in ("float32", "bfloat16")
        ]
        settings = {
            "corpus": str(path),
            "encoder": self.encoder,
            "layers": "-1,-2,-3,-4",
            "sentences": len(sentences),
            "batch_size": SENTENCES,
            "finetune": finetunes,
        }
        count = sum(map(len, words))
        operations = TRAINED * self._operations(self.tagger(), words, encodes=finetunes) / count
        notes = [f"{count:,} words in {len(sentences):,} sentences, about {SENTENCES} sentences a batch"]
        return Row("words/s", ours, [self._peer("Flair", "flair", "train.py", settings)], operations, "float32", notes)

    def _mean_subwords(self, sentences: Sequence[Sequence[str]]) -> float:
        from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

        tokenizer = CheckpointTokenizer(Path(self.encoder))
        return statistics.mean(sum(map(len, tokenizer.subwords_of(one))) + 2 for one in sentences)

    # Translation

    @cached_property
    def pairs(self) -> Path:
        """The folder of the translators' data, as `ours/pieces.py` makes it of a trained bundle."""
        folder = self.folder / "pieces"
        corpus = self.data / "multi30k_en_de"
        steps = [f"training.steps={TRAINED_STEPS}", "training.batch_subwords=1024"]
        _trained(self.folder / "translator", "translate-multi30k", [*self._translator(), *steps])
        # The last file that is written.
        if not (folder / "initial.safetensors").is_file():
            call = [sys.executable, str(OURS / "pieces.py"), str(self.folder / "translator" / "bundle")]
            subprocess.run([*call, str(corpus), str(folder), str(PAIRS), str(STEPS * 20)], check=True)
        return folder

    def _translator(self) -> list[str]:
        """Return the settings of the translator, corpora included."""
        corpus = self.data / "multi30k_en_de"
        files = [
            f"data.{split}.{side}={corpus}/{split}.{ending}"
            for split in ("train", "dev")
            for side, ending in (("source", "en"), ("target", "de"))
        ]
        return [*files, "data.test=null", *(f"{key}={value}" for key, value in TRANSLATOR.items())]

    def train_translate(self) -> Row:
        """Return the row of training a translator."""
        pieces, overrides = self.pairs, self._translator()
        # As long a batch as 64 sentences are on the average.
        own = [*overrides, "training.batch_subwords=1024"]
        shared = {
            "recipe": str(PIPELINES / "translate-multi30k.yaml"),
            "steps": STEPS,
            "initial": str(pieces / "initial.safetensors"),
            "work": str(self.folder / "train-translate"),
        }
        numbers = str(pieces / "batches.json")
        ours = [
            Contestant("ours", OWN, OURS / "train.py", {**shared, "overrides": overrides, "batches": numbers}),
            Contestant(
                "ours, bfloat16",
                OWN,
                OURS / "train.py",
                {**shared, "overrides": [*overrides, "training.precision=bfloat16"], "batches": numbers},
            ),
            Contestant(
                "ours, batches by length", OWN, OURS / "train.py", {**shared, "overrides": own, "batches": None}
            ),
        ]
        settings = {"data": str(pieces), "steps_per_turn": STEPS, "learning_rate": 1e-3, "clip_norm": 1.0}
        peers = [
            self._peer("PyTorch loop", "torch", "train.py", settings),
            self._peer("JoeyNMT", "joeynmt", "train.py", {**settings, "batch_size": PAIRS}),
        ]
        counts = json.loads((pieces / "counts.json").read_text(encoding="utf-8"))["train"]
        operations = TRAINED * _translator_operations(counts["source"], counts["target"]) / counts["target"]
        notes = [f"batches of {PAIRS} sentence pairs at random, the same for ours and the PyTorch loop"]
        return Row("target subwords/s", ours, peers, operations, "float32", notes)

    def translate(self, beam_size: int) -> Row:
        """Return the row of translating."""
        pieces = self.pairs
        texts = self.folder / "translated.en"
        lines = (self.data / "multi30k_en_de" / "test.en").read_text(encoding="utf-8").splitlines()[:TRANSLATED]
        texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
        search = {"beam_size": beam_size, "length_penalty": 0.6}
        bundle = str(self.folder / "translator" / "bundle")
        output = {name: str(self.folder / f"translated-{name}-{beam_size}.de") for name in ("ours", "torch", "joeynmt")}
        ours = Contestant(
            "ours",
            OWN,
            OURS / "translate.py",
            {"bundle": bundle, "corpus": str(texts), "output": output["ours"], **search},
        )
        shared = {"data": str(pieces), "batch_size": PAIRS, "sentences": TRANSLATED, **search}
        checkpoint = self._joeynmt(pieces)
        peers = [
            self._peer("PyTorch loop", "torch", "translate.py", {**shared, "output": output["torch"]}),
            self._peer(
                "JoeyNMT", "joeynmt", "translate.py", {**shared, "output": output["joeynmt"], "checkpoint": checkpoint}
            ),
        ]
        counts = json.loads((pieces / "counts.json").read_text(encoding="utf-8"))["test"]
        operations = _translator_operations(counts["source"], beam_size * counts["target"]) / counts["sentences"]
        return Row(
            "sentences/s", [ours], peers, operations, "float32", [f"{len(lines):,} sentences of the test corpus"]
        )

    def _joeynmt(self, pieces: Path) -> str:
        """Return a checkpoint of JoeyNMT's, made anew where there is none."""
        checkpoint = self.folder / f"joeynmt-{JOEYNMT_STEPS}.ckpt"
        if not checkpoint.is_file():
            settings = {"data": str(pieces), "steps_per_turn": JOEYNMT_STEPS, "learning_rate": 1e-3, "clip_norm": 1.0}
            settings |= {"batch_size": PAIRS, "save": str(checkpoint)}
            with started([self._peer("JoeyNMT", "joeynmt", "train.py", settings)], self.folder / "joeynmt") as (
                ready,
                _,
            ):
                for one in ready:
                    one.turn()
        return str(checkpoint)

    # Ours alone

    def quality(self) -> dict[str, Any]:
        """Return F1 on wnut17's test corpus in both precisions, three seeds."""
        found: dict[str, Any] = {}
        for seed in SEEDS:
            bundle = self.tagger(seed)
            for precision in ("float32", "bfloat16"):
                call = [*CALL, "evaluate", str(bundle), "--data", str(self.data / "wnut17" / "test.conll")]
                call += ["--precision", precision, "--json"]
                done = subprocess.run(call, check=True, capture_output=True, text=True, cwd=ROOT)
                found[f"seed {seed}, {precision}"] = round(100 * json.loads(done.stdout)["conlleval"]["f1"], 2)
        return found

    def scale(self) -> dict[str, Any]:
        """Return words/s and memory as the corpus grows, and as sentences do."""
        words = [list(map(_word, one)) for one in _sentences(self.data / "wnut17" / "test.conll")]
        found: dict[str, Any] = {}
        for times in REPEATED:
            path = self._written(f"scale-{times}", words * times)
            found[f"{times} times the corpus, {times * sum(map(len, words)):,} words"] = self._one(path)
            path.unlink()
        flat = [word for one in words for word in one]
        for length in LENGTHS:
            cut = [flat[start : start + length] for start in range(0, len(flat) - length + 1, length)]
            found[f"sentences of {length} words"] = self._one(self._written(f"scale-long-{length}", cut))
        return found

    def _one(self, path: Path) -> str:
        """Return what tagging a file takes, after another that is not measured."""
        settings = {"corpus": str(path), "output": str(path.with_suffix(".tagged")), "precision": "float32"}
        settings |= {"bundle": str(self.tagger())}
        contestant = Contestant("ours", OWN, OURS / "tag.py", {**settings, "warm": str(self._warm())})
        with started([contestant], self.folder / "scale") as (ready, absent):
            if absent:
                raise ContestantError(absent["ours"])
            answer = ready[0].turn()
        return f"{answer['units'] / answer['seconds']:,.0f} words/s, {answer['peak_mib']:,} MiB"

    def start(self) -> dict[str, Any]:
        """Return how long it takes to begin, medians of five."""
        sentence = "Angela Merkel lives in Berlin .\n"
        bundle = str(self.tagger())
        run = self.folder / "start"

        def seconds(call: Sequence[str], text: str = "") -> float:
            began = time.perf_counter()
            subprocess.run(call, input=text, check=True, capture_output=True, text=True, cwd=ROOT)
            return time.perf_counter() - began

        def first_step() -> float:
            call = [*CALL, "train", str(PIPELINES / "ner-demo.yaml"), "--force", "--set", "training.checkpoint_steps=1"]
            subprocess.run(["rm", "-rf", str(run)], check=True)
            began = time.perf_counter()
            with subprocess.Popen([*call, "--output", str(run)], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
                while not list((run / "checkpoints").glob("step-*")):
                    if process.poll() is not None:
                        raise ContestantError(f"training ended with {process.returncode}, without a checkpoint")
                    time.sleep(0.01)
                taken = time.perf_counter() - began
                process.kill()
            return taken

        tag = [*CALL, "tag", bundle, "-", "--output", "-"]
        command = [str(OWN.parent / "nlp-pipeline"), "--help"]
        return {
            "seconds of --help": round(statistics.median(seconds(command) for _ in range(5)), 2),
            "seconds to a first tagged sentence": round(statistics.median(seconds(tag, sentence) for _ in range(5)), 1),
            "seconds to a first step of training, with a checkpoint": round(
                statistics.median(first_step() for _ in range(3)), 1
            ),
        }


def _trained(run: Path, recipe: str, overrides: Sequence[str]) -> None:
    """Train a recipe, unless its bundle is there."""
    if (run / "bundle" / "bundle.json").is_file():
        return
    call = [*CALL, "train", str(PIPELINES / f"{recipe}.yaml"), "--force", "--output", str(run)]
    for one in overrides:
        call += ["--set", one]
    subprocess.run(call, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def _sentences(path: Path) -> Iterator[list[str]]:
    """Yield the sentences of a CoNLL file, a line a word."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        # A line may hold characters that Python takes for its end; `#` is a word.
        if lines := [line for line in block.split("\n") if line.strip()]:
            yield lines


def _word(line: str) -> str:
    """Return the first column; a word may be a character that Python takes for white space."""
    return re.split(r"[\t ]", line, maxsplit=1)[0]


def _again(sentences: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    while True:
        yield from sentences


def _filled(sentences: Iterator[Sequence[str]], words: int) -> list[list[str]]:
    """Return the first sentences that have so many words together, or all."""
    taken: list[list[str]] = []
    count = 0
    for one in sentences:
        if count >= words:
            break
        taken.append(list(one))
        count += len(one)
    return taken


def _tags_of(bundle: Path) -> list[str]:
    """Return a tagger's tags as the peers are told them, in IOB2."""
    from nlp_pipeline.text.tagset import TagSet

    own = TagSet.from_json(json.loads((bundle / "tags.json").read_text(encoding="utf-8")))
    tag_set = TagSet(own.entity_types)
    return tag_set.tags(range(len(tag_set)))


def _translator_operations(source: int, target: int) -> float:
    """Return the operations of a translator's forward pass, the attention's energies and sums not counted."""
    total = gru(source, 256, 512) + dense(source, 1024, 512)
    total += gru(target, 256 + 1024, 512, ways=1) + dense(target, 512, 512)
    return total + dense(target, 512 + 1024 + 256, 512) + dense(target, 512, 8000)
