"""Missing fonts are told once a run, and other warnings go where they went."""

from __future__ import annotations

import warnings

import pytest

from nlp_pipeline.evaluation.fonts import FontWarning
from nlp_pipeline.jobs.font_remarks import fonts_told_once
from nlp_pipeline.training.shown import Shown


def test_each_script_is_told_once() -> None:
    said: list[str] = []
    scripts = iter(["Ugaritic", "Ugaritic", "Linear"])

    def show() -> Shown:
        warnings.warn(FontWarning("no glyph for X", f". Their script: {next(scripts)}"), stacklevel=1)
        return Shown({"a": 1.0})

    shown = fonts_told_once(show, said.append)
    assert [shown().scalars for _ in range(3)] == [{"a": 1.0}] * 3
    assert said == [
        f"warning: in TensorBoard's pictures, no glyph for X. Their script: {script}"
        for script in ("Ugaritic", "Linear")
    ]


def test_another_warning_stays_one() -> None:
    def show() -> Shown:
        warnings.warn("beware", UserWarning, stacklevel=1)
        return Shown()

    said: list[str] = []
    with pytest.warns(UserWarning, match="beware"):
        fonts_told_once(show, said.append)()
    assert not said
