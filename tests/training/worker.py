"""A process that trains recipes on several logical devices, and processes that train together on this machine.

Call: `python -m tests.training.worker DEVICES OUTPUT RECIPE... [KEY=VALUE...]`. OUTPUT gets a run for each recipe.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WORKER = "tests.training.worker"
COMMAND = "nlp_pipeline"


def main(devices: int, output: Path, recipes: Sequence[Path], overrides: Sequence[str]) -> None:
    """Train the recipes."""
    import tensorflow as tf
    from rich.console import Console

    from nlp_pipeline.jobs.tasks import train
    from nlp_pipeline.recipe.file import read_recipe

    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    for recipe in recipes:
        train(read_recipe(recipe, overrides), output / recipe.stem, Console(file=sys.stdout, width=200))


def start_team(
    workers: int, module: str, arguments: Sequence[str], of_last: Sequence[str] = ()
) -> list[subprocess.Popen[str]]:
    """Start the workers of a team, each of them a Python module with the same arguments; the last one has some more."""
    with ExitStack() as stack:
        # All of them at once, so that no two are the same.
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    started = []
    for index in range(workers):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments, *(of_last if index == workers - 1 else ())],
                env={**os.environ, "TF_CONFIG": json.dumps(config)} if workers > 1 else None,
                cwd=ROOT,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    return started


def ray_workers_in(working_folder: Path) -> list[int]:
    """Return the processes of Ray Train's workers that a command in this folder has begun."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            of_ray = b"RayTrainWorker" in (process / "cmdline").read_bytes()
            if of_ray and (process / "cwd").resolve() == working_folder:
                found.append(int(process.name))
    return sorted(found)


def finish(team: Sequence[subprocess.Popen[str]]) -> str:
    """Wait until a team has ended well, and return what the first worker printed."""
    printed = []
    for worker in team:
        out, err = worker.communicate(timeout=300)
        assert worker.returncode == 0, err
        printed.append(out)
    assert not any(printed[1:]), "only the chief shows something"
    return printed[0]


if __name__ == "__main__":
    rest = sys.argv[3:]
    main(
        int(sys.argv[1]),
        Path(sys.argv[2]),
        [Path(one) for one in rest if "=" not in one],
        [one for one in rest if "=" in one],
    )
