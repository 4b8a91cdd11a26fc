"""A page in headless Chromium, driven over a pipe with the DevTools protocol: no driver and no package is needed.

Source: Chrome DevTools Protocol documentation; `--remote-debugging-pipe` takes and gives JSON messages that end with a
zero byte on the file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 120
_TROUBLE = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.requestWillBeSent"}


def require() -> str:
    """Chromium's program; the test is skipped where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.skip("no Chromium here: apt-get install chromium, or name one in CHROMIUM")
    return found


LOW_CONTRAST = """(() => {
const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
const linear = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
const under = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor);
        const alpha = c.length > 3 ? c[3] : 1;
        if (alpha > 0) layers.push([...c.slice(0, 3), alpha]);
        if (alpha === 1) break;
    }
    const over = (b, c) => [0, 1, 2].map((i) => c[i] * c[3] + b[i] * (1 - c[3]));
    return layers.reverse().reduce(over, [255, 255, 255]);
};
const bad = [];
for (const e of document.querySelectorAll("main *, header *, footer *")) {
    const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (e.closest("svg") || !e.offsetParent || !says) continue;
    const fore = light(parse(getComputedStyle(e).color)), back = light(under(e));
    const ratio = (Math.max(fore, back) + 0.05) / (Math.min(fore, back) + 0.05);
    if (ratio < 4.5) bad.push([e.className || e.tagName, e.innerText.slice(0, 30), ratio.toFixed(2)]);
}
return bad.slice(0, 10);
})()"""
"""An expression: texts of a page whose contrast is below the 4.5 of WCAG 2, where the background is one colour."""


class Page:
    """One tab. console: what went wrong in it or was written to its console. requested: addresses beyond the page."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._number, self._rest = 0, b""
        self._session: str | None = None
        self.console: list[str] = []
        self.requested: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol; gives its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Load a page and wait until it is there."""
        self.call("Page.navigate", url=url)
        until = time.monotonic() + _TIMEOUT_S
        while self.run("document.readyState") != "complete" or self.run("location.href") == "about:blank":
            assert time.monotonic() < until, f"{url} does not load"
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """The value of an expression, which may be a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def dark(self, wanted: bool = True) -> None:
        """Prefer the dark colours, or the light ones."""
        value = "dark" if wanted else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def size(self, width: int, height: int) -> None:
        """The window's, in pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(picture["data"]))

    def pdf(self, file: Path) -> None:
        """The page as it prints."""
        file.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _TIMEOUT_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._back], [], [], max(0, until - time.monotonic()))
            assert ready, "Chromium does not answer"
            data = os.read(self._back, 1 << 20)
            assert data, "Chromium is gone"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if message.get("method") in _TROUBLE:
            self._note(message["method"], message["params"])
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method != "Network.requestWillBeSent":
            self.console.append(json.dumps(params))
        elif not params["request"]["url"].startswith(("data:", "file:", "about:")):
            self.requested.append(params["request"]["url"])


@contextlib.contextmanager
def browser(scratch: Path) -> Iterator[Page]:
    """A tab in a fresh browser whose profile lies in `scratch`."""
    program = require()
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    options += ["--remote-debugging-pipe", f"--user-data-dir={scratch / 'profile'}", "--disable-extensions"]

    def place_pipes() -> None:  # the descriptors must be 3 and 4; first out of the way, lest one overwrite the other
        take, give = os.dup(in_read), os.dup(out_write)
        os.dup2(take, 3)
        os.dup2(give, 4)

    process = subprocess.Popen(
        [program, *options],
        pass_fds=(3, 4, in_read, out_write),
        preexec_fn=place_pipes,  # noqa: PLW1509 - no thread has been started by then
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    os.close(in_read)
    os.close(out_write)
    try:
        yield Page(in_write, out_read)
    finally:
        process.kill()
        process.wait()
        os.close(in_write)
        os.close(out_read)
