"""The way to a Ray cluster, without one: what cannot be reached or has no room is told, and a signal is heard."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
import ray

from nlp_pipeline.errors import ClusterError
from nlp_pipeline.serving.connection import Cluster, connected, refuse_too_small

OPTION = "--engine ray"
# Connects to a server that takes connections and never says a word.
CONNECT = """
import sys
import ray
from nlp_pipeline.errors import PipelineError
from nlp_pipeline.serving import connection

def init(before=ray.init, **options):
    print("connecting", flush=True)
    before(**options)

ray.init = init
connection.CONNECTS_WITHIN = float(sys.argv[2])
try:
    connection.connected(connection.Cluster(sys.argv[1]), "--engine ray", "ray.data")
except PipelineError as error:
    print(error)
except KeyboardInterrupt:
    print("interrupted")
"""


class Small:
    """Stands for Ray, with a cluster of two processors."""

    @staticmethod
    def cluster_resources() -> dict[str, float]:
        return {"CPU": 2.0}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what Ray is asked to connect to, which it does not do."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: calls.append(options))
    return calls


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_without_an_address_no_other_cluster_is_joined(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    connected(Cluster(), OPTION, "ray.data")
    assert [options["address"] for options in asked] == ["local"]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "auto"])
def test_an_address_where_nobody_answers_is_told_at_once(
    form: str, free_port: int, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port}")
    with pytest.raises(ClusterError) as told:
        connected(Cluster(form.format(free_port)), OPTION, "ray.data")
    (line,) = told.value.lines()
    assert f"127.0.0.1:{free_port}: expected a Ray cluster that can be reached, received: Connection refused" in line
    assert not asked


@pytest.mark.parametrize("address", ["somewhere", "127.0.0.1:", ":6379", "ray://host", "host:70000"])
def test_what_is_no_address_is_refused(address: str, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(ClusterError, match=r"expected auto, HOST:PORT or ray://HOST:PORT, received"):
        connected(Cluster(address), OPTION, "ray.data")
    assert not asked


def test_a_token_that_is_missing_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ray.exceptions.AuthenticationError("InvalidAuthToken")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ClusterError, match=r"received: InvalidAuthToken.*RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"):
        connected(Cluster(), OPTION, "ray.data")


@pytest.mark.parametrize(
    ("number", "limit", "said"),
    [
        (None, "2", "expected a Ray cluster that can be reached, received: no answer within 2 seconds"),
        (signal.SIGINT, "100", "interrupted"),
        (signal.SIGTERM, "100", ""),
    ],
)
def test_a_cluster_that_keeps_silent_ends_with_a_signal_or_the_limit(
    number: signal.Signals | None, limit: str, said: str
) -> None:
    # Ray takes the machine's own address for 127.0.0.1.
    with socket.create_server(("", 0)) as server:
        command = [sys.executable, "-c", CONNECT, f"127.0.0.1:{server.getsockname()[1]}", limit]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "connecting\n"
                if number is not None:
                    time.sleep(1.0)  # so that Ray is in C++, where handlers are not called
                    process.send_signal(number)
                told, _ = process.communicate(timeout=60)
            finally:
                process.kill()
    assert said in told
    assert process.returncode == (-signal.SIGTERM if number == signal.SIGTERM else 0)


@pytest.mark.parametrize(
    ("cluster", "least", "said"),
    [
        (Cluster(cpus=100), 1, "expected 100 CPUs for 1 worker of 100 CPUs each, received 2"),
        (Cluster(gpus=1), 1, "expected 1 GPUs for 1 worker of 1 GPUs each, received 0"),
        (Cluster(workers=3), 3, "expected 3 CPUs for 3 workers of 1 CPUs each, received 2"),
    ],
)
def test_more_than_this_machine_has_is_refused_and_a_cluster_may_grow(cluster: Cluster, least: int, said: str) -> None:
    remarks: list[str] = []
    with pytest.raises(ClusterError) as told:
        refuse_too_small(Small, cluster, least, OPTION, remarks.append)
    assert told.value.lines() == [f"{OPTION}: {said}"]
    assert not remarks
    there = Cluster("10.0.0.1:6379", cluster.workers, cluster.cpus, cluster.gpus)
    refuse_too_small(Small, there, least, OPTION, remarks.append)
    (remark,) = remarks
    assert remark.endswith(": waiting for more")


def test_what_there_is_room_for_is_not_remarked_on() -> None:
    remarks: list[str] = []
    refuse_too_small(Small, Cluster(workers=2), 2, OPTION, remarks.append)
    assert not remarks
    assert Cluster("local").is_own
