"""Runs a SavedModel where this package cannot be imported: a program, `python fresh_process.py MODEL IN OUT`.

IN holds a JSON object a line: the name of a signature and its inputs, as nested lists. OUT gets the outputs likewise.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(model: str, requests: str, answers: str) -> None:
    """Answer the requests."""
    # Whoever serves the model does not have it: an import would end the program.
    sys.modules["nlp_pipeline"] = None  # type: ignore[assignment]
    import tensorflow as tf

    signatures = tf.saved_model.load(model).signatures
    with Path(requests).open(encoding="utf-8") as lines, Path(answers).open("w", encoding="utf-8") as out:
        for line in lines:
            request = json.loads(line)
            function = signatures[request["signature"]]
            kinds = function.structured_input_signature[1]
            inputs = {name: tf.constant(value, kinds[name].dtype) for name, value in request["inputs"].items()}
            outputs = {name: _plain(value.numpy()) for name, value in function(**inputs).items()}
            out.write(json.dumps(outputs) + "\n")


def _plain(values: Any) -> Any:
    """Return an array as nested lists, bytes as text."""
    return _text(values.tolist())


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
