"""Records through a translator, and its translations as text, JSON lines and Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from nlp_pipeline.corpora.records import InputRecord, Rejected
from nlp_pipeline.serving.forms import Form, json_line, results_of, with_others
from nlp_pipeline.serving.parquet_form import ParquetForm
from nlp_pipeline.serving.translator import LOOK_AHEAD, LOOK_AHEAD_CHARACTERS, LoadedTranslator, Translation
from nlp_pipeline.serving.windows import Limits
from nlp_pipeline.serving.work import Begun, Processed

TRANSLATING_LIMITS = Limits(size=LOOK_AHEAD_CHARACTERS, records=LOOK_AHEAD)

_NAMES = ("text", "translation", "score", "alignment", "n_best")
"""The keys and columns that are ours."""

_LINE_END = re.compile("[\r\n]+")

Pharaoh = Callable[[Sequence[NDArray[Any]]], str]
"""Makes links of the attention weights of a text's parts, such as `0-0 1-2`."""


@dataclass(frozen=True, slots=True)
class TranslatedRecord:
    """A record and its translations."""

    record: InputRecord
    translation: Translation

    def to_json(self, pharaoh: Pharaoh) -> dict[str, Any]:
        """Return the record as JSON lines have it: `text`, `translation` and `score`; `n_best` where there are several.

        Where the decoder has attention, each translation has its `alignment` in Pharaoh's format.
        """
        told = [
            {"translation": one.text, "score": round(one.score, 4)}
            | ({} if one.weights is None else {"alignment": pharaoh(one.weights)})
            for one in self.translation.hypotheses
        ]
        others = {"n_best": told} if len(told) > 1 else {}
        own = {"text": self.translation.source, **told[0], **others}
        return with_others(own, self.record.fields, _NAMES)


class TranslatingWorker:
    """Translates records.

    Args:
        translator: does it.
        n_best: how many translations of each.
        settings: of the search, in the place of the recipe's.
    """

    def __init__(self, translator: LoadedTranslator, n_best: int = 1, **settings: Any) -> None:
        self._translator = translator
        self._n_best = n_best
        self._settings = settings

    @property
    def precision(self) -> str:
        """In which the translator computes."""
        return self._translator.bundle.recipe.training.precision

    def begin(self, records: Sequence[InputRecord], name: str) -> Begun:
        """Begin to make the `TranslatedRecord` of each record.

        Counted are `words` of the source, and `in_parts`: what was translated in several parts. What the vocabulary
        knows nothing of is told.
        """
        begun = self._translator.begin([one.text or "" for one in records], self._n_best, **self._settings)

        def end() -> Processed:
            results = [TranslatedRecord(record, one) for record, one in zip(records, begun.results, strict=True)]
            words = sum(len((record.text or "").split()) for record in records)
            in_parts = sum(one.translation.parts > 1 for one in results)
            message = "expected text that the bundle knows, received none: left as it is"
            notes = [
                f"{name}:{one.record.line}: {message}"
                for one in results
                if one.translation.parts and one.translation.unknown == one.translation.parts
            ]
            return Processed(results, {"words": words, "in_parts": in_parts}, notes)

        return Begun(end, begun.cancel)


class TranslatedTextForm(Form):
    """A line for each line: empty for an empty one, and for one that was rejected, so that none is shifted.

    With several translations of each, a line for each of them, as Moses has it: `number ||| translation ||| score`.

    Args:
        n_best: how many there are of each, at the most.
        pharaoh: makes links; None where no alignments are written.
    """

    name = "text"

    def __init__(self, n_best: int = 1, pharaoh: Pharaoh | None = None) -> None:
        self._n_best = n_best
        self._pharaoh = pharaoh
        self.suffixes = (".txt",) if pharaoh is None else (".txt", ".align")

    def encode(self, entries: Sequence[TranslatedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return the lines of each record, and those of its alignments."""
        lines: list[str] = []
        links: list[str] = []
        for entry in entries:
            if isinstance(entry, Rejected):
                if self._n_best == 1 and not entry.is_rest:
                    lines.append("")
                    links.append("")
                continue
            for one in entry.translation.hypotheses:
                # What ends a line in a translation, since it did in training, would shift all that follow.
                text = _LINE_END.sub(" ", one.text)
                # By the line of the input, from 0.
                number = entry.record.line - 1
                lines.append(text if self._n_best == 1 else f"{number} ||| {text} ||| {one.score:.4f}")
                if self._pharaoh is not None:
                    links.append(self._pharaoh(one.weights or ()))
        files = (lines,) if self._pharaoh is None else (lines, links)
        return tuple("".join(f"{line}\n" for line in file).encode("utf-8") for file in files)


class TranslatedJsonForm(Form):
    """A JSON object a record, with the other fields that it came with.

    Args:
        pharaoh: makes links of attention weights.
    """

    name = "jsonl"
    suffixes = (".jsonl",)

    def __init__(self, pharaoh: Pharaoh) -> None:
        self._pharaoh = pharaoh

    def encode(self, entries: Sequence[TranslatedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return a line for each record."""
        return (b"".join(json_line(one.to_json(self._pharaoh)) for one in results_of(entries)),)


class TranslatedParquetForm(ParquetForm):
    """A row a record, with the other fields that it came with.

    Args:
        pharaoh: makes links of attention weights.
    """

    def __init__(self, pharaoh: Pharaoh) -> None:
        self._pharaoh = pharaoh

    def own_columns(self) -> Any:
        """Return the columns `text`, `translation`, `score`, `alignment` and `n_best`."""
        import pyarrow as pa

        one = {"translation": pa.string(), "score": pa.float64(), "alignment": pa.string()}
        return pa.schema({"text": pa.string(), **one, "n_best": pa.list_(pa.struct(one))})

    def row_of(self, result: TranslatedRecord) -> dict[str, Any]:
        """Return a record as a row."""
        return result.to_json(self._pharaoh)
