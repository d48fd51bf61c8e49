"""The corpora of a translator: read, checked, filtered and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.hub import read_pairs, write_pairs
from nlp_pipeline.corpora.parallel import filter_pairs, read_parallel
from nlp_pipeline.corpora.parallel_statistics import describe_pairs
from nlp_pipeline.errors import CorpusError, Problems
from nlp_pipeline.inputs.translation import normalisation_of, train_tokenizers
from nlp_pipeline.jobs.prepare import SUMMARY, PreparedCorpus, Say, Store, fingerprint_of, kept_corpus
from nlp_pipeline.outputs import refuse_foreign
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.special import UNKNOWN_ID

STORE = Store(write_pairs, read_pairs)
SHOWN_CHARACTERS = 20


def check_pairs(
    recipe: TranslationRecipe, folder: Path, say: Say = lambda _line: None, force: bool = False
) -> PreparedCorpus[SentencePair]:
    """Read, filter and check a recipe's sentence pairs, and write nothing.

    Args:
        recipe: names them.
        folder: where they are to be kept. What an earlier run kept there is used when the sources have not changed.
        say: is told what is going on.
        force: read the sources even so.

    Raises:
        CorpusError: with every problem of every file, the first 20 of each.
        EncoderError: where the recipe's BERT encoder is not to be had.
        OutputError: where the folder holds something else.
    """
    refuse_foreign(folder, SUMMARY)
    sources = {
        split: [name for name in (files.source, files.target, files.pairs) if name is not None]
        for split, files in recipe.corpora().items()
    }
    settings = [recipe.model_dump(mode="json", include={"data", "text", "subwords"}), recipe.bert is None]
    fingerprint = fingerprint_of(sources, settings, recipe.bert)
    if not force and (kept := kept_corpus(folder, fingerprint, list(sources), STORE)) is not None:
        return kept
    splits, dropped = _read_all(recipe, say)
    summary: dict[str, Any] = {
        "fingerprint": fingerprint,
        "sources": {split: [Path(name).name for name in names] for split, names in sources.items()},
        **describe_pairs(splits).to_json(),
        "dropped": dropped,
        "unknown": _unknown(recipe, splits, say),
    }
    return PreparedCorpus(folder, splits, summary, False, STORE)


def _read_all(recipe: TranslationRecipe, say: Say) -> tuple[dict[str, list[SentencePair]], dict[str, dict[str, int]]]:
    """Read every split, and tell the problems of all of them at once; train and dev are filtered.

    Texts are brought into the recipe's form, so that what looks the same is counted as the same, and as long.
    """
    data, normalise = recipe.data, normalisation_of(recipe)
    splits: dict[str, list[SentencePair]] = {}
    dropped: dict[str, dict[str, int]] = {}
    wrong: list[CorpusError] = []
    for name, files in recipe.corpora().items():
        say(f"reading {name}: {' and '.join(one for one in (files.source, files.target, files.pairs) if one)}")
        try:
            pairs, dropped[name] = read_parallel(
                source=files.source,
                target=files.target,
                pairs=files.pairs,
                format=data.format,
                split=getattr(data.splits, name),
                config=data.config,
                source_field=data.source_field,
                target_field=data.target_field,
                empty=data.empty,
            )
            splits[name] = [SentencePair(normalise(one.source), normalise(one.target), one.place) for one in pairs]
        except CorpusError as error:
            wrong.append(error)
    if wrong:
        raise CorpusError([p for error in wrong for p in error.problems], sum(error.omitted for error in wrong))
    problems = Problems()
    for name, ratio in (("train", data.ratio), ("dev", None)):
        kept, left_out = filter_pairs(splits[name], data.longest_words, data.longest_characters, ratio)
        dropped[name] = {**dropped[name], **left_out}
        if not kept:
            message = "expected pairs, received none that data.longest_words, longest_characters and ratio leave"
            problems.add(splits[name][0].place, message)
        splits[name] = kept
    problems.raise_if_any()
    return splits, dropped


def _unknown(recipe: TranslationRecipe, splits: dict[str, list[SentencePair]], say: Say) -> dict[str, Any]:
    """Return what the subwords of the train split will not know of each split, and refuse a script unknown throughout.

    Raises:
        CorpusError: where no character of a side of a split is known.
    """
    say("learning subwords")
    source, target = train_tokenizers(recipe, splits["train"])
    normalise = normalisation_of(recipe)
    told: dict[str, Any] = {}
    problems = Problems()
    sides: dict[str, TrainedTokenizer | None] = {"source": source, "target": target}
    for name, pairs in splits.items():
        told[name] = {}
        for side, tokenizer in sides.items():
            if tokenizer is None:
                continue
            texts = [normalise(getattr(pair, side)) for pair in pairs]
            ids = tokenizer.encode(texts)
            characters = tokenizer.unknown_characters(texts)
            count = sum(one == UNKNOWN_ID for of_text in ids for one in of_text)
            if count and not any(map(tokenizer.knows_any, ids)):
                message = f"expected a {side} in characters of the train corpus, received none that it holds"
                problems.add(pairs[0].place, message)
            commonest = [character for character, _ in characters.most_common(SHOWN_CHARACTERS)]
            told[name][side] = {"subwords": count, "characters": sum(characters.values()), "commonest": commonest}
    problems.raise_if_any()
    return told
