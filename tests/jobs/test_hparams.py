"""What runs are compared by."""

from __future__ import annotations

from pathlib import Path

from nlp_pipeline.jobs.hparams import hparams_of
from nlp_pipeline.recipe.file import read_recipe
from tests.conftest import TINY_CORPUS, TINY_RECIPE
from tests.tiny_translator import write_tiny_translator


def test_a_recipe_by_its_keys(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    tagger = hparams_of(read_recipe(tmp_path / "tiny.yaml"))
    assert tagger["seed"] == 13
    assert tagger["encoder"] == "none"
    assert tagger["recurrent.cell"] == "gru"
    assert tagger["recurrent.bidirectional"] is True
    assert tagger["training.learning_rate"] == 0.1
    assert tagger["characters.widths"] == "[2, 3, 4]"
    assert not [key for key in tagger if key.startswith(("data", "dashboard", "training.strategy"))]
    translator = hparams_of(read_recipe(write_tiny_translator(tmp_path)))
    assert translator["decoder.attention.units"] == 16
    assert translator["bert"] == "none"
    assert {"text.form", "text.spaces", "text.invisible"} <= translator.keys()
    # The ones that TensorBoard knows.
    assert {type(value) for value in (*tagger.values(), *translator.values())} <= {bool, int, float, str}
