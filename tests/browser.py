"""Pages and pictures as a reader has them: in Chromium, wide and narrow, in light and dark, by hand and by keyboard.

As a program it looks at files of one's own, says what is wrong with them and leaves pictures of the screen:

    python -m tests.browser runs/tagged.html runs/attention.png --output screens
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chromium import Browser, Page

WIDTHS = (1280, 390)  # pixels: a desk's and a telephone's
_STOPS = 60  # of the tabulator; a page of thousands of entities is not gone through to its end
_CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")

# The elements that the tabulator is to reach, and where it is.
_REACHABLE = """[...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}))"""
_COUNTED = f"(window.__stops = {_REACHABLE}).length"
_AT = """(() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), look = getComputedStyle(e);
  return {
    place: window.__stops.indexOf(e), is_page: e === document.body || e === document.documentElement,
    text: `<${e.localName}> ` + (e.getAttribute("aria-label") || e.innerText || "").trim().slice(0, 40),
    is_named: Boolean(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.innerText ||
      (e.labels && e.labels.length)),
    is_shown: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    is_marked: look.outlineStyle !== "none" || look.boxShadow !== "none",
  };
})()"""

_RIGHT = {"is_shown": "out of sight", "is_marked": "nothing marks it", "is_named": "no name"}


@dataclass
class Look:
    """What was seen of a file at one width.

    Attributes:
        findings: what is wrong with it, a sentence each; none where all is well.
        text: what a reader reads.
        stops: what the tabulator reached, in order.
    """

    findings: list[str] = field(default_factory=list)
    text: str = ""
    stops: list[str] = field(default_factory=list)


def checks_of(page: Page) -> list[str]:
    """Return what is wrong with what is on the screen: see `page_checks.js`."""
    found: list[str] = page.evaluate(_CHECKS)
    wide = page.evaluate("document.documentElement.clientWidth")
    if wide != page.width:
        found.append(f"laid out for {wide} pixels, expected {page.width}: no <meta name=viewport>?")
    return found


def tab_through(page: Page) -> tuple[list[str], list[str]]:
    """Press the tabulator until it has been everywhere, or sixty times.

    Returns:
        what it reached, and what is wrong with it.
    """
    wanted: int = page.evaluate(_COUNTED)
    known = set(checks_of(page))
    stops: list[str] = []
    found: list[str] = []
    places: list[int] = []
    for _ in range(min(wanted + 10, _STOPS)):
        page.press()
        at = page.evaluate(_AT)
        if at["is_page"]:
            break
        stops.append(at["text"])
        places.append(at["place"])
        for fine, what in _RIGHT.items():
            if not at[fine]:
                found.append(f"{at['text']}, reached by the keyboard: {what}")
        if len(stops) <= 10:
            # What is shown only there, such as a hint.
            found += [f"{problem} (at {at['text']})" for problem in checks_of(page) if problem not in known]
    own = [place for place in places if place >= 0]
    if own != sorted(own):
        found.append("the tabulator goes another way than the text")
    if len(places) < _STOPS and len(set(own)) < wanted:
        found.append(f"the tabulator reaches {len(set(own))} of {wanted} elements")
    return stops, found


def look_at(browser: Browser, path: Path, width: int, dark: bool = False, to: Path | None = None) -> Look:
    """Look at a page or a picture.

    Args:
        browser: by which.
        path: the file: HTML, SVG, PNG, or plain text such as JSON.
        width: of the window, in pixels.
        dark: whether the reader likes light letters on a dark ground.
        to: where the screen's picture is put.
    """
    look = Look()
    with browser.page(path, width, dark) as page:
        if path.suffix.lower() == ".png":
            look.findings += page.evaluate(_PICTURE) + _cut_off(path)
        elif path.suffix.lower() in (".html", ".svg"):
            look.findings += checks_of(page)
        look.text = page.evaluate("document.documentElement.innerText || ''")
        if to is not None:
            to.write_bytes(page.picture())
        if path.suffix.lower() == ".html":
            look.stops, found = tab_through(page)
            look.findings += found
        look.findings += page.told(path.resolve().as_uri())
    look.findings = list(dict.fromkeys(look.findings))
    return look


# A picture that is opened alone is one element, which the browser makes as small as the window.
_PICTURE = """(() => {
  const e = document.querySelector("img");
  if (!e || !e.naturalWidth || !e.naturalHeight) return ["shows nothing"];
  const box = e.getBoundingClientRect();
  return box.left < -1 || box.right > Math.max(innerWidth, document.documentElement.scrollWidth) + 1
    ? [`from ${box.left} to ${box.right} of ${innerWidth} pixels`] : [];
})()"""


def _cut_off(path: Path) -> list[str]:
    """Return the sides of a picture at which something is drawn up to the last pixel."""
    import matplotlib.image

    pixels = matplotlib.image.imread(path)
    sides = {"top": pixels[0], "bottom": pixels[-1], "left": pixels[:, 0], "right": pixels[:, -1]}
    return [f"something goes on over its {name}" for name, line in sides.items() if (line != pixels[0, 0]).any()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at files, in each width and in light and dark; return 1 where something is wrong with one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="HTML, SVG, PNG or plain text")
    parser.add_argument("--output", type=Path, default=Path("screens"), help="a folder for pictures of the screen")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="of the window, in pixels")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    count = 0
    with Browser() as browser:
        for path in options.files:
            for width in options.widths:
                for dark in (False, True):
                    name = f"{path.resolve().parent.name}-{path.name}.{width}{'.dark' if dark else ''}.png"
                    look = look_at(browser, path, width, dark, options.output / name)
                    count += len(look.findings)
                    sys.stdout.write(f"{path} at {width}{' dark' if dark else ''}: {len(look.findings)} findings\n")
                    sys.stdout.writelines(f"  {finding}\n" for finding in look.findings)
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
