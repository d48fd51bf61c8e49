"""A labelled corpus, whatever its format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from nlp_pipeline.corpora.conll import Separator, read_conll
from nlp_pipeline.corpora.hub import HUB_PREFIX, read_dataset
from nlp_pipeline.corpora.jsonl import read_jsonl
from nlp_pipeline.errors import Problems
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

Format = Literal["auto", "conll", "jsonl", "dataset"]


def read_corpus(
    source: str,
    *,
    format: Format = "auto",  # noqa: A002 - it is the recipe's word for it
    split: str = "test",
    word_column: int = 0,
    tag_column: int = -1,
    separator: Separator = "auto",
    scheme: Scheme | Literal["auto"] = "auto",
    config: str | None = None,
    words: str = "tokens",
    tags: str = "ner_tags",
) -> list[Sentence]:
    """Read a labelled corpus.

    Args:
        source: a file, a folder of Parquet files, or `hub:owner/name`.
        format: `conll`, `jsonl`, `dataset`, or `auto` for what the name says: `.jsonl` and `.json`; a folder,
            `.parquet` and `hub:`; anything else is CoNLL columns.
        split: of a dataset.
        word_column: of CoNLL, from 0, or from the end where negative.
        tag_column: of CoNLL likewise.
        separator: of CoNLL columns.
        scheme: how the tags are written.
        config: of a dataset on the hub; of a folder, its sub-folder.
        words: column of a dataset.
        tags: column of a dataset.

    Raises:
        CorpusError: with every problem of the file, the first 20 word for word.
    """
    problems = Problems()
    chosen = _format_of(source) if format == "auto" else format
    if chosen == "jsonl":
        sentences = list(read_jsonl(source, problems, scheme=scheme))
    elif chosen == "dataset":
        sentences = list(
            read_dataset(source, problems, split=split, config=config, words=words, tags=tags, scheme=scheme)
        )
    else:
        sentences = list(
            read_conll(
                source,
                problems,
                word_column=word_column,
                tag_column=tag_column,
                separator=separator,
                scheme=scheme,
            )
        )
    problems.raise_if_any()
    return sentences


def _format_of(source: str) -> Format:
    path = Path(source)
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix
    # os.path, since Path.is_dir() raises where a name is too long.
    if source.startswith(HUB_PREFIX) or suffix == ".parquet" or os.path.isdir(source):  # noqa: PTH112
        return "dataset"
    return "jsonl" if suffix in (".jsonl", ".json") else "conll"
