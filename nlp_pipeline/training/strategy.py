"""On which devices a run trains."""

from __future__ import annotations

from typing import Literal

import tensorflow as tf


def choose_strategy(name: Literal["auto", "none", "mirrored"]) -> tf.distribute.Strategy:
    """Return the `tf.distribute` strategy of a recipe.

    Args:
        name: `none` is one device; `mirrored` every GPU of this machine, or every logical CPU device where there is
            none; `auto` is `mirrored` where there are several GPUs and `none` otherwise.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])
