"""What has to be said of devices before TensorFlow uses them, and what they can do."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Linux tells them of each core; with either a product of bfloat16 is faster than one of float32.
_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
CPU_INFO = Path("/proc/cpuinfo")
# The first generation of GPUs that multiplies bfloat16.
_AMPERE = (8, 0)
AT_ONCE = 8
"""So many batches are computed at once at the most: each costs memory."""


def let_memory_grow() -> None:
    """Let a process take as much memory of a GPU as it needs: the first one would take all of it otherwise."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def share_cores(cores: int | None = None, most: int = AT_ONCE) -> None:
    """Let each core compute something of its own, as far as they go, rather than all of them the same product.

    What stands between the large products of a batch keeps no more than a core busy; a batch that is alone takes
    longer. Likewise the two directions of a recurrent layer, whose products are small. To be called before TensorFlow
    computes anything; where it has begun, its threads stay as they are, and so they do where there is a GPU.

    Args:
        cores: how many there are to share; all that this process may use where it is left out.
        most: among so many they are shared at the most.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return
    if cores is None:
        cores = usable_cores()
    at_once = min(cores, most)
    # TensorFlow refuses with it where it has begun.
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(at_once)
        tf.config.threading.set_intra_op_parallelism_threads(-(-cores // at_once))


def batches_at_once() -> int:
    """Return how many batches are best computed at once: as many as TensorFlow has threads for, one where a GPU is."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return 1
    return min(tf.config.threading.get_inter_op_parallelism_threads() or usable_cores(), AT_ONCE)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def multiplies_bfloat16() -> bool:
    """Return whether products are computed in bfloat16 as such: by the first GPU, or by the processor without one.

    Where nothing is known of the processor, it is held not to.
    """
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        about = tf.config.experimental.get_device_details(gpus[0])
        return bool(about.get("compute_capability", (0, 0)) >= _AMPERE)
    return processor_has_bfloat16()


def processor_has_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Return whether the processor has instructions for products of bfloat16.

    Args:
        cpu_info: what Linux says of it.
    """
    return not _FLAGS.isdisjoint(told_of_processor("flags", cpu_info).split())


def told_of_processor(key: str, cpu_info: Path = CPU_INFO) -> str:
    """Return what Linux says of the first core under a key, such as `flags`; nothing where it says nothing.

    Args:
        key: such as `model name`.
        cpu_info: where it says it.
    """
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")
