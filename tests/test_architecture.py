"""The floors of the house, and who may import what, held by walking the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nlp_pipeline"

FLOORS = {
    "text": 0,
    "documents": 0,
    "corpora": 1,
    "subwords": 1,
    "layers": 1,
    "inputs": 2,
    "graph": 2,
    "models": 2,
    "evaluation": 3,
    "training": 3,
    "serving": 3,
    "studies": 3,
    "jobs": 4,
    "cli": 5,
}
STRICT_FLOORS = {1, 3}  # on these, packages side by side do not import each other
GROUND = {
    "devices",
    "errors",
    "outputs",
    "pictures",
    "recipe",
    "stopping",
}  # for all, and they import nothing of the house above the ground
ONLY_IMPORTER = {
    "datasets": ("corpora/hub.py",),
    "transformers": ("subwords/",),
    "tokenizers": ("subwords/",),
    "seqeval": ("evaluation/entities.py",),
    "sacrebleu": ("evaluation/translations.py", "evaluation/translation_counts.py"),
    "matplotlib": (
        *(
            f"evaluation/{name}.py"
            for name in ("heatmap_picture", "confusion_picture", "calibration_picture", "gradient_picture", "fonts")
        ),
        "studies/memory_picture.py",
    ),
    "click": ("cli/",),
    "ray": ("serving/cluster.py", "serving/connection.py", "jobs/train_on_cluster.py"),
}
WITHOUT_TENSORFLOW = (
    "text/",
    "documents/",
    "corpora/",
    "subwords/",
    "recipe/",
    "outputs.py",
    "errors.py",
    "__init__.py",
)


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, at its top or in a function, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            yield node.module, node.lineno


def _home(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_from_lower_floors_only(path: Path) -> None:
    home = _home(path)
    for module, line in _imports(path):
        if not module.startswith("nlp_pipeline."):
            continue
        other = module.split(".")[1]
        if other in GROUND or home in ("__init__", "__main__"):
            continue
        assert home not in GROUND or other in GROUND, f"{path}:{line}: {home} imports {module}"
        assert FLOORS[other] <= FLOORS[home], f"{path}:{line}: floor {FLOORS[home]} imports {module}"
        if other != home and FLOORS[home] in STRICT_FLOORS:
            assert FLOORS[other] < FLOORS[home], f"{path}:{line}: {home} imports its sibling {module}"


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_some_packages_have_one_importer(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    for module, line in _imports(path):
        allowed = ONLY_IMPORTER.get(module.split(".")[0])
        assert allowed is None or place.startswith(allowed), f"{path}:{line}: only {allowed} imports {module}"
        if place.startswith(WITHOUT_TENSORFLOW):
            assert module.split(".")[0] not in ("tensorflow", "keras"), f"{path}:{line}: imports {module}"


def test_every_package_has_a_floor() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages - GROUND == set(FLOORS)


def test_layers_know_no_recipe() -> None:
    for path in (PACKAGE / "layers").glob("*.py"):
        for module, line in _imports(path):
            assert not module.startswith("nlp_pipeline.recipe"), f"{path}:{line}"


def test_no_file_is_two_things() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_nothing_is_unpickled() -> None:
    for path in _files():
        modules = {module.split(".")[0] for module, _ in _imports(path)}
        assert not modules & {"pickle", "dill", "joblib", "shelve"}, path


@pytest.mark.parametrize("arguments", [["-c", "import nlp_pipeline"], ["-m", "nlp_pipeline", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert loaded & {"click", "nlp_pipeline"}
    heavy = {"tensorflow", "keras", "transformers", "datasets", "seqeval", "sacrebleu", "matplotlib", "numpy", "rich"}
    assert not {module.split(".")[0] for module in loaded} & heavy
