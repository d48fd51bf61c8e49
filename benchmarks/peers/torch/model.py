"""The translator of the benchmark in plain PyTorch, with the weights of a bundle of ours.

    source -> embeddings -> two-way GRU --annotations--> additive attention
                               |                             |
                            bridge ----------------> GRU cell with input feeding -> readout -> output layer -> target

Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate". The attention's keys are
projected once a sentence; readout and output layer are computed for all steps at once, after the loop over the target.
Shapes: B sentences of up to S source and T target subwords, N hypotheses for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PADDING_ID, UNKNOWN_ID, START_ID, END_ID = range(4)
# The score of what cannot be written: finite, so that no inf - inf turns up.
NEVER = -1e30
# A translation has at most `LONGEST` times as many subwords as its source, and `ROOM` more.
LONGEST, ROOM = 2.0, 10


class Source(NamedTuple):
    """What the decoder knows of B sentences.

    Attributes:
        keys: [B, S, A].
        values: the annotations [B, S, D].
        padding_mask: [B, S], True where there is a subword.
    """

    keys: Tensor
    values: Tensor
    padding_mask: Tensor

    def rows(self, index: Tensor) -> Source:
        """Return what is known of some of the sentences."""
        return Source(*(one[index] for one in self))


class Translator(nn.Module):
    """A recurrent translator with attention.

    Args:
        vocabulary: how many subwords there are, on both sides.
        embedding: E, of a subword.
        units: U, of each direction of the encoder, of the decoder, of the attention and of the readout.
    """

    def __init__(self, vocabulary: int = 8000, embedding: int = 256, units: int = 512) -> None:
        super().__init__()
        annotation = 2 * units
        self.source_table = nn.Embedding(vocabulary, embedding)
        self.target_table = nn.Embedding(vocabulary, embedding)
        self.encoder = nn.GRU(embedding, units, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(annotation, units)
        self.keys = nn.Linear(annotation, units, bias=False)
        self.query = nn.Linear(units, units, bias=False)
        self.energy = nn.Linear(units, 1, bias=False)
        self.cell = nn.GRUCell(embedding + annotation, units)
        self.readout = nn.Linear(units + annotation + embedding, units)
        self.output = nn.Linear(units, vocabulary)

    @classmethod
    def load(cls, path: Path) -> Translator:
        """Return a translator with the weights of a bundle, `weights.safetensors`."""
        weights = load_file(path)
        vocabulary, embedding = weights["target/embeddings"].shape
        made = cls(vocabulary, embedding, weights["bridge/layer_0_part_0/bias"].shape[0])
        made.load_state_dict(_as_here(weights))
        return made

    def encode(self, source_ids: Tensor) -> tuple[Source, Tensor]:
        """Read sources [B, S]; return what is known of them, and the state [B, U] in which the decoder begins."""
        padding_mask = source_ids != PADDING_ID
        lengths = padding_mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(self.source_table(source_ids), lengths, batch_first=True, enforce_sorted=False)
        outputs, ends = self.encoder(packed)
        values, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source_ids.shape[1])
        state = torch.tanh(self.bridge(torch.cat([ends[0], ends[1]], dim=1)))
        return Source(self.keys(values), values, padding_mask), state

    def step(self, embedded: Tensor, state: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """Read one subword of each hypothesis, of which N of one sentence stand one after the other.

        Args:
            embedded: the subwords [B * N, E].
            state: [B * N, U].
            source: of the B sentences.

        Returns:
            The state afterwards, and the context [B * N, D] that the state before has found.
        """
        sentences, _, units = source.keys.shape
        query = self.query(state).view(sentences, -1, 1, units)
        energies = self.energy(torch.tanh(source.keys.unsqueeze(1) + query)).squeeze(3)
        energies = energies.masked_fill(~source.padding_mask.unsqueeze(1), NEVER)
        context = torch.bmm(functional.softmax(energies, dim=2), source.values).flatten(0, 1)
        return self.cell(torch.cat([embedded, context], dim=1), state), context

    def logits(self, states: Tensor, contexts: Tensor, embedded: Tensor) -> Tensor:
        """Return the scores of the next subword [..., V]."""
        logits: Tensor = self.output(torch.tanh(self.readout(torch.cat([states, contexts, embedded], dim=-1))))
        return logits

    def forward(self, source_ids: Tensor, decoder_inputs: Tensor, target_ids: Tensor) -> Tensor:
        """Return the loss of a batch, in nats, summed over the target's real subwords."""
        source, state = self.encode(source_ids)
        embedded = self.target_table(decoder_inputs)
        states, contexts = [], []
        for one in embedded.unbind(dim=1):
            state, context = self.step(one, state, source)
            states.append(state)
            contexts.append(context)
        logits = self.logits(torch.stack(states, dim=1), torch.stack(contexts, dim=1), embedded)
        return functional.cross_entropy(
            logits.flatten(0, 1), target_ids.flatten(), ignore_index=PADDING_ID, reduction="sum"
        )

    def translate(self, source_ids: Tensor, beam_size: int, length_penalty: float) -> list[list[int]]:
        """Return the best translation of each source [B, S], without its end."""
        with torch.inference_mode():
            return self._greedy(source_ids) if beam_size == 1 else self._beam(source_ids, beam_size, length_penalty)

    def _greedy(self, source_ids: Tensor) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in source_ids]
        source, state = self.encode(source_ids)
        limits = _limits(source.padding_mask)
        sentences = torch.arange(len(source_ids))
        last = torch.full_like(sentences, START_ID)
        time = 0
        while len(sentences):
            embedded = self.target_table(last)
            state, context = self.step(embedded, state, source)
            last = _writable(self.logits(state, context, embedded), limits <= time + 1).argmax(dim=1)
            time += 1
            open_rows = last != END_ID
            if not open_rows.all():
                source, state, limits = source.rows(open_rows), state[open_rows], limits[open_rows]
                sentences, last = sentences[open_rows], last[open_rows]
            for sentence, subword in zip(sentences.tolist(), last.tolist(), strict=True):
                found[sentence].append(subword)
        return found

    def _beam(self, source_ids: Tensor, beam_size: int, length_penalty: float) -> list[list[int]]:
        """Search by a beam, which is one narrower for each hypothesis that has ended.

        Ended ones are ranked by log P / lp, lp = ((5 + length) / 6)^length_penalty, where the length counts the end
        (Wu et al. 2016, equation 14).
        """
        best: list[tuple[float, list[int]]] = [(-math.inf, []) for _ in source_ids]
        source, state = self.encode(source_ids)
        limits = _limits(source.padding_mask)
        sentences = torch.arange(len(source_ids))
        left = torch.full_like(sentences, beam_size)
        state = state.repeat_interleave(beam_size, dim=0)
        # At first there is one hypothesis.
        scores = torch.full((len(sentences), beam_size), NEVER)
        scores[:, 0] = 0.0
        history = torch.full((len(sentences), beam_size, 1), START_ID)
        slots = torch.arange(beam_size)
        while True:
            time = history.shape[2]
            embedded = self.target_table(history[:, :, -1].flatten())
            state, context = self.step(embedded, state, source)
            log_probabilities = functional.log_softmax(self.logits(state, context, embedded), dim=1)
            must_end = (limits <= time).repeat_interleave(beam_size)
            of_row, ids_of_row = _writable(log_probabilities, must_end).topk(beam_size, dim=1)
            together = scores.unsqueeze(2) + of_row.view(-1, beam_size, beam_size)
            scores, places = together.flatten(1).clamp(min=NEVER).topk(beam_size, dim=1)
            scores = scores.masked_fill(slots >= left.unsqueeze(1), NEVER)
            parents = places // beam_size
            ids = ids_of_row.view(len(sentences), -1).gather(1, places)
            history = torch.cat([history.gather(1, parents.unsqueeze(2).expand(-1, -1, time)), ids.unsqueeze(2)], dim=2)
            rows = torch.arange(len(sentences)).unsqueeze(1) * beam_size + parents
            state = state[rows.flatten()]

            ended = (ids == END_ID) & (scores > NEVER / 2)
            ranks = scores / ((5.0 + time) / 6.0) ** length_penalty
            for row, slot in ended.nonzero().tolist():
                sentence, rank = int(sentences[row]), float(ranks[row, slot])
                if rank > best[sentence][0]:
                    best[sentence] = (rank, history[row, slot, 1:-1].tolist())
            left = left - ended.sum(dim=1)
            scores = scores.masked_fill(ended, NEVER)
            open_rows = (scores > NEVER / 2).any(dim=1)
            if not open_rows.any():
                return [ids for _, ids in best]
            if not open_rows.all():
                state = state.view(len(sentences), beam_size, -1)[open_rows].flatten(0, 1)
                source, limits, sentences = source.rows(open_rows), limits[open_rows], sentences[open_rows]
                left, scores, history = left[open_rows], scores[open_rows], history[open_rows]


def _limits(padding_mask: Tensor) -> Tensor:
    """Return how many subwords the translation of each source may have, with the end [B]."""
    return torch.ceil(LONGEST * padding_mask.sum(dim=1)).long() + ROOM


def _writable(scores: Tensor, must_end: Tensor) -> Tensor:
    """Return scores [rows, V] by which padding and the start are never taken; only the end in rows that must end."""
    scores[:, [PADDING_ID, START_ID]] = NEVER
    if must_end.any():
        ends = scores[must_end, END_ID]
        scores[must_end] = NEVER
        scores[must_end, END_ID] = ends
    return scores


def _as_here(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a bundle's weights under the names of this module."""
    named = {
        "source_table.weight": weights["source/embeddings"],
        "target_table.weight": weights["target/embeddings"],
        "keys.weight": weights["decoder/attention/keys"].T,
        "query.weight": weights["decoder/attention/query"].T,
        "energy.weight": weights["decoder/attention/energy"].T,
        # Ours stands as the embeddings do.
        "output.weight": weights["translator/output_kernel"],
        "output.bias": weights["translator/output_bias"],
    }
    for name, ours in (("bridge", "bridge/layer_0_part_0"), ("readout", "decoder/readout")):
        named[f"{name}.weight"], named[f"{name}.bias"] = weights[f"{ours}/kernel"].T, weights[f"{ours}/bias"]
    cells = {
        ("encoder", "_l0"): "encoder/forward_0/gru_cell",
        ("encoder", "_l0_reverse"): "encoder/backward_0/gru_cell",
        ("cell", ""): "decoder/layer_0",
    }
    for (name, ending), ours in cells.items():
        bias_of_input, bias_of_state = weights[f"{ours}/bias"]
        named[f"{name}.weight_ih{ending}"] = _gates(weights[f"{ours}/kernel"].T)
        named[f"{name}.weight_hh{ending}"] = _gates(weights[f"{ours}/recurrent_kernel"].T)
        named[f"{name}.bias_ih{ending}"], named[f"{name}.bias_hh{ending}"] = (
            _gates(bias_of_input),
            _gates(bias_of_state),
        )
    return named


def _gates(weight: Tensor) -> Tensor:
    """Return the rows of a GRU's weight with the gates in PyTorch's order: Keras' is update, reset, new."""
    update, reset, new = weight.chunk(3)
    return torch.cat([reset, update, new])


def read_vocabulary(path: Path) -> list[str]:
    """Return the subwords in the order of their ids, the special ones as empty strings."""
    return [""] * 4 + path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return rows of ids as one matrix, padded on the right."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[PADDING_ID] * (width - len(row))] for row in rows])
