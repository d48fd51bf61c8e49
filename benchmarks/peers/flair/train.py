"""Flair trains the equal model (see `tag.py`) for an epoch a turn.

Settings: `encoder`, `layers`, `batch_size` and `threads` as in `tag.py`; `corpus`, CoNLL with the word in the first
column and its BIO tag in the last; `sentences`, of which so many first are trained on; `finetune`.

With `finetune`, the whole encoder is trained; without, its vectors are computed once, before the first turn, and kept
in memory (what Flair calls `embeddings_storage_mode="cpu"`), so that every turn is an epoch on kept vectors.

A turn is the loop of `ModelTrainer.train_custom`, step by step, and not that method itself: it would begin each turn
with a new optimizer, whose state has to be made anew, write a model card and a log, and at its end evaluate and save
the model, none of which belongs to an epoch of the others.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tag import BATCH_SIZE, TAGS, characters, rows, settings, tagger, take_turns, versions

# Flair's own for the encoder, and for gradients; what is above an encoder needs a larger rate.
ENCODER_LEARNING_RATE = 5e-5
LEARNING_RATE = 1e-3
LARGEST_NORM = 5.0


def labelled(sentence: Sequence[Sequence[str]]) -> Any:
    """Return Flair's sentence, with the entities as spans: from them it makes the gold tags of each batch."""
    from flair.data import Sentence, get_spans_from_bio

    made = Sentence([columns[0] for columns in sentence])
    for places, _, entity_type in get_spans_from_bio([columns[-1] for columns in sentence]):
        made[places[0] : places[-1] + 1].add_label(TAGS, entity_type)
    return made


def optimizer(model: Any) -> Any:
    """Return the optimizer of `ModelTrainer.fine_tune`, with its two rates, and fused: it hands on what it is given."""
    import torch

    named = list(model.named_parameters())
    return torch.optim.AdamW(
        [
            {"params": [weight for name, weight in named if "embeddings" not in name], "lr": LEARNING_RATE},
            {"params": [weight for name, weight in named if "embeddings" in name], "lr": ENCODER_LEARNING_RATE},
        ],
        fused=True,
    )


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the model and the sentences, compute the vectors that are kept, and return what trains for an epoch."""
    given = settings()
    import torch
    from flair.datasets import DataLoader, FlairDatapointDataset
    from flair.training_utils import identify_dynamic_embeddings, store_embeddings

    batch_size, finetune = given.get("batch_size", BATCH_SIZE), given["finetune"]
    with Path(given["corpus"]).open(encoding="utf-8", newline="\n") as corpus:
        words = list(itertools.islice(rows(corpus), given["sentences"]))
    tags = {columns[-1] for sentence in words for columns in sentence}
    model = tagger(given, sorted(tags | {tag.replace("B-", "I-", 1) for tag in tags}), finetune)
    trained = optimizer(model)
    sentences = [labelled(sentence) for sentence in words]
    keep = "none" if finetune else "cpu"
    if not finetune:
        model.eval()
        ordered = sorted(sentences, key=characters)
        for start in range(0, len(ordered), batch_size):
            model.embeddings.embed(ordered[start : start + batch_size])

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        loss_of_all, words_of_all = 0.0, 0
        dynamic = None
        model.train()
        for batch in DataLoader(FlairDatapointDataset(sentences), batch_size=batch_size, shuffle=True):
            model.zero_grad()
            trained.zero_grad()
            loss, count = model.forward_loss(batch)
            loss_of_all += loss.item()
            words_of_all += count
            loss.backward()
            if dynamic is None:
                dynamic = identify_dynamic_embeddings(batch)
            store_embeddings(batch, keep, dynamic)
            torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
            trained.step()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "units": words_of_all, "loss": loss_of_all / words_of_all}

    return turn, {"versions": versions(), "threads": torch.get_num_threads()}


if __name__ == "__main__":
    take_turns(begin)
