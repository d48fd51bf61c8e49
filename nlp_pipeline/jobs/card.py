"""The model card of a bundle, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nlp_pipeline
from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.evaluation.shown_text import in_markdown
from nlp_pipeline.recipe import Encoder, TaggingRecipe
from nlp_pipeline.subwords.encoders import ALIASES
from nlp_pipeline.text.tagset import TagSet


def model_card(recipe: TaggingRecipe, metrics: Mapping[str, Any], tag_set: TagSet) -> str:
    """Return the card: what the model is, what it was made from, what it scores, how to use it, what to beware of."""
    dev = metrics["dev"]
    types = "\n".join(
        f"| {in_markdown(name)} | {_percent(score)} | {score['gold']} |" for name, score in dev["types"].items()
    )
    entity_types = ", ".join(map(in_markdown, tag_set.entity_types))
    corpora = "\n".join(
        f"| {split} | {in_markdown(name_of(Path(source).name))} | {metrics['sentences'][split]:,} | "
        f"{metrics['words'][split]:,} | {metrics['entities'][split]:,} |"
        for split, source in recipe.corpora().items()
        if split != "test"  # which nothing was made from
    )
    unseen = dev.get("unseen")
    recall = (
        ""
        if unseen is None or not unseen["gold"]
        else (
            f"\nRecall of the {unseen['gold']} entities that the training corpus does not hold: "
            f"{100 * unseen['recall']:.2f} %.\n"
        )
    )
    return f"""# {in_markdown(recipe.name)}

A named entity tagger for the types {entity_types}, made by nlp_pipeline {nlp_pipeline.__version__}.

{_architecture(recipe)}

{metrics["weights"]["trained"]:,} weights were trained, of {metrics["weights"]["all"]:,}.

## What it is for

It marks names of the types above in text of the language and the kind that the corpora below are of: to search, to
count, to link, to suggest. It takes text or words of any length, and gives each word a tag and each entity a score
from 0 to 1. It is not made to decide about people without a person who looks.

## Made from

| split | source | sentences | words | entities |
|---|---|---|---|---|
{corpora}

{licence_of(recipe.encoder)}

## How it was trained

{how_trained(metrics)}

## Scores on the dev corpus

seqeval, default (conlleval) mode, IOB2, in per cent. The dev corpus chose the epoch: a test corpus gives the honest
number (`nlp-pipeline evaluate`).

| type | precision | recall | F1 | entities |
|---|---|---|---|---|
{types}
| micro average | {_percent(dev["conlleval"])} | {dev["conlleval"]["gold"]} |

Strict mode of IOB2, micro F1: {100 * dev["strict"]["f1"]:.2f}.
{recall}
## Use

    nlp-pipeline tag THIS_FOLDER text.txt --output entities.jsonl --output-format jsonl

    import nlp_pipeline
    tagger = nlp_pipeline.load("THIS_FOLDER")
    tagger.tag_text("A text with names in it.").entities

## Beware

It has learnt from the corpus above and from nothing else that is labelled: other kinds of text, other spellings and
other languages are tagged worse than the scores say. The names of people are personal data; so are the mistakes made
about them. A score says how sure the model is, which is not how often it is right.
"""


def how_trained(metrics: Mapping[str, Any]) -> str:
    """Return how long and on what a model was trained, in a few sentences."""
    about: Mapping[str, str] = metrics["circumstances"]
    return f"""{metrics["epochs"]} epochs in {metrics["seconds"]:.0f} s with seed {metrics["seed"]}; kept is epoch \
{metrics["best_epoch"]}, the best on the dev corpus. Trained on {in_markdown(about["machine"])}, until
{about["finished"]}, with {in_markdown(about["versions"])}. The whole recipe is in `recipe.yaml`: the same recipe, seed
and machine give the same numbers."""


def licence_of(encoder: Encoder | None) -> str:
    """Return a sentence on the licence of the weights that were not trained here, and of those that were."""
    own = "No licence comes with the corpora's names: whoever passes this model on has to know theirs."
    if encoder is None:
        return f"All of its weights come from these corpora. {own}"
    known = ALIASES.get(encoder.name)
    name = in_markdown(name_of(Path(encoder.name).name))
    if known is None:
        return f"The bundle holds the weights of the encoder {name}, under the licence that it came with. {own}"
    return f"The bundle holds the weights of the encoder {name} ({known.hub_id}), licensed {known.licence}. {own}"


def _percent(score: Mapping[str, float]) -> str:
    """Return precision, recall and F1 as cells of a table."""
    return " | ".join(f"{100 * score[part]:.2f}" for part in ("precision", "recall", "f1"))


def _architecture(recipe: TaggingRecipe) -> str:
    """Return a sentence on what the network is made of."""
    seen = []
    if recipe.encoder is not None:
        layers = {"last": "the last layer", "last4": "the last four layers", "mix": "a learned mixture of all layers"}
        way = "fine-tuned" if recipe.encoder.finetune else "frozen"
        name = in_markdown(name_of(Path(recipe.encoder.name).name))
        seen.append(f"{layers[recipe.encoder.layers]} of the {way} encoder {name}")
    if recipe.words is not None:
        seen.append("trained word embeddings")
    if recipe.characters is not None:
        seen.append(f"a character {recipe.characters.kind.upper()}")
    if recipe.casing is not None:
        seen.append("the casing of the word")
    recurrent = recipe.recurrent
    above = "no recurrent layer"
    if recurrent.layers:
        ways = "two-way" if recurrent.bidirectional else "one-way"
        above = f"{recurrent.layers} {ways} {recurrent.cell.upper()} layer(s) of {recurrent.units} units"
    return (
        f"A word is seen through {', '.join(seen)}; above that, {above} and a {recipe.decoder.kind.upper()} "
        f"over {recipe.decoder.scheme} tags."
    )
