"""Tagged records as pages for readers: entities marked in their own text, with nothing fetched and nothing run."""

from __future__ import annotations

import html
import itertools
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nlp_pipeline.corpora.records import Rejected
from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.outputs import new_file, told
from nlp_pipeline.serving.forms import Form, json_line, json_lines_of, results_of
from nlp_pipeline.serving.stream import TaggedRecord
from nlp_pipeline.serving.tagged_forms import text_and_entities

# What a browser shows without a pause; the records after that are on further pages.
PAGE_RECORDS = 2_000
PAGE_CHARACTERS = 1_000_000

# The colours of Okabe and Ito, which colour-blind eyes tell apart, made light enough for dark letters and dark enough
# for light ones (at least 7:1); the lines below differ too, for print in black and white. After these they begin anew:
# the type is always written.
COLOURS = ("#ffe3a8", "#cde8f8", "#b8ecd8", "#fff6b3", "#c9dcf5", "#f9d3bb", "#f3d5e6", "#e4e4e4")
DARK_COLOURS = ("#5c4310", "#174a66", "#0b4d3a", "#4d4700", "#1b3d66", "#66300f", "#5c2a48", "#444444")
_LINES = ("solid", "dashed", "dotted", "double")

# What HTML has no place for. Unicode has a picture of the first 32 control characters and of DEL, such as one with the
# letters ESC; of the others it is U+FFFD. Each is one character, so that offsets stay what they are.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")

_GENERATOR = "nlp-pipeline tag"
_STYLE = """\
:root { color-scheme: light dark; --ink: #111; --ground: #fff; --quiet: #595959; --line: #333; --ring: #0b57d0;
  font: 100%/1.7 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
body { max-width: 50rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
ul.legend, nav { display: flex; flex-wrap: wrap; gap: .4rem 1rem; padding: 0; list-style: none; }
ul.legend { overflow-wrap: anywhere; }
ol { padding: 0; list-style: none; }
ol > li { display: grid; grid-template-columns: 4.5rem 1fr; gap: .5rem; content-visibility: auto;
  contain-intrinsic-size: auto 2rem; }
ol > li:hover, ol > li:focus-within { content-visibility: visible; } /* else the score would be cut off at its edge */
ol > li > span { color: var(--quiet); text-align: right; font-variant-numeric: tabular-nums; }
ol > li > p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; }
mark { color: inherit; padding: .05em .15em; border-radius: .2em; border-bottom: .18em solid var(--line);
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
/* The type is drawn and no part of the text: who copies a sentence gets their own. */
mark::after { content: attr(data-type); font-size: .68em; font-weight: bold; letter-spacing: .03em;
  margin-inline-start: .35em; unicode-bidi: isolate; }
mark:focus { outline: .15em solid var(--ring); outline-offset: .1em; }
mark > small { display: none; position: fixed; inset: auto auto 1rem 1rem; max-width: calc(100vw - 2rem);
  box-sizing: border-box; z-index: 1; padding: .1rem .6rem; font-size: 1rem; white-space: pre-wrap;
  overflow-wrap: anywhere; color: var(--ground); background: var(--ink); border-radius: .2rem; user-select: none; }
mark:hover > small { display: block; z-index: 2; }
mark:focus > small { display: block; }
html { scroll-padding-bottom: 4rem; }
@media (max-width: 30rem) { ol > li { grid-template-columns: 1fr; gap: 0; } ol > li > span { text-align: start; } }
@media print { mark { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  nav, mark > small { display: none; } }
"""
_DARK = (
    "@media (prefers-color-scheme: dark) {\n"
    ":root { --ink: #f2f2f2; --ground: #161616; --quiet: #b0b0b0; --line: #ddd; --ring: #8ab4f8; }\n%s}\n"
)


class HtmlForm(Form):
    """Pages with entities highlighted: `NAME.html`, and where there is much `NAME.html.pages/2.html` and so on.

    The further ones have a folder of their own, so that no other input's page can be one of them.
    """

    name = "html"
    suffixes = (".html",)
    is_spooled = True

    def encode(self, entries: Sequence[TaggedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return a line of JSON for each record."""
        lines = ({"line": one.record.line, **one.to_json()} for one in results_of(entries))
        return (b"".join(map(json_line, lines)),)

    def finish(self, spool: Path, targets: Sequence[Path]) -> None:
        """Write the pages, the first one last: where it is, all are."""
        target = targets[0]
        folder = page_path(target, 2).parent
        _refuse_foreign(folder)
        counts, borders = _counted(spool)
        records = json_lines_of(spool)
        first = [_shown(content) for content in itertools.islice(records, borders[0])]
        with told(folder):
            shutil.rmtree(folder, ignore_errors=True)
        for number, size in enumerate(borders[1:], start=2):
            shown = [_shown(content) for content in itertools.islice(records, size)]
            _write(target, number, len(borders), shown, counts)
        _write(target, 1, len(borders), first, counts)


class _Shown(NamedTuple):
    line: int
    text: str
    entities: Sequence[Mapping[str, Any]]


def _shown(content: Mapping[str, Any]) -> _Shown:
    return _Shown(content["line"], *text_and_entities(content))


def _counted(spool: Path) -> tuple[Counter[str], list[int]]:
    """Return how often there is each type, and how many records each page has."""
    counts: Counter[str] = Counter()
    borders, characters = [0], 0
    for content in json_lines_of(spool):
        shown = _shown(content)
        counts.update(entity["type"] for entity in shown.entities)
        if borders[-1] and (borders[-1] == PAGE_RECORDS or characters + len(shown.text) > PAGE_CHARACTERS):
            borders.append(0)
            characters = 0
        borders[-1] += 1
        characters += len(shown.text)
    return counts, borders


def page_path(target: Path, number: int) -> Path:
    """Return the file of a page, from 1."""
    return target if number == 1 else target.with_name(f"{target.name}.pages") / f"{number}.html"


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace a folder that holds anything but further pages.

    Raises:
        OutputError: where it does.
    """
    with told(folder):
        for path in folder.iterdir() if folder.is_dir() else ():
            # A page that was being written when an earlier run was killed is ours, too.
            if not path.name.startswith(".") and not (path.is_file() and _is_page(path)):
                message = f"expected a folder of further pages to replace, received one with {path.name}"
                raise OutputError([Problem(str(folder), message)])


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _GENERATOR.encode() in file.read(1000)


def _write(target: Path, number: int, pages: int, shown: Sequence[_Shown], counts: Mapping[str, int]) -> None:
    with new_file(page_path(target, number)) as path, path.open("w", encoding="utf-8", newline="\n") as page:
        page.writelines(_page(target, number, pages, shown, counts))


def _page(target: Path, number: int, pages: int, shown: Sequence[_Shown], counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a page of HTML.

    Args:
        target: the first page.
        number: which page it is, from 1.
        pages: how many there are.
        shown: its records.
        counts: how often there is each type on all pages.
    """
    kinds = {name: f"k{index}" for index, name in enumerate(sorted(counts))}
    title = escaped(target.stem) + (f", page {number} of {pages}" if pages > 1 else "")
    # Of each type its colour, by day and by night, and its line. With every round of the colours the lines go one
    # further: as many types are told apart as there are pairs of a colour and a line.
    looks = [
        (kind, at % len(COLOURS), (at % len(COLOURS) + at // len(COLOURS)) % len(_LINES))
        for at, kind in enumerate(kinds.values())
    ]
    light = "".join(
        f".{kind} {{ background: {COLOURS[colour]}; border-bottom-style: {_LINES[line]}; }}\n"
        for kind, colour, line in looks
    )
    dark = "".join(f".{kind} {{ background: {DARK_COLOURS[colour]}; }}\n" for kind, colour, _ in looks)
    rules = light + _DARK % dark
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="generator" content="{_GENERATOR}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{_STYLE}{rules}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
    yield '<ul class="legend" aria-label="Types of entities">\n'
    for name, kind in kinds.items():
        yield f'<li><mark class="{kind}">{escaped(name)}</mark> {counts[name]:,}</li>\n'
    yield "</ul>\n" if kinds else "</ul>\n<p>No entity was found.</p>\n"
    links = _links(target, number, pages)
    yield links
    yield "<ol>\n"
    for record in shown:
        yield f'<li><span>{record.line:,}</span><p dir="auto">{_marked(record, kinds)}</p></li>\n'
    yield f"</ol>\n{links}</body>\n</html>\n"


def _links(target: Path, number: int, pages: int) -> str:
    if pages == 1:
        return ""
    wanted = [("first", 1), ("previous", number - 1), ("next", number + 1), ("last", pages)]
    links = [
        f'<a href="{escaped(_address(target, number, page))}">{name}</a>'
        for name, page in wanted
        if 1 <= page <= pages and page != number
    ]
    return f'<nav aria-label="Pages">{" ".join(links)}</nav>\n'


def _address(target: Path, number: int, page: int) -> str:
    """Return where a page is, as seen from another."""
    from urllib.parse import quote

    way = os.path.relpath(page_path(target, page), page_path(target, number).parent)
    return f"./{quote(way, errors='surrogateescape')}"


def _marked(record: _Shown, kinds: Mapping[str, str]) -> str:
    parts, at = [], 0
    for entity in record.entities:
        start, end, name = entity["start"], entity["end"], entity["type"]
        kind, shown = escaped(name), escaped(record.text[start:end])
        score = f"{kind} {100 * entity['score']:.0f} %"
        parts.append(escaped(record.text[at:start]))
        parts.append(
            f'<mark class="{kinds[name]}" tabindex="0" role="note" data-type="{kind}" aria-label="{score}: {shown}">'
            f'{shown}<small aria-hidden="true">{score}</small></mark>'
        )
        at = end
    return "".join([*parts, escaped(record.text[at:])])


def escaped(text: str) -> str:
    """Return text as HTML shows it, in an element or in a quoted attribute: nothing of it is markup."""
    shown = _CONTROLS.sub(_picture, text.encode("utf-8", "replace").decode("utf-8"))
    return html.escape(shown).replace("\r", "&#13;")


def _picture(control: re.Match[str]) -> str:
    code = ord(control[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
