"""A SavedModel is held against the bundle that it was made from, tag by tag and translation by translation."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nlp_pipeline.errors import ExportError, Problem
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.tagging import EncodedSentence, TaggingInputs
from nlp_pipeline.inputs.translation import EncodedSource, TranslationInputs
from nlp_pipeline.serving import fresh_process
from nlp_pipeline.serving.saved_model import SIGNATURES
from nlp_pipeline.serving.tagger import LoadedTagger, sentences_of
from nlp_pipeline.serving.translator import LoadedTranslator
from nlp_pipeline.text.sentence import Sentence

AT_ONCE = 4096
"""The greatest size of a request: words or characters of its texts, padding included."""

SHOWN = 5

SCORE_TOLERANCE = 1e-2
"""How far the score of the same translation may be from the bundle's, relative or in nats."""

TEXTS = (
    "Ana Reis flew from Lisbon to New York on Monday. She works for the U.N. there!",
    'Dr. Smith’s "résumé" costs $1,200.50 (or £1,000) … see https://example.org/a_(b)?c=d#e, or ask me@example.com',
    "MÜNCHEN, straße, ΣΊΣΥΦΟΣ, İstanbul, ǅungla, ﬁne, ½, º, Å, e\u0301",
    "東京都は日本の首都です。人口は多い。 한국어 العربية हिन्दी עברית ไทย",
    "👍🏽 👩‍👩‍👧 🇩🇪🇫🇷 ☺\ufe0f \ufe0f \u200d \u00ad\u200b\ufeff x\u0323\u0307y",
    "[SEP] [MASK] [UNK] ##ing ▁ # @user #tag <script>",
    "\x01\x1f\x7f\x85\u2028 tab\there\nnext line\r\nlast",
    "word " * 700,
    "x" * 3000,
    "",
    "   \u3000 ",
)
"""What is always asked for: several scripts, what normalisers change, what spells special tokens, long texts, none."""

Request = dict[str, Any]


@dataclass
class Checked:
    """What was compared.

    Attributes:
        texts: how many texts or sentences, counted for each signature.
        units: how many words of them, or how many translations.
        differing: for how many units the SavedModel gave something else.
        listed: the first texts for which it did.
    """

    texts: int = 0
    units: int = 0
    differing: int = 0
    listed: list[str] = field(default_factory=list)

    def compare(self, what: str, expected: Sequence[Any], received: Sequence[Any]) -> None:
        """Note one text, with what was expected and received for each of its units."""
        self.texts += 1
        self.units += len(expected)
        wrong = sum(one != other for one, other in zip(expected, received, strict=False))
        wrong += abs(len(expected) - len(received))
        self.differing += wrong
        if wrong and len(self.listed) < SHOWN:
            self.listed.append(f"{what[:60]!r}: expected {_short(expected)}, received {_short(received)}")

    def raise_if_any(self, folder: Path) -> None:
        """Raise an ExportError where something differs."""
        if self.differing:
            message = f"expected what the bundle gives, received something else for {self.differing} of {self.units}"
            raise ExportError([Problem(str(folder), message), *(Problem("", line) for line in self.listed)])


def check_tagger(tagger: LoadedTagger, kinds: Sequence[str], sentences: Sequence[Sentence], folder: Path) -> Checked:
    """Compare the tags of a SavedModel with the bundle's.

    Args:
        tagger: the bundle.
        kinds: what its signatures take. Sentences are given to each: as ids, as words, and as a text of their words.
        sentences: beside those of `TEXTS`.
        folder: the SavedModel's.

    Raises:
        ExportError: where the SavedModel cannot be run.
    """
    checked = Checked()
    asked = [*(sentence for text in TEXTS for sentence in sentences_of(text)), *sentences]
    inputs = tagger.bundle.inputs
    batches = batches_by_length([len(sentence.words) for sentence in asked], AT_ONCE, of_a_batch=AT_ONCE)
    requests: list[Request] = []
    if "words" in kinds:
        requests += [
            _request(SIGNATURES["words"], words=_padded([asked[one].words for one in batch], "")) for batch in batches
        ]
    if "ids" in kinds:
        encoded = inputs.encode([Sentence(sentence.words) for sentence in asked])
        requests += [
            _request(SIGNATURES["ids"], **_tagger_ids(inputs, [encoded[one] for one in batch])) for batch in batches
        ]
    own = [list(one.tags) for one in tagger.tag_stream(asked)]
    answers = _answers(folder, requests)
    for _ in {"words", "ids"} & set(kinds):
        for batch in batches:
            answer = next(answers)
            for row, number in enumerate(batch):
                tags = [tag for tag in answer["tags"][row] if tag]
                checked.compare(" ".join(asked[number].words), own[number], tags)
    if "text" in kinds:
        _check_texts(tagger, folder, [*TEXTS, *(" ".join(sentence.words) for sentence in sentences)], checked)
    return checked


def _check_texts(tagger: LoadedTagger, folder: Path, texts: Sequence[str], checked: Checked) -> None:
    """Compare words, tags and bytes of raw texts."""
    batches = _requests_of(texts)
    answers = _answers(folder, [_request(SIGNATURES["text"], text=[texts[one] for one in batch]) for batch in batches])
    sentences = [sentences_of(text) for text in texts]
    tagged = tagger.tag_stream(sentence for of_text in sentences for sentence in of_text)
    own = [[next(tagged) for _ in of_text] for of_text in sentences]
    for batch in batches:
        answer = next(answers)
        for row, number in enumerate(batch):
            text = texts[number]
            expected = []
            for one in own[number]:
                for word, tag, span in zip(one.sentence.words, one.tags, one.sentence.offsets or (), strict=True):
                    start = len(text[: span.start].encode())
                    expected.append([word, tag, start, start + len(word.encode())])
            columns = [answer[name][row] for name in ("words", "tags", "starts", "ends")]
            received = [list(unit) for unit in zip(*columns, strict=True) if unit[0]]
            checked.compare(text, expected, received)


def check_translator(translator: LoadedTranslator, kinds: Sequence[str], texts: Sequence[str], folder: Path) -> Checked:
    """Compare the translations and their scores with the bundle's, by the recipe's search; texts greedily, too.

    Args:
        translator: the bundle.
        kinds: what its signatures take. As ids, a text is asked for in one part; none of which nothing is known.
        texts: beside `TEXTS`.
        folder: the SavedModel's.

    Raises:
        ExportError: where the SavedModel cannot be run.
    """
    checked = Checked()
    asked = [*TEXTS, *texts]
    settings = translator.bundle.recipe.search
    search: dict[str, Any] = {"beam_size": settings.beam_size, "length_penalty": settings.length_penalty}
    if "text" in kinds:
        batches = _requests_of(asked)
        searches = [search] if search["beam_size"] == 1 else [search, {**search, "beam_size": 1}]
        answers = _answers(
            folder,
            [
                _request(SIGNATURES["translate"], text=[asked[one] for one in batch], **how)
                for how in searches
                for batch in batches
            ],
        )
        for how in searches:
            own = [one.hypotheses[0] for one in translator.translate_stream(asked, **how)]
            for batch in batches:
                answer = next(answers)
                for number, text, score in zip(batch, answer["text"], answer["score"], strict=True):
                    # The last digits of a score depend on which texts share a batch.
                    near = math.isclose(score, own[number].score, rel_tol=SCORE_TOLERANCE, abs_tol=SCORE_TOLERANCE)
                    received = [text, own[number].score if near else score]
                    checked.compare(asked[number], [[own[number].text, own[number].score]], [received])
    if "ids" in kinds:
        inputs = translator.bundle.inputs
        encoded = inputs.encode_sources([text for text in asked if len(text) < AT_ONCE and text.strip()])
        known = [source for source in encoded if inputs.knows(source)]
        batches = batches_by_length([source.cost for source in known], AT_ONCE, of_a_batch=AT_ONCE)
        sources = [[known[one] for one in batch] for batch in batches]
        requests = [_request(SIGNATURES["ids"], **_source_ids(inputs, batch), **search) for batch in sources]
        for of_batch, answer in zip(sources, _answers(folder, requests), strict=True):
            for row, ids in enumerate(translator.search_ids(of_batch)):
                received = answer["ids"][row][0][: answer["lengths"][row][0]]
                checked.compare(f"source {row} of {len(of_batch)}", [ids], [received])
    return checked


def _tagger_ids(inputs: TaggingInputs, sentences: Sequence[EncodedSentence]) -> dict[str, Any]:
    """Return what a tagger's signature takes for ids: each word's own, by its place."""
    batch = inputs.batch(sentences)
    given: dict[str, Any] = {"padding_mask": batch["padding_mask"].tolist()}
    for name in ("character_ids", "casing_ids", "word_ids"):
        if name in batch:
            given[name] = batch[name][batch["word_index"]].tolist()
    if inputs.tokenizer is not None:
        given["subword_ids"] = _padded_twice([sentence.subwords for sentence in sentences])
    return given


def _source_ids(inputs: TranslationInputs, sources: Sequence[EncodedSource]) -> dict[str, Any]:
    """Return what a translator's signature takes for ids."""
    batch = inputs.source_batch(sources)
    given: dict[str, Any] = {"source_mask": batch["source_mask"].tolist()}
    if inputs.bert_tokenizer is None:
        return {**given, "source_ids": batch["source_ids"].tolist()}
    return {**given, "subword_ids": _padded_twice([source.subwords for source in sources])}


def _padded(rows: Sequence[Sequence[Any]], filler: Any) -> list[list[Any]]:
    width = max(map(len, rows))
    return [[*row, *[filler] * (width - len(row))] for row in rows]


def _padded_twice(rows: Sequence[Sequence[Sequence[int]]]) -> Any:
    """Return rows of rows of ids as one array, padded with -1, as lists."""
    shape = (len(rows), max(map(len, rows)), max(len(inner) for row in rows for inner in row))
    padded = np.full(shape, -1, np.int32)
    for number, row in enumerate(rows):
        for place, inner in enumerate(row):
            padded[number, place, : len(inner)] = inner
    return padded.tolist()


def _request(signature: str, **inputs: Any) -> Request:
    return {"signature": signature, "inputs": inputs}


def _requests_of(texts: Sequence[str]) -> list[list[int]]:
    """Return which texts are asked about together."""
    return batches_by_length([max(1, len(text)) for text in texts], 8 * AT_ONCE, of_a_batch=8 * AT_ONCE)


def _answers(folder: Path, requests: Sequence[Request]) -> Iterator[dict[str, Any]]:
    """Yield what a process of its own, which has TensorFlow alone, gets from a SavedModel.

    Raises:
        ExportError: where it cannot be run.
    """
    if not requests:
        return
    with tempfile.TemporaryDirectory() as beside:
        asked, given = Path(beside, "requests.jsonl"), Path(beside, "answers.jsonl")
        asked.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
        command = [sys.executable, "-I", str(fresh_process.__file__), str(folder), str(asked), str(given)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
            raise ExportError([Problem(str(folder), f"expected a model that can be run, received: {reason[:300]}")])
        with given.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def _short(values: Sequence[Any]) -> str:
    shown = json.dumps(list(values), ensure_ascii=False)
    return shown if len(shown) <= 200 else shown[:197] + "..."
