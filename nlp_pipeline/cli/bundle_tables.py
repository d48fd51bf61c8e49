"""What a bundle is, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

from nlp_pipeline.cli.tables import shown, table
from nlp_pipeline.serving.precision import DEV_BFLOAT16, moves_little

_STRONGEST = 3
_NAMED = 6
_START, _END = "(start)", "(end)"


def bundle_tables(facts: Mapping[str, Any]) -> list[Table]:
    """Return what a bundle is, its layers, its transitions, and what it knows of a file where that was asked for."""
    metrics = facts["metrics"]
    trained = metrics.get("circumstances", {})
    about = {
        "name": facts["name"],
        "made by": f"nlp_pipeline {facts['package']}",
        **(_about_translator(facts) if facts["task"] == "translation" else _about_tagger(facts)),
        "precision": facts["precision"],
        "size": f"{facts['bytes'] / 1e6:,.1f} MB",
        "best epoch": f"{metrics['best_epoch']} of {metrics['epochs']}",
        "trained in": f"{metrics['seconds']:,.0f} s",
        **{f"trained {name}": trained[key] for name, key in _TRAINED.items() if key in trained},
    }
    found = [table("bundle", ["", ""], about.items(), numbers=False), _layers_table(facts)]
    if facts.get("transitions") is not None:
        found.append(_transitions_table(facts["transitions"]))
    if "coverage" in facts:
        found.append(_coverage_table(facts["coverage"]))
    return found


_TRAINED = {"on": "machine", "with": "versions", "until": "finished"}


def _layers_table(facts: Mapping[str, Any]) -> Table:
    """Return the layers of each part, with the part's sum where it has several."""
    rows = []
    layers: Sequence[Mapping[str, Any]] = facts["layers"]
    for part in facts["weights"]:
        own = [layer for layer in layers if layer["layer"].split("/")[0] == part]
        rows.append([part, _count(own), _size(own), _trained(own)])
        inner: dict[str, list[Mapping[str, Any]]] = {}
        for layer in own:
            inner.setdefault("/".join(layer["layer"].split("/")[1:2]), []).append(layer)
        if len(inner) > 1:
            rows += [[f"  {name or 'its own'}", _count(some), _size(some), ""] for name, some in inner.items()]
    rows.append(["all", _count(layers), _size(layers), _trained(layers)])
    return table("weights", ["part", "weights", "kB", "trained"], rows)


def _count(layers: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(layer['weights'] for layer in layers):,}"


def _size(layers: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(layer['bytes'] for layer in layers) / 1e3:,.1f}"


def _trained(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return how many weights were trained, in a word where that is all or none."""
    count, trained = (sum(layer[key] for layer in layers) for key in ("weights", "trained"))
    return "frozen" if not trained else "trained" if trained == count else f"{trained:,}"


def _transitions_table(learnt: Mapping[str, Any]) -> Table:
    """Return, for each tag, what follows it most readily, what least, and what may not."""
    tags = [*learnt["tags"], _END]
    rows = []
    before = zip([_START, *learnt["tags"]], [learnt["starts"], *learnt["scores"]], [None, *learnt["ends"]], strict=True)
    for tag, scores, end in before:
        after = dict(zip(tags, [*scores, end], strict=True))
        if tag == _START:
            del after[_END]  # there is no sentence without a word
        allowed = sorted(((score, name) for name, score in after.items() if score is not None), reverse=True)
        strongest = ", ".join(f"{name} {score:+.2f}" for score, name in allowed[:_STRONGEST])
        least = allowed[-1] if len(allowed) > _STRONGEST else None
        rows.append(
            [tag, strongest, "" if least is None else f"{least[1]} {least[0]:+.2f}", _forbidden(after)],
        )
    return table("transitions, in nats", ["after", "most readily", "least", "never"], rows, numbers=False)


def _forbidden(after: Mapping[str, float | None]) -> str:
    """Return the tags that may not follow, or all but those that may where those are fewer."""
    never = [name for name, score in after.items() if score is None]
    may = [name for name, score in after.items() if score is not None]
    if len(never) <= _NAMED:
        return ", ".join(never)
    if len(may) <= _NAMED:
        return f"all but {', '.join(may)}"
    return f"{len(never)} of {len(after)}: {', '.join(never[:_NAMED])}..."


def _coverage_table(coverage: Mapping[str, Any]) -> Table:
    """Return how much of a file is known."""
    rows = [["words", f"{coverage['words']:,}, {coverage['distinct']:,} of them different"]]
    if coverage["rejected"]:
        rows.append(["records that cannot be read", f"{coverage['rejected']:,}"])
    for name, what in (("vocabulary", "words"), ("characters", "characters")):
        if (shares := coverage[name]) is not None:
            rows.append(
                [
                    f"known {what}",
                    f"{_percent(shares['known'])}; {_percent(shares['known_distinct'])} of those that differ",
                ]
            )
            rows += _unknown(what, shares)
    if (subwords := coverage["subwords"]) is not None:
        longest, count = subwords["most"]
        rows += [
            ["subwords a word", f"{subwords['a_word']:.2f}"],
            ["words that are one subword", _percent(subwords["whole"])],
            ["the most subwords", f"{count:,}: {shown([longest])}"],
            ["words of known subwords", _percent(subwords["known"])],
            *_unknown("words with an unknown subword", subwords),
        ]
    return table(f"what it knows of {coverage['file']}", ["", ""], rows, numbers=False)


def _unknown(what: str, shares: Mapping[str, Any]) -> list[list[str]]:
    if not shares["unknown"]:
        return []
    name = what if " " in what else f"unknown {what}"
    return [[f"the commonest {name}", ", ".join(f"{shown([item])} ({count:,})" for item, count in shares["unknown"])]]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _in_bfloat16(
    metrics: Mapping[str, Any], name: str, score_of: Callable[[Mapping[str, Any]], float]
) -> dict[str, str]:
    """Return what the dev corpus scores in bfloat16, and whether `--precision auto` takes it; nothing if not known.

    It does so where the processor multiplies bfloat16, which another one than this may.
    """
    if DEV_BFLOAT16 not in metrics:
        return {}
    taken = "taken, where a processor has it," if moves_little(metrics) else "not taken"
    return {f"{name} in bfloat16": f"{100 * score_of(metrics[DEV_BFLOAT16]):.2f} ({taken} by --precision auto)"}


def _about_tagger(facts: Mapping[str, Any]) -> dict[str, str]:
    dev, test = facts["metrics"]["dev"], facts["test"]
    return {
        "entity types": ", ".join(facts["entity_types"]),
        "tags": f"{facts['scheme']}, {facts['decoder']['kind']}",
        "encoder": "none" if facts["encoder"] is None else facts["encoder"]["name"],
        "dev F1 (conlleval, micro)": f"{100 * dev['conlleval']['f1']:.2f}",
        "dev F1 (strict, IOB2, micro)": f"{100 * dev['strict']['f1']:.2f}",
        **_in_bfloat16(facts["metrics"], "dev F1 (conlleval, micro)", lambda scores: scores["conlleval"]["f1"]),
        **({} if test is None else {"test F1 (conlleval, micro)": f"{100 * test['conlleval']['f1']:.2f}"}),
    }


def _about_translator(facts: Mapping[str, Any]) -> dict[str, str]:
    encoder, decoder, dev = facts["encoder"], facts["decoder"], facts["metrics"]["dev"]
    test = facts["test"]
    attention = "none" if decoder["attention"] is None else decoder["attention"]["score"]
    return {
        "languages": " to ".join(language or "?" for language in facts["languages"]),
        "encoder": f"{encoder['layers']} x {encoder['units']} {encoder['cell']}",
        "decoder": f"{decoder['layers']} x {decoder['units']} {decoder['cell']}, attention: {attention}",
        "source vectors": "trained" if facts["bert"] is None else facts["bert"]["name"],
        "vocabularies": ", ".join(f"{size:,} ({side})" for side, size in facts["vocabularies"].items()),
        "dev BLEU (greedy, cased, 13a)": f"{100 * dev['bleu']:.2f}",
        **_in_bfloat16(facts["metrics"], "dev BLEU (greedy, cased, 13a)", lambda scores: scores["bleu"]),
        **({} if test is None else {"test BLEU (cased, 13a)": f"{test['bleu']['score']:.2f}"}),
    }
