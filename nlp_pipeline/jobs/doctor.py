"""`doctor`: whether this machine has what it takes."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nlp_pipeline
from nlp_pipeline.devices import processor_has_bfloat16, usable_cores

PACKAGES = ("tensorflow", "keras", "transformers", "datasets", "seqeval", "click", "numpy", "safetensors")
EXTRAS = {"ray": "cluster"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, and whether it is as it should be."""

    subject: str
    found: str
    fine: bool = True


def examine() -> list[Finding]:
    """Look at everything that a run needs."""
    findings = [
        Finding("nlp_pipeline", nlp_pipeline.__version__),
        Finding("Python", f"{platform.python_version()} on {platform.platform()}"),
    ]
    for package in PACKAGES:
        found = _version(package)
        findings.append(Finding(package, found or "not installed", found is not None))
    for package, extra in EXTRAS.items():
        findings.append(Finding(package, _version(package) or f"not installed (only needed for the extra '{extra}')"))
    findings += [_devices(), _processor(), _cache(), _encoder()]
    return findings


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> Finding:
    try:
        import tensorflow as tf
    except ImportError as error:
        return Finding("devices", f"TensorFlow cannot be imported: {error}", fine=False)
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return Finding("devices", "the CPU alone (training.strategy auto: none)")
    from nlp_pipeline.training.team import device_names

    used = "mirrored over all of them" if len(gpus) > 1 else "none, on this one"
    return Finding("devices", f"{', '.join(device_names())} (training.strategy auto: {used})")


def _processor() -> Finding:
    try:
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    except (AttributeError, ValueError, OSError):
        memory = ""
    products = "bfloat16 as such" if processor_has_bfloat16() else "bfloat16 not known"
    return Finding("processor", f"{usable_cores()} cores{memory}, {products}")


def _cache() -> Finding:
    from nlp_pipeline.subwords.encoders import cache_folder

    folder = cache_folder()
    there: Path = folder
    while not there.exists():
        there = there.parent
    free = f"{shutil.disk_usage(there).free / 2**30:.0f} GiB free"
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding("cache", f"{folder} cannot be written to: {error.strerror}", fine=False)
    return Finding("cache", f"{folder}, {free}")


def _encoder() -> Finding:
    from nlp_pipeline.subwords.encoders import available_encoders

    for encoder in available_encoders():
        if encoder.cached:
            return Finding("default encoder", f"{encoder.name} is in the cache")
    return Finding("default encoder", "not fetched yet (nlp-pipeline encoder get minilm)")
