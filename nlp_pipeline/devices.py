"""What has to be said of devices before TensorFlow uses them."""

from __future__ import annotations


def let_memory_grow() -> None:
    """Let a process take as much memory of a GPU as it needs: the first one would take all of it otherwise."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
