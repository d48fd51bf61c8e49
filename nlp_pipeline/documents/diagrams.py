"""Drawings of a page, as SVG in its own colours, so that they follow the reader's light or dark."""

from __future__ import annotations

from nlp_pipeline.documents.document import Meter, Reliability

_SIDE = 260  # of the square of a reliability diagram
_LEFT, _TOP, _BELOW = 48, 10, 40


def meter_svg(meter: Meter) -> str:
    """Return a scale from 0 to 1 with a bar from `low` to `high` and a mark; the numbers are told beside it."""

    def place(value: float) -> float:
        return round(4 + 132 * min(max(value, 0.0), 1.0), 1)

    bar = ""
    if meter.low is not None and meter.high is not None:
        width = max(place(meter.high) - place(meter.low), 1.0)
        bar = f'<rect x="{place(meter.low)}" y="5" width="{width:.1f}" height="6" rx="2" fill="var(--bar)"/>'
    ticks = "".join(f'<path d="M{place(at)} 4v8" stroke="var(--line)"/>' for at in (0.0, 0.5, 1.0))
    return (
        '<svg class="meter" viewBox="0 0 140 16" aria-hidden="true"><path d="M4 8h132" stroke="var(--line)"/>'
        f'{ticks}{bar}<circle cx="{place(meter.value)}" cy="8" r="3.5" fill="var(--dot)"/></svg>'
    )


def reliability_svg(diagram: Reliability) -> str:
    """Return bars of the share that is right, a point at each bin's mean confidence, and the diagonal."""

    def x(value: float) -> float:
        return round(_LEFT + _SIDE * value, 1)

    def y(value: float) -> float:
        return round(_TOP + _SIDE * (1 - value), 1)

    bars = "".join(
        f'<rect x="{x(low)}" y="{y(right)}" width="{_SIDE * (high - low):.1f}" height="{_SIDE * right:.1f}" '
        'fill="var(--bar)" fill-opacity=".35" stroke="var(--line)"/>'
        for low, high, _, right in diagram.bins
    )
    points = "".join(
        f'<circle cx="{x(confidence)}" cy="{y(right)}" r="4" fill="var(--dot)"/>'
        for _, _, confidence, right in diagram.bins
    )
    ticks = "".join(
        f'<text x="{x(at)}" y="{y(0) + 16}" text-anchor="middle">{100 * at:.0f}</text>'
        f'<text x="{_LEFT - 6}" y="{y(at) + 4}" text-anchor="end">{100 * at:.0f}</text>'
        for at in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    width, height = _LEFT + _SIDE + 16, _TOP + _SIDE + _BELOW
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="var(--line)"/>{bars}'
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="var(--ink)" stroke-dasharray="5 4" fill="none"/>'
        f"{points}{ticks}"
        f'<text x="{x(0.5)}" y="{height - 6}" text-anchor="middle">confidence, %</text>'
        f'<text transform="translate(12 {y(0.5)}) rotate(-90)" text-anchor="middle">right, %</text></svg>'
    )
