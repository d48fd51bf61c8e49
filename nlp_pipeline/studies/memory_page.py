"""The memory study as one page: what it shows, what it means, its numbers; no script, and nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from nlp_pipeline.studies.memory_picture import PANELS, svg_of
from nlp_pipeline.studies.memory_results import MemoryStudy
from nlp_pipeline.studies.memory_settings import BLOCK
from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import CHANCE, DISTRACTORS, SYMBOLS

_STYLE = """\
:root { color-scheme: light dark; font: 100%/1.55 system-ui, sans-serif; --line: #8886; }
@media (prefers-color-scheme: dark) { :root { background: #16181a; color: #e8e8e8; } }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; }
main > p, main > ul, main > dl { max-width: 46rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; margin-bottom: .25rem; }
svg { display: block; width: 100%; height: auto; max-width: 32rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: start; padding-bottom: .4rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: end; white-space: nowrap; }
th:first-child { text-align: start; } tbody th { font-weight: normal; }
code { overflow-wrap: anywhere; } dt { font-weight: 600; } dd { margin: 0 0 .6rem; }
ul.findings { list-style: none; padding: 0; }
.yes::before { content: "✓ "; } .no::before { content: "✗ "; }"""

_MEANING = """\
<p>A recurrent network carries what it has read in a state, from step to step. It learns what to carry from the
gradient of its loss, which goes back the same way: the gradient of the state k steps before the loss is that at the
loss times k factors, one a step (back-propagation through time; Pascanu et al. 2013, equation 5). Where these factors
are smaller than one, the product <strong>vanishes</strong> exponentially with the distance, and nothing tells the
network to keep what stood there; where they are larger, it <strong>explodes</strong>, and one step of training throws
the weights far away (Bengio et al. 1994). A vanilla RNN has no way out: to keep its state against noise its factors
must be small.</p>
<p>LSTM and GRU have one. Their state is kept by a sum, weighted by a gate, so that the factor of a step can be near
one wherever the gate is open (Hochreiter and Schmidhuber 1997; Cho et al. 2014). Attention shortens the way itself:
the answer looks at every state directly, and the gradient reaches each of them in one step, however far it is
(Bahdanau et al. 2015). A deep network has more layers at each step, not a shorter way. A two-way network reads the
text after a word as well; what stands far before the word it remembers no better than a one-way one.</p>"""

_CLIPPING = """\
<p>Clipping shortens the whole gradient of the weights to a largest norm before a step is taken, and leaves its
direction as it is (Pascanu et al. 2013, algorithm 1). It is against explosion: a single huge gradient can no longer
undo what was learnt. It does nothing against vanishing: the shares of near and far states in the gradient are the
same before and after it, and what has vanished is not brought back. So the lower panels differ with and without
clipping only by where training led the weights.</p>"""

_SOURCES = """\
<ul>
<li>Y. Bengio, P. Simard and P. Frasconi 1994, Learning long-term dependencies with gradient descent is difficult</li>
<li>S. Hochreiter and J. Schmidhuber 1997, Long short-term memory</li>
<li>R. Pascanu, T. Mikolov and Y. Bengio 2013, On the difficulty of training recurrent neural networks</li>
<li>K. Cho et al. 2014, Learning phrase representations using RNN encoder-decoder</li>
<li>D. Bahdanau, K. Cho and Y. Bengio 2015, Neural machine translation by jointly learning to align and translate</li>
</ul>"""


def page_of(study: MemoryStudy, about: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        study: what was found.
        about: what else is told of the run: versions, the machine, the time.
    """
    settings = study.settings
    seeds = f"{settings.seeds} seeds" if settings.seeds > 1 else "one seed"
    figures = "\n".join(
        f"<figure><figcaption>{html.escape(panel.title)}</figcaption>\n{svg_of(panel, study)}\n</figure>"
        for panel in PANELS
    )
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            "<title>How far recurrent networks remember</title>",
            f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>How far recurrent networks remember</h1>",
            "<p>Each network reads a symbol, then distractors, then a question, and must answer with the symbol. "
            f"There are {SYMBOLS} symbols, so that chance is right in {100 * CHANCE:.0f} % of the answers, and "
            f"{DISTRACTORS} distractors. All networks have the same budget, and are trained from {seeds}.</p>",
            f"<h2>What came out</h2>\n{_findings(study)}",
            f'<h2>The figure</h2>\n<div class="panels">\n{figures}\n</div>',
            f"<p>Above, each point is the mean accuracy of {seeds} after training; the band is from the worst to the "
            "best seed. The largest gradient is that of all weights together in the trainings without clipping, the "
            "dotted line where clipping would begin. Below is the gradient through time at distance "
            f"{settings.gradient_at}: which share of the error at the answer arrives at the state so many steps "
            "before (the norm of the loss's gradient with respect to the state, over that with respect to the "
            "scores of the answer; geometric mean over seeds). A line that falls straight on this logarithmic axis "
            "is a gradient that vanishes exponentially; the point on the far right is the state that has read the "
            "symbol to recall.</p>",
            f"<h2>What vanishes, what explodes</h2>\n{_MEANING}\n{_reaching(study)}",
            f"<h2>What clipping does, and does not</h2>\n{_CLIPPING}\n{_clipping(study)}",
            f"<h2>Accuracy</h2>\n{_table(study, True)}\n{_table(study, False)}",
            f"<h2>How it was made</h2>\n{_settings(study, about)}",
            f"<h2>Literature</h2>\n{_SOURCES}\n</main>\n</body>\n</html>\n",
        )
    )


def _findings(study: MemoryStudy) -> str:
    rows = [
        f'<li class="{"yes" if one.holds else "no"}">{html.escape(one.claim)}: '
        f"{'this came out' if one.holds else '<strong>this did not come out</strong>'} "
        f"({html.escape(one.numbers)}).</li>"
        for one in study.findings()
    ]
    if not rows:
        return "<p>The networks that were trained are too few to compare: see the table.</p>"
    return '<ul class="findings">\n' + "\n".join(rows) + "\n</ul>"


def _reaching(study: MemoryStudy) -> str:
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
    return _rows(
        f"Share of the error that arrives at the symbol to recall, {at + 1} steps back: least and most over seeds.",
        ["network", "before training", "after, clipped", "after, unclipped"],
        rows,
    )


def _clipping(study: MemoryStudy) -> str:
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
    return _rows(
        "How many steps were clipped, the largest norm without clipping, how many trainings without clipping ended "
        "in a loss that is no number, and how far was learnt.",
        ["network", "clipped steps", "largest norm", "broken", "learns up to, clipped", "unclipped"],
        rows,
    )


def _table(study: MemoryStudy, clipped: bool) -> str:
    spread = " ± standard deviation over seeds" if study.settings.seeds > 1 else ""
    how = "with" if clipped else "without"
    caption = (
        f"Accuracy {how} clipping, by distance: mean{spread}. A distance is learnt when the mean is at least half of "
        "the way from chance to 1."
    )
    return _rows(caption, study.accuracy_columns(), study.accuracy_rows(clipped))


def _rows(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in heads)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(one)}</td>" for one in row[1:])
        + "</tr>"
        for row in rows
    )
    # A table wider than a narrow window is scrolled by itself, by keyboard as well.
    return (
        f'<div class="wide" tabindex="0"><table>\n<caption>{html.escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _settings(study: MemoryStudy, about: Mapping[str, str]) -> str:
    settings = study.settings
    text = (
        f"<p>Every layer has {settings.units} units, each way where it is two-way; the deep network has two layers. "
        f"Adam, learning rate {settings.learning_rate:g}, {settings.batch} new examples a step, at most "
        f"{settings.steps:,} steps; a training ends earlier after {BLOCK} steps in a row with 99 % right answers. "
        f"The accuracy is that on {BLOCK * settings.batch:,} examples of a stream of their own. Weights depend on "
        "the seed and the network, examples on the seed and the distance alone, so that networks, with and without "
        f"clipping, see the same ones. The gradient is clipped to a norm of {settings.clip_norm:g}. The network with "
        "attention reads the symbols with an LSTM, and the question with a decoder that attends to the LSTM's "
        "states (additive attention).</p>"
    )
    rows = "\n".join(f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in about.items())
    return f"{text}\n<dl>\n{rows}\n</dl>"
