"""Where and with what a model was trained: what its numbers depend on besides the recipe."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import nlp_pipeline
from nlp_pipeline.devices import CPU_INFO, told_of_processor, usable_cores

_PACKAGES = ("tensorflow", "keras", "transformers", "numpy")


def circumstances(devices: str) -> dict[str, str]:
    """Return machine, versions and the time, for people to read. Nothing in it names the machine or its owner.

    Args:
        devices: on what the network was trained.
    """
    versions = [f"nlp_pipeline {nlp_pipeline.__version__}", f"Python {platform.python_version()}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in _PACKAGES]
    return {
        "machine": f"{devices}; {processor()}, {_cores()}{_memory()}; {platform.system()} {platform.machine()}",
        "versions": ", ".join(versions),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def processor(cpu_info: Path = CPU_INFO) -> str:
    """Return the processor's name.

    Args:
        cpu_info: what Linux says of it.
    """
    named = told_of_processor("model name", cpu_info)
    return named or platform.processor() or platform.machine() or "a processor without a name"


def _cores() -> str:
    count = usable_cores()
    return "1 core" if count == 1 else f"{count} cores"


def _memory() -> str:
    try:
        return f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    except (AttributeError, ValueError, OSError):
        return ""
