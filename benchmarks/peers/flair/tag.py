"""Flair tags a corpus: the equal model (a BiLSTM of 256 units a direction and a CRF on the encoder), by `predict`.

Settings: `encoder`, its folder; `layers`, as `-1,-2,-3,-4`; `tags`; `corpus`, CoNLL with the word in the first column;
`output`; where it is not Flair's or torch's own choice, `batch_size` and `threads`; and `order`.

What Flair is given, so that it is at its best:

- its encoder's vectors go to the BiLSTM as they are (`reproject_embeddings=False`): its own choice, one more product of
  matrices a word, is not in the equal model;
- `predict` sorts sentences by their words, and a URL among them is 50 subwords, to which a whole batch is padded. So
  they are sorted here by their characters, and it is given a batch at a time. It also clears the vectors of all it was
  given after every batch, which takes time that grows with the square of the corpus. With `order` set to `flair`, it
  is given the corpus at once, and does as it does;
- where it may get sentences of more than the encoder's 512 subwords (`allow_long_sentences`, its own choice), it copies
  every batch to that length, which more than doubles the time that training takes. It may where the corpus has some;
- tags are asked for as tags (`force_token_predictions`): spans would have to be taken apart again;
- random weights would tag most words as entities, and each label costs time, so O is favoured: a trained tagger finds
  few.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

# At the end: a peer's folder here must not hide the package it is called after.
sys.path.append(str(Path(__file__).resolve().parent.parent))
from turns import settings, take_turns

SEED = 1
TAGS = "ner"
UNITS = 256
BATCH_SIZE = 32
# What O is favoured by, among random emissions and transitions.
FAVOURED = 4.0


def rows(lines: Iterable[str]) -> Iterator[list[list[str]]]:
    """Yield the sentences of a CoNLL file, each word as its columns."""
    sentence: list[list[str]] = []
    for line in lines:
        # Not `split()`: a word may be a character that Python takes for white space.
        columns = re.split(r"[\t ]+", line.strip("\t\r\n "))
        if columns != [""]:
            sentence.append(columns)
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def characters(sentence: Iterable[Any]) -> int:
    """Return about how long a sentence of Flair's is as subwords, for sorting."""
    return sum(len(token.text) for token in sentence)


def any_is_long(encoder: str, corpus: Path) -> bool:
    """Tell whether a sentence has more subwords than the encoder takes at once."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    with corpus.open(encoding="utf-8", newline="\n") as lines:
        sentences = [[columns[0] for columns in sentence] for sentence in rows(lines)]
    subwords = tokenizer(sentences, is_split_into_words=True, verbose=False)["input_ids"]
    return bool(max(map(len, subwords), default=0) > tokenizer.model_max_length)


def versions() -> dict[str, str]:
    """Return what Flair's speed depends on."""
    import flair
    import torch
    import transformers

    return {"flair": flair.__version__, "torch": torch.__version__, "transformers": transformers.__version__}


def tagger(given: Mapping[str, Any], tags: Iterable[str], finetune: bool) -> Any:
    """Return the equal model, with random weights above the encoder."""
    import flair
    import torch
    from flair.data import Dictionary
    from flair.embeddings import TransformerWordEmbeddings
    from flair.models import SequenceTagger

    if "threads" in given:
        torch.set_num_threads(given["threads"])
    flair.set_seed(SEED)
    dictionary = Dictionary(add_unk=False)
    for tag in tags:
        dictionary.add_item(tag)
    embeddings = TransformerWordEmbeddings(
        given["encoder"],
        layers=given["layers"],
        layer_mean=False,
        subtoken_pooling="first",
        fine_tune=finetune,
        allow_long_sentences=any_is_long(given["encoder"], Path(given["corpus"])),
        use_context_separator=False,  # a row of the encoder's vectors that is not used without context
    )
    return SequenceTagger(
        embeddings, dictionary, TAGS, tag_format="BIO", hidden_size=UNITS, use_crf=True, reproject_embeddings=False
    )


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the tagger, and return what tags the corpus once."""
    given = settings()
    import torch
    from flair.data import Sentence

    batch_size = given.get("batch_size", BATCH_SIZE)
    as_it_is = given.get("order", "characters") == "flair"
    model = tagger(given, given["tags"], finetune=False)
    with torch.no_grad():
        model.linear.bias[model.label_dictionary.get_idx_for_item("O")] += FAVOURED
    model.eval()  # `predict` does not see to it

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        with Path(given["corpus"]).open(encoding="utf-8", newline="\n") as corpus:
            sentences = [Sentence([columns[0] for columns in sentence]) for sentence in rows(corpus)]
        at_once = len(sentences) if as_it_is else batch_size
        ordered = sentences if as_it_is else sorted(sentences, key=characters)
        with torch.inference_mode():
            for start in range(0, len(ordered), at_once):
                batch = ordered[start : start + at_once]
                model.predict(batch, mini_batch_size=batch_size, force_token_predictions=True)
        with Path(given["output"]).open("w", encoding="utf-8", newline="\n") as output:
            for sentence in sentences:
                for token in sentence:
                    output.write(f"{token.text}\t{token.get_label(TAGS, 'O').value}\n")
                output.write("\n")
        return {"seconds": time.perf_counter() - started, "units": sum(map(len, sentences))}

    return turn, {"versions": versions(), "threads": torch.get_num_threads()}


if __name__ == "__main__":
    take_turns(begin)
