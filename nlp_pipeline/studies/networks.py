"""The networks that studies compare: what each is made of, what it is called, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """What a network is made of, and its look.

    Attributes:
        label: what it is called.
        look: its colour, marker and line, as matplotlib has them. Each colour has at least 3:1 against white and
            against a page's dark ground; markers tell the networks apart without it.
        cell: of its recurrent layers.
        layers: how many.
        bidirectional: whether they read both ways.
        attends: whether the question is read by a decoder that attends to the states of all symbols before it.
    """

    label: str
    look: tuple[str, str, str]
    cell: Literal["rnn", "gru", "lstm"]
    layers: int = 1
    bidirectional: bool = False
    attends: bool = False


FORMS = {
    "rnn": Form("vanilla RNN", ("#d55e00", "o", "-"), "rnn"),
    "gru": Form("GRU", ("#0f83c4", "s", "-"), "gru"),
    "lstm": Form("LSTM", ("#00916a", "^", "-"), "lstm"),
    "two-way": Form("two-way LSTM", ("#c4609a", "v", "--"), "lstm", bidirectional=True),
    "deep": Form("deep LSTM", ("#a77b00", "D", "--"), "lstm", layers=2),
    "attention": Form("LSTM + attention", ("#7a68d8", "*", "-."), "lstm", attends=True),
}
