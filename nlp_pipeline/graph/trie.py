"""A trie of subwords, walked by many texts at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.tables import CodePointTable

ROOT = 0
NOWHERE = -1


class Trie(tf.Module):
    """Finds the subwords that begin at some code point.

    A node is a beginning of subwords; from each, a code point leads to the next one, or nowhere.

    Args:
        subwords: the id of each, by its text; none of the texts is empty.

    Attributes:
        longest: how many code points the longest subword has.
    """

    def __init__(self, subwords: Mapping[str, int], name: str = "trie") -> None:
        super().__init__(name=name)
        self.longest = max(map(len, subwords), default=0)
        alphabet = sorted({character for subword in subwords for character in subword})
        # 0 is what no subword has.
        self._characters = CodePointTable.of_some({ord(one): at for at, one in enumerate(alphabet, start=1)}, 0)
        self._size = len(alphabet) + 1
        self._nodes, ids = _nodes(sorted(subwords.items()))
        number_of = {character: number for number, character in enumerate(alphabet, start=1)}
        keys = [node * self._size + number_of[character] for node, character in self._nodes]
        self._ids = np.array(ids, np.int32)
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant(keys, tf.int64), tf.constant(range(1, len(keys) + 1), tf.int64)
        )
        self._steps: Any = tf.lookup.StaticHashTable(initializer, NOWHERE)

    def node_of(self, beginning: str) -> int:
        """Return the node of a beginning of subwords, `NOWHERE` for what none begins with."""
        node = ROOT
        for character in beginning:
            node = self._nodes.get((node, character), NOWHERE)
        return node

    def characters(self, code_points: tf.Tensor) -> tf.Tensor:
        """Return code points as the trie counts them, int32, in their shape."""
        return self._characters(code_points)

    def step(self, nodes: tf.Tensor, characters: tf.Tensor) -> tf.Tensor:
        """Return the nodes to which characters lead, `NOWHERE` from there on.

        Args:
            nodes: int64, `NOWHERE` among them.
            characters: as `characters` gives them, in the same shape.
        """
        keys = nodes * self._size + tf.cast(characters, tf.int64)
        return self._steps.lookup(tf.where(nodes < 0, tf.constant(NOWHERE, tf.int64), keys))

    def ids(self, nodes: tf.Tensor) -> tf.Tensor:
        """Return the ids of the subwords that end at nodes, int32; -1 where none does, or for `NOWHERE`."""
        return tf.where(nodes < 0, -1, tf.gather(tf.constant(self._ids), tf.maximum(nodes, 0)))


def _nodes(subwords: Iterable[tuple[str, int]]) -> tuple[dict[tuple[int, str], int], list[int]]:
    """Return where each step leads, in the order of the nodes, and for each node the id that ends there."""
    steps: dict[tuple[int, str], int] = {}
    ids = [-1]
    for subword, subword_id in subwords:
        node = ROOT
        for character in subword:
            before = node
            node = steps.setdefault((before, character), len(ids))
            if node == len(ids):
                ids.append(-1)
        ids[node] = subword_id
    return steps, ids
