"""Pages and pictures as a reader has them: in Chromium, wide and narrow, in light and dark, by hand and by keyboard.

As a script it looks at files of one's own, says what is wrong with them and leaves pictures of the screen:

    python tests/browser.py runs/tagged.html runs/attention.png --output screens

Chromium (by any of its names on the path) is told what to do by the DevTools protocol, over two pipes
(`--remote-debugging-pipe`): messages of JSON, each ended by a NUL.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1280, 390)  # pixels: a desk's and a telephone's
_HEIGHTS = {1280: 800, 390: 844}
_TALLEST = 8_000  # pixels of a picture of the screen
_STOPS = 60  # of the tabulator; a page of thousands of entities is not gone through to its end
_PATIENCE = 60.0  # seconds until an answer that does not come is an error
_CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")

_OPTIONS = (
    *("--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars"),
    # What a page asks for is told below; none of it leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-default-browser-check",
)

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


def find_browser() -> str | None:
    """Return the way to a Chromium, or None where none is on the path."""
    return next((way for name in NAMES if (way := shutil.which(name)) is not None), None)


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


class Browser:
    """A Chromium without a window, of its own and with nothing remembered; to be used in a `with`."""

    def __init__(self) -> None:
        program = find_browser()
        if program is None:
            raise FileNotFoundError(f"expected one of {', '.join(NAMES)} on the path, received none")
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        options = [*_OPTIONS, f"--user-data-dir={self._folder.name}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium refuses to have one as root
        its_input, self._to = os.pipe()
        self._from, its_output = os.pipe()
        # It reads descriptor 3 and writes descriptor 4; numbers from 10 on are out of their way until they are there.
        ends = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (its_input, its_output)]
        line = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", line, *map(str, ends), program, *options],
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (its_input, its_output, *ends):
            os.close(one)
        self._asked = 0
        self._held = b""
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It ends by itself when nobody listens any more.
        os.close(self._to)
        os.close(self._from)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command of the protocol.

        Raises:
            RuntimeError: where it is an error.
            TimeoutError: where it does not come.
        """
        self._asked += 1
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message(method)
            if answer.get("id") == self._asked:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._take(answer)

    def wait_for(self, method: str) -> None:
        """Return when there was an event of this name since the last `events`."""
        while not any(event["method"] == method for event in self._events):
            self._take(self._message(method))

    def events(self) -> list[dict[str, Any]]:
        """Return what happened since this was last asked for."""
        happened, self._events = self._events, []
        return happened

    def _take(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        if event.get("method") == "Page.javascriptDialogOpening":
            # It would stand there for ever. The answer to this is nobody's: it comes as something without a method.
            message = {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            os.write(self._to, json.dumps(message | {"sessionId": event["sessionId"]}).encode() + b"\0")

    def _message(self, awaited: str) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            got = os.read(self._from, 1 << 20) if ready else b""
            if not got:
                what = "has ended" if ready else f"said nothing for {_PATIENCE:.0f} seconds"
                raise TimeoutError(f"{awaited}: the browser {what}")
            self._held += got
        line, _, self._held = self._held.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return {"method": ""} | message

    @contextmanager
    def page(self, path: Path, width: int, dark: bool = False) -> Iterator[Page]:
        """Open a file in a tab of its own.

        Args:
            path: the file.
            width: of the window, in pixels; below 600 it is a telephone's, with touch.
            dark: whether the reader likes light letters on a dark ground.
        """
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events()
        page = Page(self, session, width)
        try:
            for part in ("Page", "Runtime", "Log", "Network"):
                page.ask(f"{part}.enable")
            size = {"width": width, "height": _HEIGHTS.get(width, 800), "deviceScaleFactor": 1, "mobile": width < 600}
            page.ask("Emulation.setDeviceMetricsOverride", **size)
            page.ask("Emulation.setTouchEmulationEnabled", enabled=width < 600)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            page.ask("Emulation.setEmulatedMedia", features=[scheme])
            page.ask("Page.navigate", url=path.resolve().as_uri())
            self.wait_for("Page.loadEventFired")
            # Once more drawn, and what a script does then.
            page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
            yield page
        finally:
            self.ask("Target.closeTarget", targetId=target)
            self.events()


class Page:
    """A file that is open in a tab.

    Args:
        browser: whose tab it is.
        session: the protocol's name of it.
        width: of the window, in pixels.
    """

    def __init__(self, browser: Browser, session: str, width: int) -> None:
        self.browser = browser
        self.session = session
        self.width = width

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command about this tab."""
        return self.browser.ask(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, once it is there.

        Raises:
            RuntimeError: where it throws.
        """
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self.ask("Runtime.evaluate", **asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str = "Tab", code: int = 9) -> None:
        """Press a key and let it go."""
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def tap(self, selector: str) -> None:
        """Touch the middle of an element, after it was brought into sight; with a mouse where there is no touch."""
        x, y = self.evaluate(
            f"""(() => {{
              const e = document.querySelector({json.dumps(selector)});
              e.scrollIntoView({{block: "center"}});
              const box = e.getClientRects()[0];
              return [box.left + box.width / 2, box.top + box.height / 2];
            }})()"""
        )
        if self.width < 600:
            # `Input.synthesizeTapGesture` is a touch of which Chromium without a window makes no click.
            self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        else:
            for kind in ("mousePressed", "mouseReleased"):
                self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def check(self) -> list[str]:
        """Return what is wrong with what is on the screen: see `page_checks.js`."""
        found: list[str] = self.evaluate(_CHECKS)
        wide = self.evaluate("document.documentElement.clientWidth")
        if wide != self.width:
            found.append(f"laid out for {wide} pixels, expected {self.width}: no <meta name=viewport>?")
        return found

    def tab_through(self) -> tuple[list[str], list[str]]:
        """Press the tabulator until it has been everywhere, or sixty times.

        Returns:
            what it reached, and what is wrong with it.
        """
        wanted: int = self.evaluate(_COUNTED)
        known = set(self.check())
        stops: list[str] = []
        found: list[str] = []
        places: list[int] = []
        for _ in range(min(wanted + 10, _STOPS)):
            self.press()
            at = self.evaluate(_AT)
            if at["is_page"]:
                break
            stops.append(at["text"])
            places.append(at["place"])
            for fine, what in (
                ("is_shown", "out of sight"),
                ("is_marked", "nothing marks it"),
                ("is_named", "no name"),
            ):
                if not at[fine]:
                    found.append(f"{at['text']}, reached by the keyboard: {what}")
            if len(stops) <= 10:
                # What is shown only there, such as a hint.
                found += [f"{problem} (at {at['text']})" for problem in self.check() if problem not in known]
        own = [place for place in places if place >= 0]
        if own != sorted(own):
            found.append("the tabulator goes another way than the text")
        if len(places) < _STOPS and len(set(own)) < wanted:
            found.append(f"the tabulator reaches {len(set(own))} of {wanted} elements")
        return stops, found

    def picture(self) -> bytes:
        """Return what is seen from the top to the bottom, as a PNG file."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": min(size["height"], _TALLEST), "scale": 1}
        # What is out of sight may not be drawn yet.
        self.evaluate(
            "{const all = new CSSStyleSheet(); all.replaceSync('* { content-visibility: visible !important }');"
            "document.adoptedStyleSheets = [all]}"
        )
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        self.evaluate("document.adoptedStyleSheets = []")
        return base64.b64decode(told["data"])

    def told(self, own: str) -> list[str]:
        """Return what the page complained of and asked for since it was opened, but for its own file."""
        found = []
        for event in self.browser.events():
            about, told = event.get("method", ""), event.get("params", {})
            if about == "Runtime.consoleAPICalled":
                found.append(f"console: {told['type']}: {[one.get('value') for one in told['args']]}")
            elif about == "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                found.append(f"exception: {details.get('exception', {}).get('description', details['text'])}")
            elif about == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(f"{told['entry']['level']}: {told['entry']['text']}")
            elif about == "Network.requestWillBeSent" and told["request"]["url"] != own:
                # What stands in the page itself is no request.
                if not told["request"]["url"].startswith("data:"):
                    found.append(f"request: {told['request']['url']}")
            elif about == "Page.javascriptDialogOpening":
                found.append(f"a script ran: {told['type']} {told['message']!r}")
        return found


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
            look.findings += page.check()
        look.text = page.evaluate("document.documentElement.innerText || ''")
        if to is not None:
            to.write_bytes(page.picture())
        if path.suffix.lower() == ".html":
            look.stops, found = page.tab_through()
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
                    name = f"{path.name}.{width}{'.dark' if dark else ''}.png"
                    look = look_at(browser, path, width, dark, options.output / name)
                    count += len(look.findings)
                    sys.stdout.write(f"{path} at {width}{' dark' if dark else ''}: {len(look.findings)} findings\n")
                    sys.stdout.writelines(f"  {finding}\n" for finding in look.findings)
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
