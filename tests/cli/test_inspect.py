"""`inspect`, `doctor` and `encoder list`: what is there."""

from __future__ import annotations

import io
import json
import platform
import re
from pathlib import Path

import pytest
import tensorflow as tf
from rich.console import Console
from safetensors.numpy import load_file

import nlp_pipeline
from nlp_pipeline.cli.bundle_tables import bundle_tables
from tests.cli.conftest import CommandLine

PARTS = {"words", "characters", "casing", "recurrent", "emission", "decoder"}


def _rows(shown: str) -> dict[str, list[str]]:
    """Return the rows of the tables that were shown, by their first cell."""
    lines = [re.split(" {2,}", line.strip()) for line in shown.splitlines()]
    return {cells[0]: cells[1:] for cells in lines}


def test_inspect_shows_what_a_bundle_is(tiny_bundle: Path, command: CommandLine) -> None:
    outcome = command("inspect", tiny_bundle)
    assert (outcome.code, outcome.err) == (0, "")
    rows = _rows(outcome.out)
    metrics = json.loads((tiny_bundle / "metrics.json").read_text(encoding="utf-8"))
    assert rows["name"] == ["tiny"]
    assert rows["made by"] == [f"nlp_pipeline {nlp_pipeline.__version__}"]
    assert rows["entity types"] == ["LOC, PER"]
    assert rows["tags"] == ["IOBES, crf"]
    assert rows["encoder"] == ["none"]
    assert rows["best epoch"] == [f"{metrics['best_epoch']} of 10"]
    for row, mode in (("dev F1 (conlleval, micro)", "conlleval"), ("dev F1 (strict, IOB2, micro)", "strict")):
        assert rows[row] == [f"{100 * metrics['dev'][mode]['f1']:.2f}"]


@pytest.mark.parametrize(("moved", "taken"), [(0.0, "taken, where a processor has it,"), (0.02, "not taken")])
def test_inspect_tells_the_score_in_bfloat16(tiny_bundle: Path, command: CommandLine, moved: float, taken: str) -> None:
    facts = json.loads(command("inspect", tiny_bundle, "--json").out)
    score = facts["metrics"]["dev"]["conlleval"]["f1"] - moved
    facts["metrics"]["dev_bfloat16"] = {"conlleval": {"f1": score}}
    shown = io.StringIO()
    Console(file=shown, width=200).print(bundle_tables(facts)[0])
    told = _rows(shown.getvalue())["dev F1 (conlleval, micro) in bfloat16"]
    assert told == [f"{100 * score:.2f} ({taken} by --precision auto)"]


def test_inspect_counts_the_weights_of_each_part(tiny_bundle: Path, command: CommandLine) -> None:
    rows = _rows(command("inspect", tiny_bundle).out)
    stored = load_file(tiny_bundle / "weights.safetensors")
    counts = {name: int(rows[name][0].replace(",", "")) for name in (*PARTS, "all")}
    assert counts["all"] == sum(counts[name] for name in PARTS) == sum(value.size for value in stored.values())
    # One row a lower-cased word of the corpus, with those for padding and for words that are not known, of 8 units.
    words = json.loads(command("inspect", tiny_bundle, "--json").out)["vocabularies"]["words"]
    assert counts["words"] == 8 * words
    # A GRU of 8 units each way: three gates; kernel, recurrent kernel, two biases; what a word is made of besides.
    seen = (counts["recurrent"] // 2 - 3 * 8 * 8 - 2 * 3 * 8) / (3 * 8)
    assert seen == 8 + 3 * 4 + 2


def test_inspect_tells_bytes_and_what_was_trained(tiny_bundle: Path, command: CommandLine) -> None:
    facts = json.loads(command("inspect", tiny_bundle, "--json").out)
    stored = load_file(tiny_bundle / "weights.safetensors")
    assert sum(layer["bytes"] for layer in facts["layers"]) == sum(value.nbytes for value in stored.values())
    assert all(layer["trained"] == layer["weights"] for layer in facts["layers"])
    parts = [layer["layer"].split("/")[0] for layer in facts["layers"]]
    for part, count in facts["weights"].items():
        own = (layer for layer, of in zip(facts["layers"], parts, strict=True) if of == part)
        assert sum(layer["weights"] for layer in own) == count
    rows = _rows(command("inspect", tiny_bundle).out)
    assert rows["all"][-1] == "trained"
    assert rows["trained with"][0].startswith(f"nlp_pipeline {nlp_pipeline.__version__}, Python ")


def test_inspect_shows_the_transitions_that_were_learnt(tiny_bundle: Path, command: CommandLine) -> None:
    stored = load_file(tiny_bundle / "weights.safetensors")
    learnt = json.loads(command("inspect", tiny_bundle, "--json").out)["transitions"]
    tags = learnt["tags"]
    rows = _rows(command("inspect", tiny_bundle).out)
    for at, tag in enumerate(tags):
        for other, score in enumerate(learnt["scores"][at]):
            assert score is None or score == pytest.approx(stored["decoder/transitions"][at, other])
        after = dict(zip([*tags, "(end)"], [*learnt["scores"][at], learnt["ends"][at]], strict=True))
        best = max((name for name in after if after[name] is not None), key=lambda name: after[name])
        assert rows[tag][0].startswith(f"{best} {after[best]:+.2f}")
    # IOBES: what was begun goes on or ends, and nothing goes on that was not begun.
    assert rows["B-PER"][-1] == "all but I-PER, E-PER"
    assert rows["O"][-1] == rows["(start)"][-1] == "I-LOC, E-LOC, I-PER, E-PER"


def test_inspect_tells_what_a_tagger_knows_of_a_file(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Ana met Ana in Paris. Zoe left Oslo.\n", encoding="utf-8")
    coverage = json.loads(command("inspect", tiny_bundle, "--json", "--coverage", tmp_path / "text.txt").out)[
        "coverage"
    ]
    assert (coverage["words"], coverage["distinct"], coverage["rejected"]) == (10, 8, 0)
    assert coverage["vocabulary"] == {
        "known": pytest.approx(0.8),
        "known_distinct": pytest.approx(0.75),
        "unknown": [["Paris", 1], ["Zoe", 1]],
    }
    # Characters of the corpus that occur twice.
    assert dict(coverage["characters"]["unknown"]) == {"A": 2, "O": 1, "P": 1, "Z": 1}
    assert coverage["subwords"] is None
    rows = _rows(command("inspect", tiny_bundle, "--coverage", tmp_path / "text.txt").out)
    assert rows["known words"] == ["80.00 %; 75.00 % of those that differ"]
    assert rows["the commonest unknown words"] == ["Paris (1), Zoe (1)"]


def test_what_a_translator_knows_of_a_file(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the dog sleeps .\nthe whale sleeps .\n", encoding="utf-8")
    bundle = translator_folder / "run" / "bundle"
    facts = json.loads(command("inspect", bundle, "--json", "--coverage", tmp_path / "text.txt").out)
    assert facts["coverage"]["vocabulary"] == {
        "known": pytest.approx(7 / 8),
        "known_distinct": pytest.approx(4 / 5),
        "unknown": [["whale", 1]],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, ": "),
        (b" \n", ": expected words, received none\n"),
        (b"\xff\n", ":1: expected words, received none that can be read: expected UTF-8, received byte 0xff"),
    ],
)
def test_a_file_without_words_is_one_line(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    outcome = command("inspect", tiny_bundle, "--coverage", tmp_path / "text.txt")
    assert outcome.code == 1
    assert outcome.err.startswith(f"{tmp_path / 'text.txt'}{message}")
    assert outcome.err.count("\n") == 1


def test_inspect_gives_one_json_object(tiny_bundle: Path, command: CommandLine) -> None:
    outcome = command("inspect", tiny_bundle, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    facts = json.loads(outcome.out)
    metrics = json.loads((tiny_bundle / "metrics.json").read_text(encoding="utf-8"))
    assert facts["metrics"] == metrics
    assert (facts["name"], facts["task"], facts["scheme"]) == ("tiny", "tagging", "IOBES")
    assert facts["entity_types"] == ["LOC", "PER"]
    assert facts["encoder"] is None
    assert facts["recurrent"]["cell"] == "gru"
    assert set(facts["weights"]) == PARTS
    assert sum(facts["weights"].values()) == metrics["weights"]["all"]
    files = [path for path in tiny_bundle.iterdir() if path.name != "bundle.json"]
    assert facts["bytes"] == sum(path.stat().st_size for path in files)


def test_doctor_names_what_a_run_needs(command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path / "cache"))
    outcome = command("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    rows = _rows(outcome.out)
    assert rows["nlp_pipeline"][0] == nlp_pipeline.__version__
    assert rows["Python"][0].startswith(f"{platform.python_version()} on ")
    assert rows["tensorflow"][0] == tf.__version__
    if not tf.config.list_physical_devices("GPU"):
        assert rows["devices"][0] == "the CPU alone (training.strategy auto: none)"
    assert rows["cache"][0].startswith(f"{tmp_path / 'cache'}, ")
    assert rows["default encoder"][0] == "not fetched yet (nlp-pipeline encoder get minilm)"
    assert {row[-1] for row in rows.values() if row} == {"ok"}
    assert not (tmp_path / "cache").exists()


def test_doctor_ends_with_1_where_something_is_amiss(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path / "file" / "cache"))
    outcome = command("doctor")
    assert outcome.code == 1
    rows = _rows(outcome.out)
    assert [name for name, row in rows.items() if row and row[-1] == "AMISS"] == ["cache"]
    assert rows["cache"][0].startswith(f"{tmp_path / 'file' / 'cache'} cannot be written to: ")


def test_encoder_list_names_minilm(command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path))
    outcome = command("encoder", "list")
    assert (outcome.code, outcome.err) == (0, "")
    rows = _rows(outcome.out)
    assert list(rows)[:-1] == ["encoders", "name", "minilm"]
    assert rows["minilm"][0].startswith("all-MiniLM-L6-v2")
    assert rows["minilm"][1] == "not fetched"
    assert outcome.out.splitlines()[-1] == f"cache: {tmp_path}"


def test_encoder_list_tells_the_size_of_what_was_fetched(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path))
    folder = tmp_path / "encoders" / "minilm"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    assert _rows(command("encoder", "list").out)["minilm"][1] == "3 MB in the cache"
