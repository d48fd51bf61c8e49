"""The files of a report: a page, the same as Markdown, and the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlp_pipeline.documents.document import Document
from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.serving.manifest import write_json

PAGE = "report.html"
MARKDOWN = "report.md"
NUMBERS = "report.json"
SCORES = "scores.json"


def write_readable(document: Document, numbers: Mapping[str, Any], folder: Path) -> None:
    """Write `report.html`, `report.md` and `report.json` into a folder."""
    for name, text in ((PAGE, page_of(document)), (MARKDOWN, markdown_of(document))):
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    write_json(folder / NUMBERS, numbers)
