"""A Chromium that is told what to do by the DevTools protocol.

It goes over two pipes (`--remote-debugging-pipe`): messages of JSON, each ended by a NUL.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HEIGHTS = {1280: 800, 390: 844}
_TALLEST = 8_000  # pixels of a picture of the screen
_PATIENCE = 60.0  # seconds until an answer that does not come is an error

_OPTIONS = (
    *("--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars"),
    # What a page asks for is told below; none of it leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-default-browser-check",
)


def find_browser() -> str | None:
    """Return the way to a Chromium, or None where none is on the path."""
    return next((way for name in NAMES if (way := shutil.which(name)) is not None), None)


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
