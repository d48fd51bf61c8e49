"""Corpora by `datasets`: from a hub, from local Parquet, and as the Arrow that `prepare` keeps."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar

from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.tags import in_iob2, places_of_words
from nlp_pipeline.errors import CorpusError, Problem, Problems
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

HUB_PREFIX = "hub:"
_Kept = TypeVar("_Kept")
_SPLIT_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
# What one file of several has behind the split's name: `-00000-of-00002`, perhaps with a digest, or `_0`.
_SHARD = re.compile(r"[-._][0-9]+(?:-of-[0-9]+(?:-[0-9a-f]{16})?)?")


def read_dataset(
    source: str,
    problems: Problems,
    *,
    split: str,
    config: str | None = None,
    words: str = "tokens",
    tags: str = "ner_tags",
    scheme: Scheme | Literal["auto"] = "auto",
) -> Iterator[Sentence]:
    """Yield the labelled sentences of a dataset.

    Args:
        source: `hub:owner/name`, a Parquet file, or a folder with Parquet files, each named after its split
            (`train.parquet`, `train-00000-of-00002.parquet`, `train_0.parquet`) or in a folder called like it.
        problems: takes what is wrong.
        split: the split's name. `validation` may also be written `valid`, `val` or `dev`: the first that is there.
        config: the configuration of a dataset on the hub; of a folder, the sub-folder that alone is read.
        words: the column of the words, a list of strings.
        tags: the column of the tags: strings, or integers of a ClassLabel that names them.
        scheme: how tags are written.

    Raises:
        CorpusError: where the dataset is not to be had, or lacks a column.
    """
    with _loaded(source, split, config) as dataset:
        names = _tag_names(dataset.features, source, words, tags)
        held: list[tuple[tuple[str, ...], tuple[str, ...], str]] = []
        for number, row in enumerate(dataset.select_columns([words, tags])):
            place = f"{name_of(source)}:{split}:{number}"
            spoken, given = row[words], row[tags]
            if not spoken or not all(isinstance(word, str) and word for word in spoken):
                problems.add(place, "expected words that are strings, none of them empty, received others")
            elif given is None or len(given) != len(spoken):
                problems.add(place, f"expected {len(spoken)} tags, one a word, received {len(given or ())}")
            elif None in given:
                problems.add(place, f"expected {len(spoken)} tags, received null as number {given.index(None)}")
            elif names is not None and not all(0 <= tag < len(names) for tag in given):
                problems.add(place, f"expected tags from 0 to {len(names) - 1}, received others")
            else:
                tags_of_row = given if names is None else [names[tag] for tag in given]
                held.append((tuple(spoken), tuple(tags_of_row), place))
        if not held and not problems.count:
            problems.add(f"{source}:{split}", "expected sentences, received none")
    places = (places_of_words(place, spoken) for spoken, _, place in held)
    converted = in_iob2([given for _, given, _ in held], places, scheme, problems)
    for (spoken, _, place), in_scheme in zip(held, converted, strict=True):
        if in_scheme is not None:
            yield Sentence(spoken, in_scheme, place=place)


def read_dataset_pairs(
    source: str,
    problems: Problems,
    *,
    split: str,
    config: str | None = None,
    source_field: str = "source",
    target_field: str = "target",
) -> Iterator[SentencePair]:
    """Yield the sentence pairs of a dataset, also those of which a side is empty.

    Args:
        source: as for `read_dataset`.
        problems: takes what is wrong.
        split: the split's name.
        config: as for `read_dataset`.
        source_field: the column of the source, of strings; `translation.en` for `en` in a column of translations.
        target_field: the column of the target.

    Raises:
        CorpusError: where the dataset is not to be had, or lacks a column.
    """
    with _loaded(source, split, config) as dataset:
        named = {"data.source_field": source_field, "data.target_field": target_field}
        paths = [_text_column(dataset.features, source, field, setting) for setting, field in named.items()]
        empty = True
        for number, row in enumerate(dataset.select_columns(sorted({path[0] for path in paths}))):
            empty = False
            place = f"{name_of(source)}:{split}:{number}"
            texts = [_within(row, path) for path in paths]
            if None in texts:
                field = (source_field, target_field)[texts.index(None)]
                problems.add(place, f"expected '{field}' to be a string, received null")
            else:
                yield SentencePair(texts[0] or "", texts[1] or "", place)
        if empty:
            problems.add(f"{source}:{split}", "expected sentence pairs, received none")


def _text_column(features: Any, source: str, field: str, setting: str) -> list[str]:
    """Return the keys that lead to a column of strings, which may be one within another.

    Raises:
        CorpusError: where there is none.
    """
    import datasets

    path = [field] if field in features else field.split(".")
    found = features
    for key in path:
        if isinstance(found, datasets.Translation):
            found = dict.fromkeys(found.languages, datasets.Value("string"))
        if not isinstance(found, dict) or key not in found:
            received = ", ".join(map(repr, found)) if isinstance(found, dict) else str(found)
            message = f"expected a column '{field}' ({setting}), received {received}"
            raise CorpusError([Problem(source, message)])
        found = found[key]
    if not isinstance(found, datasets.Value) or found.dtype not in ("string", "large_string"):
        raise CorpusError([Problem(source, f"expected '{field}' to be strings, received {found}")])
    return path


def _within(row: Any, path: Sequence[str]) -> str | None:
    """Return the text that keys lead to, None where there is none."""
    for key in path:
        row = None if row is None else row.get(key)
    text: str | None = row
    return text


@contextmanager
def _loaded(source: str, split: str, config: str | None) -> Iterator[Any]:
    """Give a split of a dataset. Caches of local files go into a folder that is removed again."""
    import datasets

    with _quiet(), tempfile.TemporaryDirectory(prefix="nlp-pipeline-") as cache:
        try:
            if source.startswith(HUB_PREFIX):
                yield datasets.load_dataset(source.removeprefix(HUB_PREFIX), config, split=split)
                return
            files = _parquet_files(Path(source), split, config)
            yield datasets.load_dataset("parquet", data_files=list(map(str, files)), split="train", cache_dir=cache)
        except CorpusError:
            raise
        except Exception as error:  # a hub, a proxy, Arrow and fsspec answer with classes of their own
            reason = " ".join(str(error).split())[:300]
            message = f"expected a dataset with a split '{split}', received: {reason}"
            raise CorpusError([Problem(source, message)]) from None


@contextmanager
def _quiet() -> Iterator[None]:
    import datasets

    shown = datasets.utils.logging.is_progress_bar_enabled()
    verbosity = datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what goes wrong is raised, and told once
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        hub.setLevel(level)
        datasets.logging.set_verbosity(verbosity)
        if shown:
            datasets.enable_progress_bars()


def _parquet_files(path: Path, split: str, config: str | None) -> list[Path]:
    """Return the Parquet files of a split, of a configuration where one is given."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CorpusError([Problem(str(path), "expected a folder or file of Parquet, received nothing")])
    files = sorted(file.relative_to(path) for file in path.rglob("*.parquet"))
    if config is not None:
        folders = sorted({folder for file in files for folder in file.parts[:-1]})
        if config not in folders:
            received = ", ".join(folders[:5]) or "no folder with Parquet files"
            raise CorpusError([Problem(str(path), f"expected a folder '{config}' (data.config), received {received}")])
        files = [file for file in files if config in file.parts[:-1]]
    names = _SPLIT_NAMES.get(split, (split,))
    # The longest first: a split may be called `train-0`, like a part of `train`.
    known = sorted({split, *chain(*_SPLIT_NAMES.values())}, key=len, reverse=True)
    named = [(file, _split_named(file, known)) for file in files]
    for name in names:
        if found := [path / file for file, of_file in named if of_file == name]:
            return found
    received = ", ".join(file.as_posix() for file in files[:5]) or "no Parquet file at all"
    raise CorpusError([Problem(str(path), f"expected Parquet files of the split '{split}', received {received}")])


def _split_named(file: Path, known: Sequence[str]) -> str | None:
    """Return the split that a file's own name says, or else that of the nearest folder that says one.

    Args:
        file: relative to the dataset's folder.
        known: what splits are called, in the order in which the names are tried.
    """
    for name in known:
        if file.stem == name or (file.stem.startswith(name) and _SHARD.fullmatch(file.stem, len(name))):
            return name
    return next((folder for folder in reversed(file.parts[:-1]) if folder in known), None)


def _tag_names(features: Any, source: str, words: str, tags: str) -> list[str] | None:
    """Return the names of integer tags; None where tags are strings.

    Raises:
        CorpusError: where a column is missing, or holds something else.
    """
    import datasets

    for column, setting in ((words, "data.words"), (tags, "data.tags")):
        if column not in features:
            message = f"expected a column '{column}' ({setting}), received {', '.join(map(repr, features))}"
            raise CorpusError([Problem(source, message)])
    if getattr(features[words], "feature", None) is None:
        message = f"expected '{words}' to be lists of strings, received {features[words]}"
        raise CorpusError([Problem(source, message)])
    inner = getattr(features[tags], "feature", None)
    if isinstance(inner, datasets.ClassLabel):
        return list(inner.names)
    if isinstance(inner, datasets.Value) and inner.dtype in ("string", "large_string"):
        return None
    message = f"expected '{tags}' to be lists of strings or of a ClassLabel, received {features[tags]}"
    hint = "; write the tags' names into the Parquet's metadata, or tags as strings"
    raise CorpusError([Problem(source, message + hint)])


def write_arrow(folder: Path, sentences: Sequence[Sentence]) -> None:
    """Keep labelled sentences as Arrow in a new folder."""
    import datasets

    columns: dict[str, list[Any]] = {
        "words": [list(sentence.words) for sentence in sentences],
        "tags": [list(sentence.tags or ()) for sentence in sentences],
        "document": [sentence.document for sentence in sentences],
        "place": [sentence.place for sentence in sentences],
    }
    with _quiet():
        datasets.Dataset.from_dict(columns).save_to_disk(str(folder))


def read_arrow(folder: Path) -> list[Sentence]:
    """Return the sentences that `write_arrow` kept.

    Raises:
        CorpusError: where the folder holds something else.
    """

    def sentence(words: list[str], tags: list[str], document: int, place: str) -> Sentence:
        return Sentence(tuple(words), tuple(tags), document=document, place=place)

    return _from_arrow(folder, ("words", "tags", "document", "place"), sentence)


def write_pairs(folder: Path, pairs: Sequence[SentencePair]) -> None:
    """Keep sentence pairs as Arrow in a new folder."""
    import datasets

    columns = {name: [getattr(pair, name) for pair in pairs] for name in ("source", "target", "place")}
    with _quiet():
        datasets.Dataset.from_dict(columns).save_to_disk(str(folder))


def read_pairs(folder: Path) -> list[SentencePair]:
    """Return the pairs that `write_pairs` kept.

    Raises:
        CorpusError: where the folder holds something else.
    """
    return _from_arrow(folder, ("source", "target", "place"), SentencePair)


def _from_arrow(folder: Path, names: Sequence[str], make: Callable[..., _Kept]) -> list[_Kept]:
    """Return what `make` makes of the rows of a prepared corpus, given their columns in the order of the names.

    Raises:
        CorpusError: where the folder holds something else.
    """
    import datasets

    try:
        with _quiet():
            columns = datasets.load_from_disk(str(folder)).to_dict()
        return [make(*row) for row in zip(*(columns[name] for name in names), strict=True)]
    except Exception as error:  # Arrow and fsspec answer with classes of their own
        reason = " ".join(str(error).split())[:200]
        raise CorpusError([Problem(str(folder), f"expected a prepared corpus, received: {reason}")]) from None
