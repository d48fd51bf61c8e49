"""What is served is what was evaluated: exports held against their bundles on whole test corpora.

    python benchmarks/served.py --data ../shared/data -- tagger translator

The bundles are those that `ner.py wnut17-frozen` and `translation.py multi30k` leave, or given ones. Each is exported,
with all signatures, by the command that anyone would type; a process that cannot import this package loads the
SavedModel, and its tags, translations (by beam and greedily) and their scores are compared with the bundle's, which are
those of `evaluate`. The results go to `benchmarks/results/served.json` and `served.md`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measured import ROOT, find

RUNS = ROOT / "runs" / "benchmarks"


def served(bundle: Path, data: Path) -> dict[str, Any]:
    """Return what `export --check` says."""
    if not bundle.is_dir():
        sys.exit(f"{bundle}: expected a bundle; see --help")
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "nlp_pipeline", "export", str(bundle), f"{folder}/model", "--check", str(data)]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    told = (done.stdout or done.stderr).strip().splitlines()
    return {"exit code": done.returncode, "told": told[-1].replace(folder, "")}


def main() -> None:
    """Run the rows that were asked for, all of them where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--tagger", type=Path, default=RUNS / "wnut17-frozen-1" / "bundle")
    parser.add_argument("--translator", type=Path, default=RUNS / "multi30k-1" / "bundle")
    arguments = parser.parse_args()
    data = arguments.data.absolute()
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        "tagger": lambda: served(arguments.tagger.absolute(), data / "wnut17" / "test.conll"),
        "translator": lambda: served(arguments.translator.absolute(), data / "multi30k_en_de" / "test.en"),
    }
    find("served", "What is served is what was evaluated", rows, arguments.rows)


if __name__ == "__main__":
    main()
