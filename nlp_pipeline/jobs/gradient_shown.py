"""The gradient through time of one sentence, as TensorBoard shows it after each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import FontWarning, label
from nlp_pipeline.evaluation.gradient_picture import gradient_pixels
from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.models.gradient_flow import Norms, tagger_gradient, translator_gradient
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.training.shown import Shown

GROUP = "gradient_through_time"
# Steps between the chosen one and the states whose norms are drawn over the epochs.
_DISTANCES = (0, 1, 2, 4, 8, 16, 32)
# Of how many words or subwords a sentence has at the most that is taken.
LONGEST = 40


def longest_of(lengths: Sequence[int]) -> int | None:
    """Return the number of the longest sentence that is not too long, the first of several; None where all are."""
    fitting = [number for number, length in enumerate(lengths) if 0 < length <= LONGEST]
    return max(fitting, key=lambda number: (lengths[number], -number), default=None)


def tagger_gradient_shown(network: Tagger, batch: Batch, words: Sequence[str]) -> Shown:
    """Return how far back the loss of one word reaches: of the middle one where both ways are read, else of the last.

    Args:
        network: with recurrent layers.
        batch: of one sentence, with its gold tags.
        words: its words.
    """
    assert network.recurrent is not None
    word = len(words) // 2 if network.recurrent.bidirectional else len(words) - 1
    norms = tagger_gradient(network, _tensors(batch), word)
    title = f"gradient of the loss of word {word + 1} of {len(words)}"
    return _shown({"words": (words, norms, word, title)}, norms, dict.fromkeys(norms, word))


def translator_gradient_shown(network: Translator, batch: Batch, source: Sequence[str], target: Sequence[str]) -> Shown:
    """Return how far back the loss of the target's last subword reaches, in the target and in the source.

    In the scalars, a state of the encoder is as far away as its subword stands from the source's end.

    Args:
        network: a translator.
        batch: of one pair.
        source: the texts of the S places that the encoder reads.
        target: the texts of the target's subwords.
    """
    step = len(target) - 1
    norms = translator_gradient(network, _tensors(batch), step)
    of_decoder = {name: one for name, one in norms.items() if name.startswith("decoder")}
    of_encoder = {name: one for name, one in norms.items() if name not in of_decoder}
    title = f"gradient of the loss of subword {step + 1} of {len(target)} ({label(target[step])})"
    drawn = {
        "source": (source, of_encoder, None, f"{title}: states of the encoder"),
        "target": (target, of_decoder, step, f"{title}: states of the decoder"),
    }
    nearest = {name: step if name in of_decoder else len(source) - 1 for name in norms}
    return _shown(drawn, norms, nearest)


def norms_by_distance(norms: NDArray[np.float32], nearest: int) -> dict[int, float]:
    """Return the norm of the gradient with respect to all states so many steps away from one, on both sides."""
    found = {}
    for distance in _DISTANCES:
        places = [place for place in {nearest - distance, nearest + distance} if 0 <= place < len(norms)]
        if places:
            found[distance] = float(np.linalg.norm(norms[places]))
    return found


def _shown(
    drawn: dict[str, tuple[Sequence[str], Norms, int | None, str]], norms: Norms, nearest: dict[str, int]
) -> Shown:
    with warnings.catch_warnings():
        # A script that this machine has no font for is shown as boxes; no need to say so each epoch.
        warnings.simplefilter("ignore", FontWarning)
        pictures = {f"{GROUP}/{name}": gradient_pixels(*told) for name, told in drawn.items()}
    scalars = {
        f"{GROUP}/{layer}/distance_{distance:02}": norm
        for layer, one in norms.items()
        for distance, norm in norms_by_distance(one, nearest[layer]).items()
    }
    return Shown(scalars, pictures=pictures)


def _tensors(batch: Batch) -> dict[str, tf.Tensor]:
    return {key: tf.constant(value) for key, value in batch.items()}
