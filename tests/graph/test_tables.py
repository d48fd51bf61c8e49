from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.graph.tables import CODE_POINTS, CodePointMapping, CodePointTable


def test_a_table_gives_every_code_point_its_number() -> None:
    numbers = np.random.default_rng(1).integers(0, 5, CODE_POINTS).astype(np.uint8)
    numbers[0x3000:0x10000] = 7
    found = CodePointTable(numbers)(tf.range(CODE_POINTS))
    assert (found.numpy() == numbers).all()


def test_a_table_needs_a_number_for_each() -> None:
    with pytest.raises(ValueError, match=r"expected a number for each of 1114112 .* Received: \(3,\)"):
        CodePointTable(np.zeros(3))


def test_a_mapping_tells_where_each_came_from() -> None:
    mapping = CodePointMapping({ord("b"): "", ord("c"): "xyz", ord("d"): "q"})
    mapped = mapping(tf.constant([ord(character) for character in "abcda"]))
    assert "".join(map(chr, mapped.code_points.numpy())) == "axyzqa"
    assert mapped.origins.numpy().tolist() == [0, 2, 2, 2, 3, 4]


def test_a_mapping_of_nothing_is_nothing() -> None:
    mapped = CodePointMapping({})(tf.zeros([0], tf.int32))
    assert mapped.code_points.numpy().size == mapped.origins.numpy().size == 0
