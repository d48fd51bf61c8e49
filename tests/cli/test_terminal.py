"""What a person sees in a terminal, and what a file gets: the same words, without any code of a terminal's."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# All in one process, since TensorFlow takes seconds to come. A line of `----` follows each command.
PROGRAM = """
import json, sys
from nlp_pipeline.cli.main import main
for line in json.loads(sys.argv[1]):
    try:
        main(line)
    except SystemExit as ended:
        assert not ended.code, (line, ended.code)
    print("----", flush=True)
"""


def _calls(bundle: Path, folder: Path) -> list[list[str]]:
    (folder / "letter.txt").write_text("Ana left Oslo.\n" * 200, encoding="utf-8")
    tag = ["tag", str(bundle), str(folder / "letter.txt"), "--output", str(folder / "letter.jsonl")]
    prepare = ["prepare", str(bundle.parents[1] / "tiny.yaml"), "--output", str(folder / "run")]
    return [["encoder", "list"], prepare, [*prepare, "--quiet"], ["inspect", str(bundle)], tag, [*tag, "--quiet"]]


def _command(calls: list[list[str]]) -> list[str]:
    return [sys.executable, "-c", PROGRAM, json.dumps(calls)]


def _environment(**more: str) -> dict[str, str]:
    without = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}


def _in_a_terminal(calls: list[list[str]], **environment: str) -> str:
    """Return all that a terminal of 80 columns is sent, by both streams."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        _command(calls), stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(COLUMNS="80", **environment)
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                got = os.read(ours, 1 << 16)
            except OSError:  # Linux says so that the other end is closed
                break
            if not got:
                break
            shown += got
        os.close(ours)
    assert process.returncode == 0, shown.decode("utf-8", "replace")
    return shown.decode("utf-8")


def test_plain_lines_where_there_is_no_terminal(tiny_bundle: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        _command(_calls(tiny_bundle, tmp_path)), capture_output=True, text=True, env=_environment(), check=True
    )
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "\r" not in ended.stdout + ended.stderr
    encoders, prepared, quiet, inspected, *tagged, _ = ended.stdout.split("----\n")
    assert "minilm" in encoders
    assert "sentences" in prepared
    assert "transitions, in nats" in inspected
    assert not set("│┃━─┏└") & set(ended.stdout)
    # Progress and what is said of it are no output; quiet is quiet.
    assert [quiet, *tagged] == ["", "", ""]
    (summary,) = [line for line in ended.stderr.splitlines() if "words/s" in line]
    assert summary.startswith("800 words, 200 sentences, ")


def test_a_terminal_gets_tables_in_its_width_and_colours_unless_it_wants_none(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    calls = _calls(tiny_bundle, tmp_path)
    shown = _in_a_terminal(calls)
    assert "\x1b[" in shown  # the table's head is bold, and the bar moves
    plain = _in_a_terminal(calls, NO_COLOR="1")
    assert not [code for code in _styles(plain) if _is_colour(code)]
    tables = [line for line in plain.splitlines() if line.startswith(("│", "┃", "┏", "└"))]
    assert len(tables) > 30
    assert max(map(len, map(_without_codes, tables))) <= 80
    assert _without_codes(plain.split("----")[2]).strip() == ""


def _styles(text: str) -> list[str]:
    return [code for codes in re.findall(r"\x1b\[([\d;]*)m", text) for code in codes.split(";")]


def _is_colour(code: str) -> bool:
    return code.isdigit() and (30 <= int(code) <= 49 or 90 <= int(code) <= 107)


def _without_codes(text: str) -> str:
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "")


@pytest.mark.parametrize(
    ("code", "expected"), [("1", False), ("31", True), ("0", False), ("97", True), ("3", False), ("48", True)]
)
def test_a_colour_is_known(code: str, expected: bool) -> None:
    assert _is_colour(code) == expected
