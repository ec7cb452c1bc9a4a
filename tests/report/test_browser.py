"""The page in headless Chromium: what is drawn, searched, downloaded, printed, and what is not.

Chromium is driven over a pipe (``--remote-debugging-pipe``): no package is needed beside it.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exerkine_omics.report import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(0)"


class Browser:
    """One headless page; what it logs, throws, asks for over the network and alerts is kept."""

    def __init__(self, home: Path) -> None:
        self.home, self.number, self.events = home, 0, []
        theirs, self.out = os.pipe()
        self.incoming, answer = os.pipe()
        # the page's commands come in at 3 and its answers leave at 4
        wire = f'exec "$@" 3<&{theirs} 4>&{answer}'
        flags = (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--window-size=1280,900",
            f"--user-data-dir={home / 'profile'}", "--remote-debugging-pipe", "about:blank",
        )  # fmt: skip
        self.process = subprocess.Popen(
            ["bash", "-c", wire, "chromium", CHROMIUM, *flags],
            pass_fds=(theirs, answer),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(answer)
        self.buffer, self.session = b"", None
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in pages if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **options: Any) -> dict[str, Any]:
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": options}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(60.0)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def _next(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.incoming], [], [], seconds)
            if not ready:
                raise TimeoutError("chromium does not answer")
            chunk = os.read(self.incoming, 1 << 20)
            if not chunk:
                raise EOFError("chromium has ended")
            self.buffer += chunk
        first, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(first)
        if "method" in message:
            self.events.append(message)
            if message["method"] == "Page.javascriptDialogOpening":
                self.number += 1
                close = {"id": self.number, "method": "Page.handleJavaScriptDialog"}
                close |= {"params": {"accept": True}, "sessionId": self.session}
                os.write(self.out, json.dumps(close).encode() + b"\0")
        return message

    def run(self, code: str) -> Any:
        done = self.call(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, code: str, seconds: float = 20.0) -> Any:
        end = time.monotonic() + seconds
        while not (value := self.run(code)):
            assert time.monotonic() < end, f"never true: {code}"
            time.sleep(0.05)
        return value

    def open(self, path: Path) -> None:
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.until("document.readyState === 'complete' && performance.timing.loadEventEnd > 0")

    def draw_all(self) -> None:
        """Scroll through the page, as a reader does, until every part is drawn."""
        for i in range(self.run("document.querySelectorAll('.swap').length")):
            self.run(f"document.querySelectorAll('.swap')[{i}].scrollIntoView()")
            self.until(f"document.querySelectorAll('.swap')[{i}].dataset.state")

    def complaints(self) -> list[str]:
        """Console errors and warnings, exceptions, alerts, and requests but for the page's own."""
        self.run("1")
        found = []
        for event in self.events:
            kind, told = event["method"], event["params"]
            if (
                kind == "Runtime.exceptionThrown"
                or kind == "Page.javascriptDialogOpening"
                or (kind == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"))
                or (kind == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"))
            ):
                found.append(json.dumps(told)[:400])
            if kind == "Network.requestWillBeSent":
                url = told["request"]["url"]
                if not url.startswith(("data:", "blob:", "file:///")) or "report.html" not in (
                    url if url.startswith("file:") else "report.html"
                ):
                    found.append(url[:200])
        return found

    def download(self, click: str) -> str:
        """Text of the file that a click saves."""
        folder = self.home / f"saved{self.number}"
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self.run(click)
        end = time.monotonic() + 20
        while not (done := list(folder.glob("*.csv")) if folder.exists() else []):
            assert time.monotonic() < end, "nothing was saved"
            time.sleep(0.05)
        return done[0].read_text(encoding="utf-8", newline="")

    def picture(self, path: Path, full: bool = False) -> None:
        image = self.call("Page.captureScreenshot", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(image["data"]))

    def close(self) -> None:
        self.session = None
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (EOFError, OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
        os.close(self.out)
        os.close(self.incoming)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()
