"""A headless Chromium, driven by WebDriver: what the tests of the manual and docs/pictures need of it, and no more."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# the programs of Debian's packages chromium and chromium-driver
DRIVER, CHROMIUM = shutil.which("chromedriver"), shutil.which("chromium")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
WAIT_SECONDS = 30


class Browser:
    """One tab. Elements are found by CSS selectors."""

    def __init__(self, driver: str, width: int, height: int) -> None:
        self.driver = driver
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        # Chromium has no sandbox for root
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
        options = {"binary": CHROMIUM, "args": [*arguments, f"--window-size={width},{height}"]}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        self.session = ""
        self.session = self._ask("POST", "session", {"capabilities": wanted})["sessionId"]
        self.width(width, height)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        place = f"{self.driver}/session/{self.session}/{path}" if self.session else f"{self.driver}/{path}"
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            place.rstrip("/"), data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self._ask("POST", "url", {"url": address})

    def width(self, width: int, height: int) -> None:
        """Give the page this size, as a phone or a desktop has it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self._ask("POST", "goog/cdp/execute", command)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that JavaScript returns."""
        return self._ask("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def cookie(self, name: str, value: str) -> None:
        self._ask("POST", "cookie", {"cookie": {"name": name, "value": value}})

    def _element(self, selector: str) -> str:
        self.until(lambda: self.run("return document.querySelector(arguments[0]) !== null", selector))
        return self._ask("POST", "element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector: str) -> None:
        self._ask("POST", f"element/{self._element(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"element/{self._element(selector)}/value", {"text": text})

    def texts(self, selector: str) -> list[str]:
        """The text of each visible element."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim()).filter(t => t)",
            selector,
        )

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait until ``true`` returns something, and return that."""
        end = time.monotonic() + WAIT_SECONDS
        while not (value := true()):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {WAIT_SECONDS} s; the page says: {self.texts('body')}")
            time.sleep(0.1)
        return value

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", "screenshot")))

    def close(self) -> None:
        self._ask("DELETE", "")


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """Start Chromium, and end it and its driver afterwards."""
    process = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "started successfully on port" in line:
                port = line.rstrip(".\n").rsplit(" ", 1)[1]
                break
        else:
            raise RuntimeError("chromedriver does not start")
        one = Browser(f"http://127.0.0.1:{port}", width, height)
        try:
            yield one
        finally:
            one.close()
    finally:
        process.terminate()
        process.wait()
