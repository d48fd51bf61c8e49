"""Fixtures that several parts of the tests use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.tiny_checkpoint import write_tiny_checkpoint


class TinyCheckpoint(Protocol):
    """Writes a tiny BERT checkpoint into a new folder; takes the keywords of `write_tiny_checkpoint`."""

    def __call__(self, **form: Any) -> Path: ...


@pytest.fixture
def tiny_checkpoint(tmp_path: Path) -> TinyCheckpoint:
    """Return a function that writes a checkpoint of 2 layers, 16 units and about 200 subwords, and gives its folder."""
    written = 0

    def write(**form: Any) -> Path:
        nonlocal written
        written += 1
        return write_tiny_checkpoint(tmp_path / f"checkpoint-{written}", **form)

    return write
