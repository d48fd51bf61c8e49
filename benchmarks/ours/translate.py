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

    The settings are `bundle`, `corpus` (a sentence a line), `references`, `output`, `precision`, and of the search. A
    turn tells the BLEU of its translations, which is found outside its time.
    """
    import tensorflow as tf
    from sacrebleu import corpus_bleu

    from nlp_pipeline.corpora.records import InputRecord, Position
    from nlp_pipeline.devices import share_cores
    from nlp_pipeline.jobs.files import Files
    from nlp_pipeline.jobs.translate import translate_files, worker_of

    given = settings()
    share_cores()
    search = {name: given[name] for name in ("beam_size", "length_penalty", "shortlist")}
    worker = worker_of(given["bundle"], 1, search, given["precision"])
    references = Path(given["references"]).read_text(encoding="utf-8").splitlines()
    worker.begin([InputRecord(1, "A dog runs.", None, {}, Position())], "warm").end()
    files = Files([given["corpus"]], given["output"], input_format="text", output_format="text")

    def turn() -> Mapping[str, Any]:
        started = time.perf_counter()
        done = translate_files(given["bundle"], files, 1, search, worker=worker)
        seconds = time.perf_counter() - started
        translations = Path(given["output"]).read_text(encoding="utf-8").splitlines()
        bleu = corpus_bleu(translations, [references]).score
        return {"seconds": seconds, "units": done.session["records"], "bleu": round(bleu, 2)}

    return turn, {"versions": {"tensorflow": tf.__version__}, "precision": worker.precision}


if __name__ == "__main__":
    take_turns(begin)
