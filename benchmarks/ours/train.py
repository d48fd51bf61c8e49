"""A turn is some steps of training: a run's own batches and steps, without scores and checkpoints."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Build the network, and encode the corpus.

    The settings are `recipe` and `overrides`; `work`, a folder; `steps` a turn, null for those of an epoch; `batches`,
    a JSON file of the numbers of the examples of each batch, null for the run's own; and `initial`, a file of weights
    to begin with, null for random ones.
    """
    import keras
    import numpy as np
    import tensorflow as tf
    from rich.console import Console
    from safetensors.numpy import load_file

    from nlp_pipeline.devices import share_cores
    from nlp_pipeline.inputs.feeding import feed, signature_of
    from nlp_pipeline.jobs.encoder_vectors import keep_vectors_of
    from nlp_pipeline.jobs.stages import batches_of, stages_of, step_of
    from nlp_pipeline.jobs.tasks import check, training_of
    from nlp_pipeline.recipe.file import read_recipe
    from nlp_pipeline.training.pace import Pace
    from nlp_pipeline.training.step import COUNTED, STEP_WORDS, StepResult
    from nlp_pipeline.training.team import gather_team

    given = settings()
    recipe = read_recipe(Path(given["recipe"]), given["overrides"])
    if recipe.at_once is not None:
        share_cores(most=recipe.at_once)
    team = gather_team("none", print)
    # As every run has it.
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    task = training_of(recipe, check(recipe, Path(given["work"]) / "corpus"))
    network = task.build_network()
    if given["initial"] is not None:
        network.take_weights(load_file(given["initial"]))
    splits = task.encode()
    kept = keep_vectors_of(task, network, splits, Console(file=sys.stderr))
    train = splits["train"].with_vectors(kept.get("train"))
    stage = stages_of(recipe.training, network)[-1]
    step = step_of(stage, recipe.training, recipe.seed, network, train, team)
    if given["batches"] is None:
        batches = batches_of(recipe.training, recipe.seed, network, train, team, 1)
        count = given["steps"] or batches.steps_of(1)
        iterator = batches.begin(1, 0)
    else:
        numbers = json.loads(Path(given["batches"]).read_text(encoding="utf-8"))
        # Asked for, they are counted anew.
        words = train.words

        def make(number: int) -> Any:
            indices = numbers[number % len(numbers)]
            batch = train.batch(indices, for_training=True)
            batch[COUNTED] = np.full(len(indices), True)
            batch[STEP_WORDS] = np.array(sum(words[index] for index in indices), np.float32)
            return batch

        count = given["steps"] or len(numbers)
        iterator = iter(feed(make, signature_of(make(0)), team.strategy))

    traced = False
    pace = Pace()

    def turn() -> Mapping[str, Any]:
        nonlocal traced
        # The very first step makes the graph, and is not timed.
        untimed = [] if traced else [step(iterator).results[0]]
        traced = True
        started = time.perf_counter()
        results: list[StepResult] = []
        while left := count - len(untimed) - len(results):
            done = step(iterator, min(pace.count, left)).results
            pace.took(done)
            results += done
        return {
            "seconds": time.perf_counter() - started,
            "units": sum(result.words for result in results),
            "losses": [result.loss / result.words for result in untimed + results],
        }

    return turn, {"versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}


if __name__ == "__main__":
    take_turns(begin)
