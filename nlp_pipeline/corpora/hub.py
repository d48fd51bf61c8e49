"""Corpora by `datasets`: from a hub, from local Parquet, and as the Arrow that `prepare` keeps."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from nlp_pipeline.corpora.tags import in_iob2
from nlp_pipeline.errors import CorpusError, Problem, Problems
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

HUB_PREFIX = "hub:"
_SPLIT_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


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
        source: `hub:owner/name`, a Parquet file, or a folder with Parquet files, named after their split
            (`train*.parquet`, also in `data/` or in folders called like the split).
        problems: takes what is wrong.
        split: the split's name.
        config: the configuration of a dataset on the hub.
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
            place = f"{source}:{split}:{number}"
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
    places = [[place] * len(spoken) for spoken, _, place in held]
    converted = in_iob2([given for _, given, _ in held], places, scheme, problems)
    for (spoken, _, place), in_scheme in zip(held, converted, strict=True):
        if in_scheme is not None:
            yield Sentence(spoken, in_scheme, place=place)


@contextmanager
def _loaded(source: str, split: str, config: str | None) -> Iterator[Any]:
    """Give a split of a dataset. Caches of local files go into a folder that is removed again."""
    import datasets

    with _quiet(), tempfile.TemporaryDirectory(prefix="nlp-pipeline-") as cache:
        try:
            if source.startswith(HUB_PREFIX):
                yield datasets.load_dataset(source.removeprefix(HUB_PREFIX), config, split=split)
                return
            files = _parquet_files(Path(source), split)
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


def _parquet_files(path: Path, split: str) -> list[Path]:
    """Return the Parquet files of a split."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CorpusError([Problem(str(path), "expected a folder or file of Parquet, received nothing")])
    names = _SPLIT_NAMES.get(split, (split,))
    found = sorted(
        file
        for file in path.rglob("*.parquet")
        if any(part.startswith(names) for part in (file.name, *file.relative_to(path).parts[:-1]))
    )
    if not found:
        there = sorted(file.relative_to(path).as_posix() for file in path.rglob("*.parquet"))
        received = ", ".join(there[:5]) or "no Parquet file at all"
        message = f"expected Parquet files of the split '{split}', received {received}"
        raise CorpusError([Problem(str(path), message)])
    return found


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
    import datasets

    try:
        with _quiet():
            columns = datasets.load_from_disk(str(folder)).to_dict()
        rows = zip(columns["words"], columns["tags"], columns["document"], columns["place"], strict=True)
        return [Sentence(tuple(w), tuple(t), document=d, place=p) for w, t, d, p in rows]
    except Exception as error:  # Arrow and fsspec answer with classes of their own
        reason = " ".join(str(error).split())[:200]
        raise CorpusError([Problem(str(folder), f"expected a prepared corpus, received: {reason}")]) from None
