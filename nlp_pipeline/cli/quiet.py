"""TensorFlow without the remarks on processors and drivers that it makes at each start."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from nlp_pipeline.devices import let_memory_grow, share_cores

# What Keras imports where it is there, for wrappers, galleries and tables that are not used here, in two seconds.
_NOT_FOR_KERAS = ("matplotlib", "pandas", "sklearn")


def load_tensorflow(at_once: int | None = None) -> None:
    """Import TensorFlow, look for devices and let their memory grow; show what that wrote only if it went wrong.

    The remarks come from C++, before any setting of Python's can reach them; so the file descriptor itself is turned
    away for a moment.

    Args:
        at_once: how many batches, or directions of a recurrent layer, are to be computed at a time at the most, each by
            cores of its own; None where all cores are to share each product.
    """
    # From here on errors come as exceptions, with the place where they happened.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            with _hidden(_NOT_FOR_KERAS):
                import tensorflow as tf

            # Python's own remarks, such as that several graphs were made of one function, one for each bundle.
            tf.get_logger().setLevel("ERROR")
            let_memory_grow()
            if at_once is not None:
                share_cores(most=at_once)
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Let an import of packages that have not been imported yet fail for a while."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which is how Python is told that there is none
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
