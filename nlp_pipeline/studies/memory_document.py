"""What the memory study shows, what it means, and its numbers, as a document."""

from __future__ import annotations

from collections.abc import Mapping

from nlp_pipeline.documents.document import Block, Document, Drawing, Drawings, Section, Table, paragraph, table
from nlp_pipeline.studies.memory_picture import PANELS, svg_of
from nlp_pipeline.studies.memory_results import MemoryStudy
from nlp_pipeline.studies.memory_settings import BLOCK
from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import CHANCE, DISTRACTORS, SYMBOLS

_MEANING = (
    "A recurrent network carries what it has read in a state, from step to step. It learns what to carry from the "
    "gradient of its loss, which goes back the same way: the gradient of the state k steps before the loss is that at "
    "the loss times k factors, one a step (back-propagation through time; Pascanu et al. 2013, equation 5). Where "
    "these factors are smaller than one, the product vanishes exponentially with the distance, and nothing tells the "
    "network to keep what stood there; where they are larger, it explodes, and one step of training throws the "
    "weights far away (Bengio et al. 1994). A vanilla RNN has no way out: to keep its state against noise its factors "
    "must be small.",
    "LSTM and GRU have one. Their state is kept by a sum, weighted by a gate, so that the factor of a step can be near "
    "one wherever the gate is open (Hochreiter and Schmidhuber 1997; Cho et al. 2014). Attention shortens the way "
    "itself: the answer looks at every state directly, and the gradient reaches each of them in one step, however far "
    "it is (Bahdanau et al. 2015). A deep network has more layers at each step, not a shorter way. A two-way network "
    "reads the text after a word as well; what stands far before the word it remembers no better than a one-way one.",
)

_CLIPPING = (
    "Clipping shortens the whole gradient of the weights to a largest norm before a step is taken, and leaves its "
    "direction as it is (Pascanu et al. 2013, algorithm 1). It is against explosion: a single huge gradient can no "
    "longer undo what was learnt. It does nothing against vanishing: the shares of near and far states in the gradient "
    "are the same before and after it, and what has vanished is not brought back. So the lower panels differ with and "
    "without clipping only by where training led the weights."
)

_SOURCES = (
    "Y. Bengio, P. Simard and P. Frasconi 1994, Learning long-term dependencies with gradient descent is difficult",
    "S. Hochreiter and J. Schmidhuber 1997, Long short-term memory",
    "R. Pascanu, T. Mikolov and Y. Bengio 2013, On the difficulty of training recurrent neural networks",
    "K. Cho et al. 2014, Learning phrase representations using RNN encoder-decoder",
    "D. Bahdanau, K. Cho and Y. Bengio 2015, Neural machine translation by jointly learning to align and translate",
)


def document_of(study: MemoryStudy, about: Mapping[str, str], picture: str) -> Document:
    """Return the document.

    Args:
        study: what was found.
        about: what else is told of the run: versions, the machine, the time.
        picture: the file of the whole figure, as it is seen from the document's.
    """
    settings = study.settings
    seeds = f"{settings.seeds} seeds" if settings.seeds > 1 else "one seed"
    task = paragraph(
        "Each network reads a symbol, then distractors, then a question, and must answer with the symbol. "
        f"There are {SYMBOLS} symbols, so that chance is right in {100 * CHANCE:.0f} % of the answers, and "
        f"{DISTRACTORS} distractors. All networks have the same budget, and are trained from {seeds}."
    )
    panels = paragraph(
        f"Above, each point is the mean accuracy of {seeds} after training; the band is from the worst to the "
        "best seed. The largest gradient is that of all weights together in the trainings without clipping, the "
        "dotted line where clipping would begin. Below is the gradient through time at distance "
        f"{settings.gradient_at}: which share of the error at the answer arrives at the state so many steps "
        "before (the norm of the loss's gradient with respect to the state, over that with respect to the "
        "scores of the answer; geometric mean over seeds). A line that falls straight on this logarithmic axis "
        "is a gradient that vanishes exponentially; the point on the far right is the state that has read the "
        "symbol to recall."
    )
    drawn = Drawings(tuple(Drawing(panel.title, svg_of(panel, study)) for panel in PANELS), picture)
    sections = (
        Section("What came out", (task, _findings(study))),
        Section("The figure", (drawn, panels)),
        Section("What vanishes, what explodes", (*map(paragraph, _MEANING), _reaching(study))),
        Section("What clipping does, and does not", (paragraph(_CLIPPING), _clipping(study))),
        Section("Accuracy", (_accuracy(study, True), _accuracy(study, False))),
        Section("How it was made", _made(study, about)),
        Section("Literature", tuple(map(paragraph, _SOURCES))),
    )
    return Document("How far recurrent networks remember", sections)


def _findings(study: MemoryStudy) -> Block:
    rows = [(one.claim, "yes" if one.holds else "no", one.numbers) for one in study.findings()]
    if not rows:
        return paragraph("The networks that were trained are too few to compare: see the table.")
    return table("", ("what was expected", "came out", "numbers"), rows, texts=(1, 2))


def _reaching(study: MemoryStudy) -> Table:
    """Return what of the gradient arrived at the symbol, network by network."""
    rows = []
    for network in study.settings.networks:
        cells = []
        for clipped, moment in ((True, "before"), (True, "after"), (False, "after")):
            shares = study.shares(network, clipped, moment)
            assert shares is not None
            cells.append(f"{float(shares[:, -1].min()):.1e} to {float(shares[:, -1].max()):.1e}")
        rows.append([FORMS[network].label, *cells])
    at = study.settings.gradient_at
    return table(
        f"Share of the error that arrives at the symbol to recall, {at + 1} steps back: least and most over seeds.",
        ["network", "before training", "after, clipped", "after, unclipped"],
        rows,
    )


def _clipping(study: MemoryStudy) -> Table:
    """Return how long gradients were, and what clipping changed, network by network."""
    rows = []
    for network in study.settings.networks:
        long_share = study.table(network, True, "long_share").mean()
        largest = study.table(network, False, "largest_norm").max()
        broken = int((study.table(network, False, "finite") == 0).sum())
        reaches = (study.reach(network, clipped) for clipped in (True, False))
        rows.append(
            [FORMS[network].label, f"{100 * long_share:.1f} %", f"{largest:.3g}", str(broken), *map(str, reaches)]
        )
    return table(
        "How many steps were clipped, the largest norm without clipping, how many trainings without clipping ended "
        "in a loss that is no number, and how far was learnt.",
        ["network", "clipped steps", "largest norm", "broken", "learns up to, clipped", "unclipped"],
        rows,
    )


def _accuracy(study: MemoryStudy, clipped: bool) -> Table:
    spread = " ± standard deviation over seeds" if study.settings.seeds > 1 else ""
    how = "with" if clipped else "without"
    caption = (
        f"Accuracy {how} clipping, by distance: mean{spread}. A distance is learnt when the mean is at least half of "
        "the way from chance to 1."
    )
    return table(caption, study.accuracy_columns(), study.accuracy_rows(clipped))


def _made(study: MemoryStudy, about: Mapping[str, str]) -> tuple[Block, ...]:
    settings = study.settings
    told = paragraph(
        f"Every layer has {settings.units} units, each way where it is two-way; the deep network has two layers. "
        f"Adam, learning rate {settings.learning_rate:g}, {settings.batch} new examples a step, at most "
        f"{settings.steps:,} steps; a training ends earlier after {BLOCK} steps in a row with 99 % right answers. "
        f"The accuracy is that on {BLOCK * settings.batch:,} examples of a stream of their own. Weights depend on "
        "the seed and the network, examples on the seed and the distance alone, so that networks, with and without "
        f"clipping, see the same ones. The gradient is clipped to a norm of {settings.clip_norm:g}. The network with "
        "attention reads the symbols with an LSTM, and the question with a decoder that attends to the LSTM's "
        "states (additive attention)."
    )
    if not about:
        return (told,)
    return told, table("", ("", "this run"), list(about.items()), texts=(1,))
