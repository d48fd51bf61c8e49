"""A Ray cluster: which one, and the way there."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
from dataclasses import dataclass
from typing import Any

from nlp_pipeline.errors import ClusterError, Problem, UsageError


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


def connected(cluster: Cluster, option: str, module: str) -> Any:
    """Return the package `ray`, with a cluster behind it.

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
    if not ray.is_initialized():
        is_main = threading.current_thread() is threading.main_thread()
        # Ray takes SIGTERM for itself, and we want to leave something to go on from.
        handler = signal.getsignal(signal.SIGTERM) if is_main else None
        try:
            ray.init(address=cluster.address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            message = f"expected a Ray cluster that can be reached, received: {last_line(error)}"
            raise ClusterError([Problem(cluster.address or option, message)]) from None
        finally:
            if handler is not None:
                signal.signal(signal.SIGTERM, handler)
    return ray


def last_line(error: BaseException) -> str:
    """Return the last line of an error's text, which says most of Ray's."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
