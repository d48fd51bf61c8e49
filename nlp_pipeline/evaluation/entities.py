"""Scores of entities, by seqeval."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from nlp_pipeline.text.schemes import Scheme, entities_from_tags
from nlp_pipeline.text.sentence import Sentence

Tags = Sequence[str]


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 as fractions, over `gold` entities of the corpus and `predicted` ones."""

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int | None = None

    def to_json(self) -> dict[str, float | int]:
        """Return the score as JSON has it."""
        told: dict[str, float | int] = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        told["gold"] = self.gold
        if self.predicted is not None:
            told["predicted"] = self.predicted
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Score:
        """Return the score that `to_json` told."""
        return cls(told["precision"], told["recall"], told["f1"], told["gold"], told.get("predicted"))


@dataclass(frozen=True)
class Recall:
    """The share of `gold` entities that were found."""

    recall: float
    gold: int

    def to_json(self) -> dict[str, float | int | None]:
        """Return the recall as JSON has it: none of no entities."""
        return {"recall": self.recall if self.gold else None, "gold": self.gold}

    @classmethod
    def from_json(cls, told: Mapping[str, Any] | None) -> Recall | None:
        """Return the recall that `to_json` told."""
        return None if told is None else cls(told["recall"] or 0.0, told["gold"])


@dataclass(frozen=True)
class EntityScores:
    """What a tagger is worth on a corpus.

    Attributes:
        conlleval: micro average in seqeval's default mode, which counts as the CoNLL-2000 script does.
        strict: micro average in seqeval's strict mode for IOB2: a tag sequence that the scheme forbids gives no entity.
        macro: the mean over types, in the default mode.
        types: each type by itself, in the default mode.
        unseen: recall of gold entities whose words and type the training corpus does not hold; None where that is not
            known.
        seen: likewise of those that it holds.
        accuracy: the share of words with the right tag.
        words: how many words there are.
        sentences: how many sentences there are.
    """

    conlleval: Score
    strict: Score
    macro: Score
    types: dict[str, Score]
    accuracy: float
    words: int
    sentences: int
    unseen: Recall | None = None
    seen: Recall | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the scores as one JSON object: `conlleval.f1`, `strict.f1`, `types.PER.f1` and so on, fractions."""
        told: dict[str, Any] = {
            "conlleval": self.conlleval.to_json(),
            "strict": self.strict.to_json(),
            "macro": self.macro.to_json(),
            "types": {name: score.to_json() for name, score in self.types.items()},
            "accuracy": self.accuracy,
            "words": self.words,
            "sentences": self.sentences,
            "scheme": "IOB2",
        }
        for name in ("seen", "unseen"):
            if (recall := getattr(self, name)) is not None:
                told[name] = recall.to_json()
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> EntityScores:
        """Return the scores that `to_json` told.

        Raises:
            KeyError, TypeError: for anything else.
        """
        return cls(
            Score.from_json(told["conlleval"]),
            Score.from_json(told["strict"]),
            Score.from_json(told["macro"]),
            {name: Score.from_json(score) for name, score in told["types"].items()},
            told["accuracy"],
            told["words"],
            told["sentences"],
            Recall.from_json(told.get("unseen")),
            Recall.from_json(told.get("seen")),
        )


def entity_digest(words: Sequence[str], entity_type: str) -> str:
    """Return 16 hexadecimal digits that stand for an entity: a bundle tells known ones without holding the corpus."""
    return hashlib.sha256("\x1f".join((entity_type, *words)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def known_entities_of(sentences: Sequence[Sentence]) -> set[str]:
    """Return the digests of the entities of a corpus."""
    return {
        entity_digest(sentence.words[entity.start : entity.end], entity.entity_type)
        for sentence in sentences
        for entity in sentence.entities
    }


def f1_of(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    """Return `f1`, and `f1/TYPE` for each type, in seqeval's default mode: what a run needs after each epoch."""
    scores = _report(gold, predicted)
    averages = {"micro avg", "macro avg", "weighted avg"}
    told = {"f1": scores["micro avg"]["f1-score"]} if "micro avg" in scores else {"f1": 0.0}
    told.update({f"f1/{name}": score["f1-score"] for name, score in scores.items() if name not in averages})
    return told


def score_entities(
    gold: Sequence[Tags],
    predicted: Sequence[Tags],
    words: Sequence[Sequence[str]],
    known_entities: Set[str] | None = None,
) -> EntityScores:
    """Score predicted tags against gold ones.

    Args:
        gold: tags of each sentence in IOB2.
        predicted: tags of each sentence in IOB2, of the same lengths.
        words: the words of each sentence.
        known_entities: the training corpus's entities, as `known_entities_of` gives them.

    Raises:
        ValueError: where the lengths differ.
    """
    for number, (one, other, spoken) in enumerate(zip(gold, predicted, words, strict=True)):
        if not len(one) == len(other) == len(spoken):
            raise ValueError(
                f"expected as many tags as words in sentence {number}. "
                f"Received: {len(one)} gold, {len(other)} predicted, {len(spoken)} words"
            )
    default = _report(gold, predicted)
    strict = _report(gold, predicted, strict=True)
    of_gold = [entities_from_tags(tags, Scheme.IOB2) for tags in gold]
    of_predicted = [entities_from_tags(tags, Scheme.IOB2) for tags in predicted]
    predicted_of_type = Counter(entity.entity_type for entities in of_predicted for entity in entities)

    def taken(report: dict[str, Any], name: str, count: int | None) -> Score:
        score = report.get(name)
        if score is None:
            return Score(0.0, 0.0, 0.0, 0, count)
        return Score(
            float(score["precision"]), float(score["recall"]), float(score["f1-score"]), int(score["support"]), count
        )

    averages = {"micro avg", "macro avg", "weighted avg"}
    total = sum(predicted_of_type.values())
    seen = unseen = None
    if known_entities is not None:
        found: Counter[bool] = Counter()
        there: Counter[bool] = Counter()
        for spoken, golden, guessed in zip(words, of_gold, of_predicted, strict=True):
            hits = set(guessed)
            for entity in golden:
                known = entity_digest(spoken[entity.start : entity.end], entity.entity_type) in known_entities
                there[known] += 1
                found[known] += entity in hits
        seen, unseen = (
            Recall(found[known] / there[known] if there[known] else 0.0, there[known]) for known in (True, False)
        )
    count = sum(map(len, gold))
    right = sum(a == b for one, other in zip(gold, predicted, strict=True) for a, b in zip(one, other, strict=True))
    return EntityScores(
        conlleval=taken(default, "micro avg", total),
        strict=taken(strict, "micro avg", total),
        macro=taken(default, "macro avg", total),
        types={name: taken(default, name, predicted_of_type[name]) for name in default if name not in averages},
        accuracy=right / count if count else 0.0,
        words=count,
        sentences=len(gold),
        seen=seen,
        unseen=unseen,
    )


def _report(gold: Sequence[Tags], predicted: Sequence[Tags], strict: bool = False) -> dict[str, Any]:
    """Return seqeval's report. Without any entity on either side there is nothing to divide: an empty report."""
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    if all(tag == "O" for tags in (*gold, *predicted) for tag in tags):
        return {}
    settings: dict[str, Any] = {"mode": "strict", "scheme": IOB2} if strict else {}
    report: dict[str, Any] = classification_report(
        [list(tags) for tags in gold],
        [list(tags) for tags in predicted],
        output_dict=True,
        zero_division=0,
        **settings,
    )
    return report
