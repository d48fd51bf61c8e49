"""A turn translates a file, as `nlp-pipeline translate` does once its bundle is loaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the bundle, and translate a sentence, which makes the graph.

    The settings are `bundle`, `corpus` (a sentence a line), `output`, and of the search.
    """
    import tensorflow as tf

    from nlp_pipeline.corpora.records import InputRecord, Position
    from nlp_pipeline.devices import share_cores_among_batches
    from nlp_pipeline.jobs.files import Files
    from nlp_pipeline.jobs.translate import translate_files, worker_of

    given = settings()
    share_cores_among_batches()
    search = {"beam_size": given["beam_size"], "length_penalty": given["length_penalty"]}
    worker = worker_of(given["bundle"], 1, search)
    worker.process([InputRecord(1, "A dog runs.", None, {}, Position())], "warm")
    files = Files([given["corpus"]], given["output"], input_format="text", output_format="text")

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        done = translate_files(given["bundle"], files, 1, search, worker=worker)
        return {"seconds": time.perf_counter() - started, "units": done.session["records"]}

    return turn, {"versions": {"tensorflow": tf.__version__}}


if __name__ == "__main__":
    take_turns(begin)
