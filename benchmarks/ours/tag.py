"""A turn tags a file, as `nlp-pipeline tag` does once its bundle is loaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the bundle, and tag a file that is not measured.

    The settings are `bundle`, `corpus` (CoNLL), `output` and `precision`; and `warm`, another corpus, if there is one.
    """
    import tensorflow as tf

    from nlp_pipeline.devices import share_cores
    from nlp_pipeline.jobs.files import Files
    from nlp_pipeline.jobs.tag import tag_files, worker_of

    given = settings()
    share_cores()
    worker = worker_of(given["bundle"], given["precision"])
    files = Files([given["corpus"]], given["output"], input_format="conll", output_format="conll")
    if "warm" in given:
        tag_files(given["bundle"], replace(files, inputs=[given["warm"]]), worker=worker)

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        done = tag_files(given["bundle"], files, worker=worker)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "units": done.session["words"], "peak_mib": _peak_mib()}

    return turn, {"versions": {"tensorflow": tf.__version__}, "precision": worker.precision}


def _peak_mib() -> int:
    # `getrusage` would tell the peak of the process that began this one, if that is higher.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) // 1024


if __name__ == "__main__":
    take_turns(begin)
