"""How pages look: light and dark, on paper, and on a screen as narrow as a telephone's.

Text has a contrast of at least 7 to 1 to what is behind it, in the cells of heat maps of at least 4.5 to 1, and marks
and lines one of 3 to 1 (WCAG 2.2, 1.4.6, 1.4.3 and 1.4.11); nothing is told by colour alone.
"""

from __future__ import annotations

STYLE = """\
:root { color-scheme: light dark; --paper: #fff; --ink: #16181a; --faint: #4f555b; --line: #8a9199; --hair: #d5d9dd;
  --full: #08306b; --on-full: #fff; --on-paper: #000; --focus: #0b57d0;
  --right: #d9ecdf; --missed: #fff1c9; --wrong: #f9dccb; --bar: #5b8fc7; --dot: #0a2f5c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181b; --ink: #eceff1; --faint: #b7bec5; --line: #7d868f; --hair: #3a4148;
    --full: #89a8d7; --on-full: #000; --on-paper: #fff; --focus: #8ab8ff;
    --right: #1d3f2b; --missed: #4a3c0c; --wrong: #56291a; --bar: #5b8fc7; --dot: #e6f1ff; } }
* { box-sizing: border-box; }
html { font: 100%/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 74rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--hair); }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
a { color: inherit; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
:focus-visible { outline: .18rem solid var(--focus); outline-offset: .12rem; }
.wide { overflow-x: auto; margin: .8rem 0; max-width: 100%; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: start; color: var(--faint); padding-bottom: .3rem; max-width: min(40rem, calc(100vw - 3rem)); }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--hair); text-align: end; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; }
th[scope="row"], th.text, td.text { text-align: start; }
th[scope="row"] { font-weight: 500; white-space: normal; min-width: 6rem; max-width: 18rem; overflow-wrap: break-word; }
.heat th[scope="row"] { white-space: nowrap; }
td.text { white-space: normal; min-width: 12rem; overflow-wrap: anywhere; }
svg { display: block; max-width: 100%; height: auto; }
.drawings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem 1.5rem; }
.drawings figure { margin: 0; min-width: 0; break-inside: avoid; }
.drawings figcaption { font-weight: 600; margin-bottom: .25rem; }
.drawings svg { width: 100%; max-width: 32rem; }
svg.meter { width: 9rem; height: 1.1rem; }
svg text { fill: var(--ink); font-size: 11px; }
.heat td { background: color-mix(in srgb, var(--full) calc(var(--s, 0) * 1%), var(--paper)); color: var(--on-paper);
  min-width: 2.5rem; padding: .2rem .3rem; text-align: center; border: 1px solid var(--hair); }
.heat td.dark { color: var(--on-full); }
.heat thead th { border: 0; padding: .2rem; }
.heat thead th span { writing-mode: vertical-rl; }
.heat td b { text-decoration: underline; }
ol.items { padding: 0; list-style: none; }
ol.items > li, .step { border-top: 1px solid var(--hair); padding: .5rem 0; min-width: 0; break-inside: avoid; }
.title { font-weight: 600; }
.line { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .6rem; margin: .15rem 0; max-width: none; }
.line > span { color: var(--faint); }
.line > p { margin: 0; max-width: none; line-height: 1.9; }
mark { color: inherit; border-radius: .2em; padding: .05em .2em; border-bottom: .18em solid var(--line);
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
mark > b { font-size: .72em; margin-inline-start: .4em; letter-spacing: .02em; }
mark.right { background: var(--right); border-bottom-style: solid; }
mark.missed { background: var(--missed); border-bottom-style: dashed; }
mark.wrong { background: var(--wrong); border-bottom-style: double; border-bottom-width: .28em; }
.nothing { color: var(--faint); font-style: italic; }
.steps > nav { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; margin: .6rem 0; }
.steps button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line);
  border-radius: .3rem; padding: .3rem .8rem; min-height: 2.2rem; cursor: pointer; }
[hidden] { display: none !important; }
@media (max-width: 34rem) { .line { grid-template-columns: minmax(0, 1fr); gap: 0; } }
@media print {
  :root { --paper: #fff; --ink: #000; --faint: #333; --full: #08306b; --on-full: #fff; --on-paper: #000;
    --right: #d9ecdf; --missed: #fff1c9; --wrong: #f9dccb; --dot: #0a2f5c; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .steps > nav, nav { display: none; }
  .step[hidden] { display: block !important; }
  .wide { overflow: visible; }
  mark, .heat td, svg { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""

SCRIPT = """\
const inSight = (one) => {
  const { top, bottom } = one.getBoundingClientRect();
  return top < innerHeight && bottom > 0;
};
const boxes = [...document.querySelectorAll('.steps')];
const moves = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: () => Infinity };
for (const box of boxes) {
  const steps = [...box.querySelectorAll('.step')], where = box.querySelector('[role=status]');
  let at = 0;
  box.go = (move) => {
    at = Math.max(0, Math.min(steps.length - 1, move(at)));
    steps.forEach((step, place) => { step.hidden = place !== at; });
    where.textContent = `${at + 1} of ${steps.length}`;
  };
  box.querySelectorAll('button').forEach((button, place) => {
    button.onclick = () => box.go(moves[['Home', 'ArrowLeft', 'ArrowRight', 'End'][place]]);
  });
  box.querySelector('nav').hidden = false;
  box.go(moves.Home);
}
const usesKeys = (one) => one.closest('input, textarea, select, [contenteditable]') ||
  (one !== document.body && one.scrollWidth > one.clientWidth && /auto|scroll/.test(getComputedStyle(one).overflowX));
document.onkeydown = (event) => {
  const at = event.target, part = at.closest('section');
  if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  // Elsewhere than at the buttons, Home and End are the page's own.
  if (usesKeys(at) || (!event.key.startsWith('Arrow') && !at.closest('.steps > nav'))) return;
  // From a part of the page its own are gone through; from nowhere those in sight, or else the first ones.
  const box = part ? boxes.find((one) => one.contains(at)) || boxes.find((one) => part.contains(one)) :
    boxes.find(inSight) || boxes[0];
  if (!box) return;
  event.preventDefault();
  box.go(moves[event.key]);
  if (!inSight(box)) box.scrollIntoView();
};
"""
"""Shows one of several steps at a time. Without it all of them stand on the page, one below the other."""
