"""TensorFlow as the commands import it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from nlp_pipeline.cli import quiet


def test_tensorflow_comes_without_what_keras_would_import_beside_it() -> None:
    code = (
        "import sys; from nlp_pipeline.cli.quiet import load_tensorflow; load_tensorflow();"
        "names = ('keras', 'matplotlib', 'pandas', 'sklearn');"
        "print(*[name for name in names if name in sys.modules]);"
        # What is imported later is there, whole, for whoever needs it.
        "import matplotlib.pyplot, sklearn.base, pandas, seqeval.metrics"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "keras"


def test_a_package_that_is_there_already_is_not_hidden() -> None:
    with quiet._hidden(("json", "antigravity_that_nobody_has")):
        import json

        assert json.loads("1") == 1
    assert "antigravity_that_nobody_has" not in sys.modules


def test_a_hidden_package_cannot_be_imported_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with quiet._hidden(("colorsys",)), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").rgb_to_hsv(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
