"""The gradient through time of one sentence, as TensorBoard shows it after each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import label
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


def longest_of(lengths: Sequence[int], step: int | None = None) -> int | None:
    """Return the number of the longest sentence that is not too long, the first of several; None where all are.

    Args:
        lengths: of the sentences; 0 for one that is not to be taken.
        step: which of its places is looked at, from 1, so that it has to have that many.
    """
    fitting = [number for number, length in enumerate(lengths) if (step or 1) <= length <= LONGEST]
    return max(fitting, key=lambda number: (lengths[number], -number), default=None)


def nothing_fits(unit: str, step: int | None) -> Shown:
    """Return what is told in the place of a gradient where no sentence can be taken."""
    told = f"No sentence of the dev corpus has {step or 1} to {LONGEST} {unit}: no gradient through time is shown."
    return Shown(texts={f"text/{GROUP}": told})


def tagger_gradient_shown(network: Tagger, batch: Batch, words: Sequence[str], step: int | None = None) -> Shown:
    """Return how far back the loss of one word reaches.

    Args:
        network: with recurrent layers.
        batch: of one sentence, with its gold tags.
        words: its words.
        step: which word's loss, from 1; the middle one's where both ways are read, else the last one's, if left out.
    """
    assert network.recurrent is not None
    word = len(words) // 2 if network.recurrent.bidirectional else len(words) - 1
    word = word if step is None else step - 1
    norms = tagger_gradient(network, _tensors(batch), word)
    title = f"gradient of the loss of word {word + 1} of {len(words)}"
    return _shown({"words": (words, norms, word, title)}, norms, dict.fromkeys(norms, word))


def translator_gradient_shown(
    network: Translator, batch: Batch, source: Sequence[str], target: Sequence[str], chosen: int | None = None
) -> Shown:
    """Return how far back the loss of one of the target's subwords reaches, in the target and in the source.

    In the scalars, a state of the encoder is as far away as its subword stands from the source's end.

    Args:
        network: a translator.
        batch: of one pair.
        source: the texts of the S places that the encoder reads.
        target: the texts of the target's subwords.
        chosen: which one's loss, from 1; the last one's if left out.
    """
    step = len(target) - 1 if chosen is None else chosen - 1
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
    pictures = {f"{GROUP}/{name}": gradient_pixels(*told) for name, told in drawn.items()}
    scalars = {
        f"{GROUP}/{layer}/distance_{distance:02}": norm
        for layer, one in norms.items()
        for distance, norm in norms_by_distance(one, nearest[layer]).items()
    }
    return Shown(scalars, pictures=pictures)


def _tensors(batch: Batch) -> dict[str, tf.Tensor]:
    return {key: tf.constant(value) for key, value in batch.items()}
