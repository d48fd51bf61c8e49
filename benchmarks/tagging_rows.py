"""The rows of `speed.py` on tagging, and on training a tagger."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arithmetic import TRAINED, Bert, dense, lstm
from contestants import Contestant
from workloads import OURS, OWN, PIPELINES, Row, Workshop, first_column, sentences_in

WORDS = {"wnut17": 100_000, "uner_pt": 50_000}  # of the file that is tagged
LONG = 30  # words that a sentence of uner_pt has at the least
FINETUNED = 800  # sentences of an epoch
SENTENCES = 32  # a batch of a tagger's
LAYERS = {"last": 1, "last4": 4, "mix": 1}  # side by side, by the name of a recipe


class TaggingRows(Workshop):
    """Makes them."""

    def _words(self, corpus: str) -> list[list[str]]:
        """Return the sentences that are tagged."""
        sentences = list(sentences_in(self.data / corpus / "test.conll"))
        only_words = [list(map(first_column, sentence)) for sentence in sentences]
        if corpus == "uner_pt":
            only_words = [one for one in only_words if len(one) >= LONG]
        return _filled(_again(only_words), WORDS[corpus])

    def tag(self, corpus: str) -> Row:
        """Return the row of tagging a corpus, file to file."""
        sentences = self._words(corpus)
        path = self.written(f"tagged-{corpus}", sentences)
        bundle = self.tagger()

        def settings(name: str, **more: Any) -> dict[str, Any]:
            output = str(self.folder / f"tagged-{corpus}-{name}.conll")
            return {"corpus": str(path), "output": output, "encoder": self.encoder, **more}

        own = {"bundle": str(bundle), "warm": str(self.warm())}
        ours = [
            Contestant(name, OWN, OURS / "tag.py", settings(precision, precision=precision, **own))
            for name, precision in (("ours", self.fast), ("ours, float32", "float32"))
        ]
        tags = tags_of(bundle)
        flair = settings("flair", tags=tags, layers="-1,-2,-3,-4", batch_size=SENTENCES)
        as_it_is = {**flair, "order": "flair", "output": f"{flair['output']}.2"}
        peers = [
            self.peer("Flair", "flair", "tag.py", flair, "Flair"),
            self.peer("Flair, sorted by itself", "flair", "tag.py", as_it_is, "Flair"),
        ]
        for size in (1, 8, 32):
            own = settings(f"transformers-{size}", tags=tags, batch_size=size)
            name = f"transformers pipeline, batches of {size}"
            peers.append(self.peer(name, "transformers", "tag.py", own, "transformers pipeline"))
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
        width = Bert().units * LAYERS[recipe.encoder.layers]
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
        sentences = list(sentences_in(source))
        kind = "finetuned" if finetunes else "kept"
        if finetunes:
            sentences = sentences[:FINETUNED]
        path = self.written(f"train-{kind}", sentences)
        words = [list(map(first_column, sentence)) for sentence in sentences]
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
        return Row("words/s", ours, [self.peer("Flair", "flair", "train.py", settings)], operations, "float32", notes)

    def _mean_subwords(self, sentences: Sequence[Sequence[str]]) -> float:
        from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

        tokenizer = CheckpointTokenizer(Path(self.encoder))
        return statistics.mean(sum(map(len, tokenizer.subwords_of(one))) + 2 for one in sentences)


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


def tags_of(bundle: Path) -> list[str]:
    """Return a tagger's tags as the peers are told them, in IOB2."""
    from nlp_pipeline.text.tagset import TagSet

    own = TagSet.from_json(json.loads((bundle / "tags.json").read_text(encoding="utf-8")))
    tag_set = TagSet(own.entity_types)
    return tag_set.tags(range(len(tag_set)))
