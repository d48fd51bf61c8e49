"""`study memory`: how far recurrent networks remember, and how their gradient vanishes or explodes."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import nlp_pipeline
from nlp_pipeline.devices import usable_cores
from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.jobs.console import say_to
from nlp_pipeline.jobs.run_folder import versions
from nlp_pipeline.outputs import new_folder
from nlp_pipeline.stopping import Signals, StopNow
from nlp_pipeline.studies.memory_board import write_board
from nlp_pipeline.studies.memory_document import document_of
from nlp_pipeline.studies.memory_picture import png_of
from nlp_pipeline.studies.memory_results import MemoryStudy
from nlp_pipeline.studies.memory_settings import MemorySettings
from nlp_pipeline.studies.memory_trial import Trainer, Trial
from nlp_pipeline.studies.networks import FORMS

MARKER = "study.json"


def study_memory(settings: MemorySettings, output: Path, console: Console) -> MemoryStudy:
    """Run the study, and write its folder.

    The folder appears whole at the end: `memory.html`, the same as `memory.md`, `memory.png`, `accuracy.csv`,
    `gradient.csv`, TensorBoard's `logs/`, and `study.json` with the settings, the versions and what came out. An
    earlier study there is replaced; the two CSV files and the figure of the same settings and seeds are the same bytes.

    Args:
        settings: of the study.
        output: its folder.
        console: where progress is shown.

    Raises:
        OutputError: where the folder holds something else, or cannot be written.
        StoppedByUserError: where it was interrupted; TerminatedError where it was ended. Nothing is written then.
    """
    started = time.monotonic()
    # Otherwise the threads of some operations add up in the order in which they come.
    tf.config.experimental.enable_op_determinism()
    with Signals() as signals, new_folder(output, MARKER) as folder:
        trials: list[Trial] = []
        planned = 2 * settings.seeds * len(settings.networks) * len(settings.distances)
        try:
            _train_all(settings, trials, planned, console, signals)
            study = MemoryStudy(settings, trials)
            _write(study, folder, time.monotonic() - started)
            signals.check()
        except StopNow:
            message = f"stopped after {len(trials)} of {planned} trainings; nothing was written"
            raise signals.error(message) from None
    return study


def _train_all(settings: MemorySettings, trials: list[Trial], planned: int, console: Console, signals: Signals) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trainings"),
        TimeRemainingColumn(),
    )
    say = say_to(console)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=planned)
        for distance in settings.distances:
            for name in settings.networks:
                bar.update(task, description=f"{FORMS[name].label}, distance {distance}")
                began = time.monotonic()
                trainer = Trainer(name, distance, settings)
                done: list[Trial] = []
                for clipped in (True, False):
                    for seed in range(1, settings.seeds + 1):
                        done.append(trainer.train(seed, clipped, signals.check))
                        trials.append(done[-1])
                        bar.advance(task)
                say(_line_of(name, distance, done, time.monotonic() - began))


def _line_of(name: str, distance: int, done: list[Trial], seconds: float) -> str:
    clipped, unclipped = (
        " ".join(f"{trial.accuracy:.2f}" for trial in done if trial.clipped is wanted) for wanted in (True, False)
    )
    steps = sum(trial.steps for trial in done)
    return (
        f"distance {distance:>3}  {FORMS[name].label:<16}  accuracy {clipped} clipped, {unclipped} not  "
        f"{steps:,} steps  {seconds:.1f} s"
    )


def _write(study: MemoryStudy, folder: Path, seconds: float) -> None:
    about = {
        "nlp_pipeline": nlp_pipeline.__version__,
        **versions(),
        "Python": platform.python_version(),
        "machine": f"{platform.machine()}, {usable_cores()} cores",
    }
    told = {**about, "time": f"{seconds:.0f} s, {time.process_time():.0f} s of processor time"}
    found: dict[str, Any] = {
        "settings": study.settings.to_json(),
        "versions": about,
        "seconds": round(seconds, 1),
        "processor_seconds": round(time.process_time(), 1),
        "findings": [finding._asdict() for finding in study.findings()],
        "learns_up_to": {
            how: {name: study.reach(name, clipped) for name in study.settings.networks}
            for how, clipped in (("clipped", True), ("unclipped", False))
        },
    }
    (folder / "accuracy.csv").write_text(study.accuracy_csv(), encoding="utf-8")
    (folder / "gradient.csv").write_text(study.gradient_csv(), encoding="utf-8")
    (folder / "memory.png").write_bytes(png_of(study))
    document = document_of(study, told, "memory.png")
    (folder / "memory.html").write_text(page_of(document), encoding="utf-8")
    (folder / "memory.md").write_text(markdown_of(document), encoding="utf-8")
    write_board(study, folder / "logs")
    (folder / MARKER).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
