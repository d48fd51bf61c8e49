"""What a job says stays one line, wherever it goes."""

from __future__ import annotations

import io

from rich.console import Console

from nlp_pipeline.jobs.console import say_to


def test_a_long_line_stays_whole_and_nothing_in_it_is_markup() -> None:
    written = io.StringIO()
    line = "[bold]runs/" + "deep/" * 100 + "step-1.safetensors: expected the digest 12, received 34; skipped"
    say_to(Console(file=written, width=80))(line)
    assert written.getvalue() == line + "\n"
