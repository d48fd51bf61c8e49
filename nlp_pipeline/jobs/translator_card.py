"""The model card of a translator's bundle, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nlp_pipeline
from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.evaluation.shown_text import in_markdown
from nlp_pipeline.jobs.card import how_trained, licence_of
from nlp_pipeline.recipe.translation import TranslationRecipe


def translator_card(recipe: TranslationRecipe, metrics: Mapping[str, Any]) -> str:
    """Return the card: what the model is, what it was made from, what it scores, how to use it, what to beware of."""
    data, dev = recipe.data, metrics["dev"]
    languages = " to ".join(in_markdown(one) for one in (data.source_language, data.target_language) if one)
    rows = []
    for split, files in recipe.corpora().items():
        if split != "test":  # which nothing was made from
            names = [name_of(Path(one).name) for one in (files.source, files.target, files.pairs) if one is not None]
            rows.append(f"| {split} | {' and '.join(map(in_markdown, names))} | {metrics['pairs'][split]:,} |")
    corpora = "\n".join(rows)
    return f"""# {in_markdown(recipe.name)}

A translator{f" from {languages}" if languages else ""}, made by nlp_pipeline {nlp_pipeline.__version__}.

{_architecture(recipe)}

{metrics["weights"]["trained"]:,} weights were trained, of {metrics["weights"]["all"]:,}. {_subwords(recipe, metrics)}

## What it is for

It translates sentences of the kind that the corpora below are of, a line each: to get the gist, or a first draft that
a translator goes over. It is not made for text in which a wrong word does harm.

## Made from

| split | source | pairs |
|---|---|---|
{corpora}

{licence_of(recipe.bert)}

## How it was trained

{how_trained(metrics)}

## Scores on the dev corpus

Greedy search: BLEU {100 * dev["bleu"]:.2f} (sacrebleu, cased, 13a), chrF {100 * dev["chrf"]:.2f}; \
{dev["loss"]:.3f} nats a subword.
The dev corpus chose the epoch: a test corpus gives the honest number (`nlp-pipeline evaluate`).

## Use

    nlp-pipeline translate THIS_FOLDER source.txt --output target.txt

    import nlp_pipeline
    translator = nlp_pipeline.load("THIS_FOLDER")
    translator.translate("A sentence.").text

## Beware

It has learnt from the corpus above and from nothing else: other kinds of text are translated worse than the scores say,
and what it cannot translate it makes up.
"""


def _architecture(recipe: TranslationRecipe) -> str:
    """Return what the network is made of, in a few sentences."""
    encoder, decoder = recipe.encoder, recipe.decoder
    seen = "trained vectors"
    if recipe.bert is not None:
        way = "fine-tuned" if recipe.bert.finetune else "frozen"
        seen = f"the {recipe.bert.level} vectors of the {way} encoder {in_markdown(Path(recipe.bert.name).name)}"
    ways = "two-way" if encoder.bidirectional else "one-way"
    attention = "sees the encoder's last state alone"
    if decoder.attention is not None:
        feeding = "with" if decoder.attention.input_feeding else "without"
        attention = f"has {decoder.attention.score} attention {feeding} input feeding"
    return (
        f"The source, seen through {seen}, is read by {ways} {encoder.cell.upper()} layers ({encoder.layers} of "
        f"{encoder.units} units). The decoder, {decoder.layers} {decoder.cell.upper()} layers of {decoder.units} "
        f"units, {attention}; the bridge is {decoder.bridge}."
    )


def _subwords(recipe: TranslationRecipe, metrics: Mapping[str, Any]) -> str:
    """Return a sentence on the vocabularies."""
    sizes = metrics["vocabulary"]
    kind = {"bpe": "byte-pair encoding", "unigram": "a unigram model", "words": "whole words"}[recipe.subwords.kind]
    if recipe.bert is None and not recipe.subwords.joint:
        return f"Subwords by {kind}: {sizes['source']:,} of the source, {sizes['target']:,} of the target."
    return f"Subwords by {kind}: {sizes['target']:,}{'' if recipe.bert is None else ' of the target'}."
