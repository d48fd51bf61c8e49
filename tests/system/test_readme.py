"""Every command that the documents show exists, with the options and files that they show."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nlp_pipeline.cli.main import cli

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = ["README.md", "pipelines/README.md", "data/README.md", "CONTRIBUTING.md"]


def _commands(text: str) -> list[str]:
    """Return the commands of a document: lines that begin with ours, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(r"^[ \t]*(?:#[ \t]+)?(nlp-pipeline [^\n`]+)$", joined, flags=re.MULTILINE)


def _recipes() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "pipelines").glob("*.yaml"))


@pytest.mark.parametrize("document", [*DOCUMENTS, *_recipes()])
def test_commands_parse(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in _commands(re.sub(r"\n#", "\n", text) if document.endswith(".yaml") else text):
        words = shlex.split(line, comments=True)[1:]
        command: click.Command | None = cli
        context = click.Context(cli, help_option_names=["-h", "--help"])
        while isinstance(command, click.Group):
            assert words, line
            name = words.pop(0)
            command = command.get_command(context, name)
            assert command is not None, f"{document}: {line}"
        assert command is not None
        command.make_context(name, words, parent=context)
        for word in words:
            if word.startswith(("pipelines/", "data/")):
                assert any(ROOT.glob(word)), f"{document}: {line}"


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in cli.list_commands(click.Context(cli)):
        assert f"| `{name} " in text or f"| `{name}` " in text, name
    assert len(_commands(text)) >= 4


def test_the_python_of_the_readme_runs(
    tiny_bundle: Path, translator_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    code = "\n".join(blocks[:2])
    for shown, bundle in (
        ("runs/ner-demo/bundle", tiny_bundle),
        ("runs/translate-demo/bundle", translator_folder / "run" / "bundle"),
    ):
        assert shown in code
        code = code.replace(shown, str(bundle))
    exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 4


def test_the_client_of_the_readme_runs_without_the_package(exported_tagger: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    client = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)[2]
    assert '"serving/ner/1"' in client
    code = client.replace("serving/ner/1", str(exported_tagger))
    blocked = f"import sys\nsys.modules['nlp_pipeline'] = None\n{code}"
    done = subprocess.run([sys.executable, "-I", "-c", blocked], capture_output=True, text=True, check=True)
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    assert [(start, word) for start, word, _, _ in lines][:4] == [
        ("0", "Ana"),
        ("4", "Reis"),
        ("9", "left"),
        ("14", "Lisbon"),
    ]
