"""TensorFlow without the remarks on processors and drivers that it makes at each start."""

from __future__ import annotations

import os
import sys
import tempfile

from nlp_pipeline.devices import let_memory_grow


def load_tensorflow() -> None:
    """Import TensorFlow, look for devices and let their memory grow; show what that wrote only if it went wrong.

    The remarks come from C++, before any setting of Python's can reach them; so the file descriptor itself is turned
    away for a moment.
    """
    # From here on errors come as exceptions, with the place where they happened.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow  # noqa: F401

            let_memory_grow()
        except BaseException:
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
