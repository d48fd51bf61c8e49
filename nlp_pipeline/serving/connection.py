"""A Ray cluster: which one, the way there, and whether it has room."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nlp_pipeline.errors import ClusterError, Problem, UsageError

# Seconds until a machine has taken a connection, and until Ray has made its own of it.
ANSWERS_WITHIN = 5.0
CONNECTS_WITHIN = 60.0
_AUTO, _LOCAL, _CLIENT = "auto", "local", "ray://"
_TOKEN = "; RAY_AUTH_MODE=token and RAY_AUTH_TOKEN have to be here what they are on the cluster"


@dataclass(frozen=True)
class Cluster:
    """Where work is done.

    Attributes:
        address: of a running cluster, `auto` for the one that this machine is of; None starts one here.
        workers: how many processes share the work.
        cpus: for each of them.
        gpus: likewise; a part of one is possible where nothing is trained.
    """

    address: str | None = None
    workers: int = 2
    cpus: float = 1.0
    gpus: float = 0.0

    @property
    def is_own(self) -> bool:
        """Whether it is started here, and so has what this machine has."""
        return self.address in (None, _LOCAL)


def connected(cluster: Cluster, option: str, module: str) -> Any:
    """Return the package `ray`, with a cluster behind it. A signal's handler may raise meanwhile, and ends the waiting.

    Args:
        cluster: which one.
        option: what the user has typed to get here; errors name it.
        module: what is needed of Ray, such as `ray.data`.

    Raises:
        UsageError: where Ray is not installed.
        ClusterError: where the cluster cannot be reached.
    """
    # Its own remarks are not for users: what they must know comes as exceptions.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray

        importlib.import_module(module)
    except ImportError as error:
        message = f"expected Ray, received none ({error}): pip install 'nlp-pipeline[cluster]'"
        raise UsageError([Problem(option, message)]) from None
    if ray.is_initialized():
        return ray
    _refuse_silent(cluster, option)
    logging.getLogger("ray").setLevel(logging.ERROR)

    def connect() -> None:
        # Without an address Ray would join what RAY_ADDRESS or a file of an earlier cluster names.
        address = cluster.address or _LOCAL
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    try:
        _waited_for(connect, None if cluster.is_own else CONNECTS_WITHIN)
    except (ConnectionError, ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        # Of Ray's own text on tokens the first line says most.
        is_refused = "authenticat" in str(error).lower()
        received = str(error).splitlines()[0][:300] + _TOKEN if is_refused else last_line(error)
        message = f"expected a Ray cluster that can be reached, received: {received}"
        raise ClusterError([Problem(cluster.address or option, message)]) from None
    return ray


def refuse_too_small(ray: Any, cluster: Cluster, least: int, option: str, say: Callable[[str], None]) -> None:
    """Refuse more than this machine has; where a cluster may grow, say that it is waited for.

    Args:
        ray: the package, connected.
        cluster: what is asked for.
        least: how many workers must be there before anything is done.
        option: what the user has typed to get here.
        say: is told what is waited for.

    Raises:
        ClusterError: where a cluster that was started here will never have what is needed.
    """
    there = ray.cluster_resources()
    for name, each in (("CPU", cluster.cpus), ("GPU", cluster.gpus)):
        has, wanted = there.get(name, 0.0), least * each
        if has >= wanted:
            continue
        workers = f"{least} worker{'s' if least > 1 else ''} of {each:g} {name}s each"
        if cluster.is_own:
            raise ClusterError([Problem(option, f"expected {wanted:g} {name}s for {workers}, received {has:g}")])
        say(f"the cluster has {has:g} {name}s, and {workers} need {wanted:g}: waiting for more")


def last_line(error: BaseException) -> str:
    """Return the last line of an error's text, which says most of Ray's."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]


def _refuse_silent(cluster: Cluster, option: str) -> None:
    """Refuse an address where nobody answers: Ray itself would try again and again, and say nothing."""
    address = os.environ.get("RAY_ADDRESS") or _AUTO if cluster.address == _AUTO else cluster.address or _LOCAL
    if address in (_AUTO, _LOCAL) or ("://" in address and not address.startswith(_CLIENT)):
        return
    host, _, port = address.removeprefix(_CLIENT).partition("/")[0].rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        message = f"expected {_AUTO}, HOST:PORT or {_CLIENT}HOST:PORT, received {address!r}"
        raise ClusterError([Problem(option, message)])
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except (OSError, UnicodeError) as error:
        received = getattr(error, "strerror", None) or error
        message = f"expected a Ray cluster that can be reached, received: {received}"
        raise ClusterError([Problem(address, message)]) from None


def _waited_for(call: Callable[[], None], limit: float | None) -> None:
    """Call something in a thread, since nothing written in Python, such as a signal's handler, interrupts Ray in C++.

    Args:
        call: what may hang. Where it does, it is left behind.
        limit: for how many seconds it is waited for.

    Raises:
        TimeoutError: where it takes longer.
    """
    raised: list[BaseException] = []
    is_over = threading.Event()

    def caught() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)
        is_over.set()
        if not raised:
            # Linux ends what Ray has started as soon as the thread ends that started it.
            threading.Event().wait()

    threading.Thread(target=caught, daemon=True).start()
    if not is_over.wait(limit):
        raise TimeoutError(f"no answer within {limit:g} seconds")
    if raised:
        raise raised[0]
