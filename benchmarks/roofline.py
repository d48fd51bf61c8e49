"""What this machine can do: products of matrices in float32 and bfloat16, and how fast memory is read and written.

    python benchmarks/roofline.py

The best of some rounds each, with as many threads as TensorFlow takes by itself: a limit that what is measured beside
it can be held against.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

SIZE = 2048
ROUNDS = 20
# Larger than any cache.
ARRAY = 2**26


@dataclass(frozen=True)
class Limits:
    """Rates of a machine.

    Attributes:
        float32, bfloat16: floating-point operations a second, in products of matrices.
        memory: bytes a second that are read or written, of arrays that no cache holds.
    """

    float32: float
    bfloat16: float
    memory: float


def measure() -> Limits:
    """Measure them; takes some ten seconds."""
    import tensorflow as tf

    def matrix_rate(kind: Any) -> float:
        left, right = (tf.cast(tf.random.normal([SIZE, SIZE]), kind) for _ in range(2))
        # A scalar comes back, so that the time is not that of copying the product.
        multiply = tf.function(lambda: tf.matmul(left, right)[0, 0])
        return 2.0 * SIZE**3 / _best(lambda: multiply().numpy())

    array = tf.random.normal([ARRAY])
    double = tf.function(lambda: (array * 2.0)[0])
    moved = 2.0 * array.dtype.size * ARRAY
    return Limits(matrix_rate(tf.float32), matrix_rate(tf.bfloat16), moved / _best(lambda: double().numpy()))


def _best(run: Callable[[], Any]) -> float:
    run()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
