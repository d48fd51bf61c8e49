"""The `token-classification` pipeline of transformers tags a corpus: a BERT with a linear layer, no BiLSTM and no CRF.

It runs in Flair's environment, which holds transformers and torch: so there is no requirements.txt here.

Settings: `encoder`, its folder; `tags`; `corpus`, CoNLL with the word in the first column; `output`; `batch_size`; and
`threads`, where it is not torch's own choice.

The pipeline is given the words of a sentence with spaces between, and all sentences at once. It sorts nothing: a batch
is as long as the longest of the sentences that stand beside one another. It tags subwords (`aggregation_strategy` is
none, the fastest), and leaves out O; the output holds a sentence's entities as a line of JSON. Random weights would
tag most subwords as entities, so O is favoured: a trained model finds few.
"""

from __future__ import annotations

import json
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
# What O is favoured by, among random emissions.
FAVOURED = 1.0
# Subwords that the parts of a sentence too long for the encoder have in common.
STRIDE = 64


def words_of(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the sentences of a CoNLL file, as words."""
    sentence: list[str] = []
    for line in lines:
        # Not `split()`: a word may be a character that Python takes for white space.
        word = re.split(r"[\t ]", line.strip("\t\r\n "), maxsplit=1)[0]
        if word:
            sentence.append(word)
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the model, and return what tags the corpus once."""
    given = settings()
    import torch
    import transformers

    if "threads" in given:
        torch.set_num_threads(given["threads"])
    torch.manual_seed(SEED)
    tags = given["tags"]
    model = transformers.BertForTokenClassification.from_pretrained(
        given["encoder"], id2label=dict(enumerate(tags)), label2id={tag: tag_id for tag_id, tag in enumerate(tags)}
    )
    with torch.no_grad():
        model.classifier.bias[tags.index("O")] += FAVOURED
    pipe = transformers.pipeline(
        "token-classification",
        model=model.eval(),
        tokenizer=transformers.AutoTokenizer.from_pretrained(given["encoder"]),
        device="cpu",
        # A stride, so that nothing is cut off. It is refused beside `aggregation_strategy="none"`, but not beside none
        # named, which is the same.
        stride=STRIDE,
    )

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        with Path(given["corpus"]).open(encoding="utf-8", newline="\n") as corpus:
            sentences = list(words_of(corpus))
        found = pipe([" ".join(words) for words in sentences], batch_size=given["batch_size"])
        with Path(given["output"]).open("w", encoding="utf-8", newline="\n") as output:
            for entities in found:
                # Scores are NumPy's, which JSON does not know.
                output.write(json.dumps(entities, ensure_ascii=False, default=float) + "\n")
        return {"seconds": time.perf_counter() - started, "units": sum(map(len, sentences))}

    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    return turn, {"versions": versions, "threads": torch.get_num_threads()}


if __name__ == "__main__":
    take_turns(begin)
