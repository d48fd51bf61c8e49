"""`board`: TensorBoard itself, asked over HTTP what it shows of a run of each task."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from nlp_pipeline.cli.main import main
from tests.cli.conftest import CommandLine
from tests.conftest import TINY_CORPUS, TINY_RECIPE
from tests.tiny_translator import write_tiny_translator

PATIENCE = 180.0  # seconds
# Of both tasks.
SCALARS = {
    *("loss/train", "loss/epoch", "loss/dev"),
    *("optimizer/gradient_norm", "optimizer/clipped_share", "optimizer/loss_scale"),
    *("optimizer/skipped_batches", "optimizer/rescaled_steps"),
    *("speed/words_per_second", "speed/data_wait_share", "speed/memory_mib"),
    *("hparams/best_loss", "hparams/final_loss"),
}
TAGGER = {
    *("quality/f1", "quality/f1/PER", "quality/f1/LOC", "quality/calibration_error/words"),
    *("hparams/best_f1", "hparams/final_f1", "optimizer/learning_rate/tagger"),
    *(f"optimizer/gradient_norm/{layer}" for layer in ("words", "casing", "characters", "emission", "decoder")),
    *(f"optimizer/gradient_norm/recurrent/{way}_0" for way in ("forward", "backward")),
    *(f"gradient_through_time/recurrent/layer_0/distance_{distance:02}" for distance in (0, 1, 2)),
}
TRANSLATOR = {
    *("quality/bleu", "quality/chrf", "quality/calibration_error/subwords"),
    *("hparams/best_bleu", "hparams/final_chrf", "optimizer/learning_rate/translator"),
    *(f"optimizer/gradient_norm/{layer}" for layer in ("source", "target", "encoder_norm", "output_bias")),
    *(f"optimizer/gradient_norm/encoder/{way}_0" for way in ("forward", "backward")),
    *(f"optimizer/gradient_norm/decoder/{part}" for part in ("layer_0", "attention", "readout")),
    *(f"gradient_through_time/{side}/layer_0/distance_00" for side in ("encoder", "decoder")),
    "gradient_through_time/decoder/layer_0/distance_04",
}


class Server:
    """A board that runs.

    Attributes:
        address: where it is, without a slash at the end.
        process: its process.
        said: what it has said before that.
    """

    def __init__(self, process: subprocess.Popen[str], address: str, said: str) -> None:
        self.process = process
        self.address = address
        self.said = said

    def ask(self, path: str, body: Any = None, **arguments: str) -> Any:
        """Return what it answers, JSON read."""
        query = f"?{urlencode(arguments)}" if arguments else ""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.address}/data/{path}{query}", data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
        return json.loads(content) if answer.headers["Content-Type"].startswith("application/json") else content

    def wait_for(self, path: str, run: str, tag: str) -> Any:
        """Return what it answers when all that it has to read is read: until a run's tag is there."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            told = self.ask(path)
            if tag in told.get(run, ()):
                return told
            time.sleep(0.5)
        raise AssertionError(f"no {tag} of {run} in {told}")

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal, and return the exit code and what was said of it."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), self.process.communicate(timeout=PATIENCE)[1]


@contextmanager
def _board(*arguments: str | Path) -> Iterator[Server]:
    call = [sys.executable, "-m", "nlp_pipeline", "board", *map(str, arguments)]
    # A process of tests that run in the background would ignore the keyboard as they do.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            found = None
            while found is None:
                line = process.stdout.readline()
                assert line, process.communicate()[1]
                said += line
                found = re.match(r"TensorBoard is at (http://\S+?)/ ", line)
            yield Server(process, found[1], said)
        finally:
            process.kill()
            signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a board on a run of each task, both of them called `run`, with all that a recipe can ask for."""
    folder = tmp_path_factory.mktemp("board")
    for task in ("tagger", "translator"):
        (folder / task).mkdir()
    (folder / "tagger" / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "tagger" / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    write_tiny_translator(folder / "translator")
    more = ("training.epochs=2", "dashboard={every: 2, histograms: true, gradient_through_time: true}")
    for task in ("tagger", "translator"):
        sets = [part for one in more for part in ("--set", one)]
        main(["train", str(folder / task / "tiny.yaml"), "--output", str(folder / task / "run"), *sets])
    with _board(folder / "tagger" / "run", folder / "translator" / "run", "--port", "0") as server:
        server.wait_for("plugin/scalars/tags", "tagger/run", "quality/f1")
        server.wait_for("plugin/scalars/tags", "translator/run", "quality/bleu")
        yield server
        assert server.end(signal.SIGINT) == (130, "SIGINT: TensorBoard is stopped\n")


def test_runs_of_one_name_stand_side_by_side(server: Server) -> None:
    assert server.ask("runs") == ["tagger/run", "translator/run"]
    assert [line.split(": ")[0] for line in server.said.splitlines()[:2]] == ["tagger/run", "translator/run"]


def test_scalars(server: Server) -> None:
    told = server.ask("plugin/scalars/tags")
    assert told["tagger/run"].keys() >= SCALARS | TAGGER
    assert told["translator/run"].keys() >= SCALARS | TRANSLATOR
    groups = {"loss", "quality", "optimizer", "speed", "hparams", "gradient_through_time"}
    assert {tag.split("/")[0] for tags in told.values() for tag in tags} == groups
    of_f1 = server.ask("plugin/scalars/scalars", run="tagger/run", tag="quality/f1")
    assert len(of_f1) == 2  # epochs, each with its time, step and value
    assert all(0.0 <= value <= 1.0 for _, _, value in of_f1)


def test_images(server: Server) -> None:
    told = server.ask("plugin/images/tags")
    assert told["tagger/run"].keys() == {
        *("images/confusion", "images/calibration/words", "images/calibration/entities"),
        "gradient_through_time/words",
    }
    assert told["translator/run"].keys() == {
        *(f"images/alignment_{number}" for number in range(1, 5)),
        *("images/calibration/subwords", "gradient_through_time/source", "gradient_through_time/target"),
    }
    shown = server.ask("plugin/images/images", run="translator/run", tag="images/alignment_1", sample="0")
    assert len(shown) == 2
    file = server.ask(f"plugin/images/individualImage?{shown[-1]['query']}")
    assert file.startswith(b"\x89PNG")


def test_texts(server: Server) -> None:
    told = server.ask("plugin/text/tags")
    assert sorted(told["tagger/run"]) == [f"text/dev_{number}" for number in range(1, 5)]
    assert sorted(told["translator/run"]) == [f"text/dev_{number}" for number in range(1, 5)]

    def first_of(run: str) -> str:
        return unescape(server.ask("plugin/text/text", run=run, tag="text/dev_1")[0]["text"])

    first = first_of("tagger/run")
    assert "<strong>Ana Reis</strong> <code>PER</code> lives in <strong>Oslo</strong> <code>LOC</code>" in first
    first = first_of("translator/run")
    assert "<td>the red dog sleeps .</td>" in first
    assert "<td>le chien rouge dort .</td>" in first


def test_histograms(server: Server) -> None:
    told = server.ask("plugin/histograms/tags")
    assert "histograms/recurrent/forward_0/gru_cell/kernel" in told["tagger/run"]
    assert "histograms/decoder/attention/query" in told["translator/run"]
    found = server.ask("plugin/histograms/histograms", run="translator/run", tag="histograms/decoder/attention/query")
    assert [sum(count for *_, count in buckets) for _, _, buckets in found] == [24 * 16] * 2


def test_the_graph(server: Server) -> None:
    told = server.ask("plugin/graphs/info")
    assert all(told[run]["run_graph"] for run in ("tagger/run", "translator/run"))
    for run, layer in (("tagger/run", "recurrent"), ("translator/run", "decoder")):
        graph = server.ask("plugin/graphs/graph", run=run, conceptual="false")
        assert re.search(rf"\b{layer}(_\d+)?/", graph.decode())


def test_hyperparameters(server: Server) -> None:
    told = server.ask("plugin/hparams/experiment", {"experimentName": "", "includeMetrics": True})
    keys = {one["name"] for one in told["hparamInfos"]}
    assert {"seed", "training.learning_rate", "recurrent.units", "decoder.attention.units"} <= keys
    metrics = {(one["name"]["group"], one["name"]["tag"]) for one in told["metricInfos"]}
    assert {("", "hparams/best_f1"), ("", "hparams/best_bleu")} <= metrics
    body = {
        "experimentName": "",
        "startIndex": 0,
        "sliceSize": 10,
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [{"hparam": "seed", "includeInResult": True}],
    }
    groups = server.ask("plugin/hparams/session_groups", body)["sessionGroups"]
    assert sorted(group["hparams"]["seed"] for group in groups) == [3.0, 13.0]


def test_a_signal_from_outside(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    events = next((tiny_bundle.parent / "logs").glob("*tfevents*"))
    shutil.copy(events, tmp_path / "logs")
    with _board(tmp_path, "--port", "0") as server:
        server.wait_for("plugin/scalars/tags", tmp_path.name, "quality/f1")
        assert server.end(signal.SIGTERM) == (143, "SIGTERM: TensorBoard is stopped\n")


def test_a_port_that_is_taken(tiny_bundle: Path) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        call = [sys.executable, "-m", "nlp_pipeline", "board", str(tiny_bundle.parent), "--port", str(port)]
        ended = subprocess.run(call, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(rf"localhost:{port}: TensorBoard cannot listen there: .*already in use\n", ended.stderr)


def test_a_folder_without_events(command: CommandLine, tmp_path: Path) -> None:
    outcome = command("board", tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"{tmp_path}: expected a run with events for TensorBoard, received none\n"
    outcome = command("board", tmp_path / "nowhere")
    assert outcome.err == f"{tmp_path / 'nowhere'}: expected the folder of a run, received no folder\n"
    assert command("board").code == 2
