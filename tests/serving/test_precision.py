"""The precision of a tagger in use: what `auto` chooses, and what a bundle knows of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from nlp_pipeline import devices
from nlp_pipeline.cli.main import main
from nlp_pipeline.errors import BundleError
from nlp_pipeline.jobs import tagger_training
from nlp_pipeline.jobs.files import Files
from nlp_pipeline.jobs.tag import tag_files, worker_of
from nlp_pipeline.jobs.tasks import train
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.serving import precision
from nlp_pipeline.serving.precision import DEV_BFLOAT16, chosen, moves_little
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from tests.conftest import TINY_CORPUS, TINY_RECIPE, TinyCheckpoint

WORDS = ["Ana", "Reis", "left", "Lima", "."]


def _metrics(**f1: float) -> dict[str, Any]:
    return {name: {"conlleval": {"f1": value}} for name, value in f1.items()}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sse2\n", True),
        ("flags : fpu amx_bf16\n", True),
        ("flags : fpu avx512f avx512_bf16x\n", False),
        ("Features : asimd bf16\n", False),
        ("", False),
    ],
)
def test_what_a_processor_says_of_itself(told: str, expected: bool, tmp_path: Path) -> None:
    about = tmp_path / "cpuinfo"
    about.write_text(told, encoding="utf-8")
    assert devices.processor_has_bfloat16(about) is expected


def test_a_processor_that_says_nothing_has_none(tmp_path: Path) -> None:
    assert not devices.processor_has_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (_metrics(dev=0.6), False),
        (_metrics(dev=0.6, dev_bfloat16=0.6), True),
        (_metrics(dev=0.6, dev_bfloat16=0.60095), True),
        (_metrics(dev=0.6, dev_bfloat16=0.5985), False),
        (_metrics(dev=0.6, dev_bfloat16=0.6011), False),
        ({"dev": {"bleu": 0.3}, "dev_bfloat16": {"bleu": 0.2991}}, True),
        ({"dev": {"bleu": 0.3}, "dev_bfloat16": {"bleu": 0.2989}}, False),
        ({"dev": {"bleu": 0.3}, "dev_bfloat16": {"bleu": 0.31}}, True),
        ({"dev": {"bleu": 0.3}}, False),
    ],
)
def test_little_is_less_than_a_tenth_of_a_point(metrics: dict[str, Any], expected: bool) -> None:
    assert moves_little(metrics) is expected


@pytest.mark.parametrize(
    ("fast", "found", "expected"), [(True, 0.5, "bfloat16"), (True, 0.4, None), (False, 0.5, None)]
)
def test_auto(
    fast: bool, found: float, expected: str | None, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: fast)
    bundle = TaggerBundle.read(tiny_bundle)
    metrics = {**bundle.metrics, **_metrics(dev=0.5, dev_bfloat16=found)}
    replace(bundle, metrics=metrics).write(tmp_path / "bundle")
    assert chosen("auto", tmp_path / "bundle") == expected


def test_what_is_asked_for_is_given(tiny_bundle: Path, tmp_path: Path) -> None:
    assert [chosen(asked, tiny_bundle) for asked in (None, "float32", "bfloat16")] == [None, "float32", "bfloat16"]
    with pytest.raises(ValueError, match=r"expected auto, float32 or bfloat16. Received: 'half'"):
        chosen("half", tiny_bundle)
    with pytest.raises(BundleError, match="there is no such folder"):
        chosen("auto", tmp_path / "none")


def test_bfloat16_has_the_same_weights_and_nearly_the_same_confidences(tiny_bundle: Path) -> None:
    exact = LoadedTagger.load(tiny_bundle)
    rounded = LoadedTagger.load(tiny_bundle, "bfloat16")
    assert rounded.bundle.recipe.training.precision == "bfloat16"
    again = LoadedTagger(exact.bundle.in_precision("bfloat16"))
    for name, value in exact.bundle.network.named_weights().items():
        for other in (rounded, again):
            np.testing.assert_array_equal(other.bundle.network.named_weights()[name], value)
    one, two = exact.tag(WORDS), rounded.tag(WORDS)
    assert one.tags == two.tags
    assert again.tag(WORDS) == two
    # Rounded to 8 bits, which must show, and must not show much.
    assert one.confidences != two.confidences
    np.testing.assert_allclose(one.confidences, two.confidences, atol=0.1)


@pytest.mark.parametrize("fast", [True, False])
def test_training_finds_out_what_bfloat16_would_score(
    fast: bool, tmp_path: Path, tiny_checkpoint: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagger_training, "multiplies_bfloat16", lambda: fast)
    (tmp_path / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    settings = [
        f"encoder.name={tiny_checkpoint()}",
        "encoder.window=64",
        "encoder.overlap=8",
        "encoder.max_subwords_of_word=16",
        "training.epochs=2",
    ]
    recipe = read_recipe(tmp_path / "tiny.yaml", ["encoder={}", *settings])
    bundle = train(recipe, tmp_path / "run", Console(file=io.StringIO())).bundle
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    assert (DEV_BFLOAT16 in metrics) is fast
    if fast:
        assert metrics[DEV_BFLOAT16].keys() == metrics["dev"].keys()
        rounded = LoadedTagger.load(bundle, "bfloat16")
        assert rounded.bundle.recipe.training.precision == "bfloat16"


def test_tag_and_evaluate_are_told_the_precision(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Ana Reis left Lima.\n", encoding="utf-8")
    outputs = {}
    for name in ("float32", "bfloat16"):
        outputs[name] = tmp_path / f"{name}.jsonl"
        main(["tag", str(tiny_bundle), str(text), "--output", str(outputs[name]), "--precision", name, "--quiet"])
    exact, rounded = (json.loads(outputs[name].read_text(encoding="utf-8")) for name in ("float32", "bfloat16"))
    assert (
        [one["text"] for one in exact["entities"]]
        == [one["text"] for one in rounded["entities"]]
        == ["Ana Reis", "Lima"]
    )
    gold = tmp_path / "gold.conll"
    gold.write_text(TINY_CORPUS, encoding="utf-8")
    capsys.readouterr()
    main(["evaluate", str(tiny_bundle), "--data", str(gold), "--precision", "bfloat16", "--json"])
    assert json.loads(capsys.readouterr().out)["conlleval"]["f1"] > 0.9


def test_what_auto_chose_is_told(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Ana left.\n", encoding="utf-8")
    main(["tag", str(tiny_bundle), str(text), "--output", str(tmp_path / "out.jsonl"), "--precision", "auto"])
    # Without an encoder training did not find out.
    assert capsys.readouterr().err.splitlines()[0] == "--precision auto: as the bundle was trained"


def test_a_loaded_worker_is_used_as_it_is(tiny_bundle: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Ana left.\n", encoding="utf-8")
    worker = worker_of(str(tiny_bundle), "bfloat16")
    files = Files([str(text)], str(tmp_path / "out.jsonl"))
    assert tag_files(tiny_bundle, files, worker=worker).session["words"] == 3
    with pytest.raises(ValueError, match="beside a loaded worker"):
        tag_files(tiny_bundle, files, worker=worker, precision="float32")
