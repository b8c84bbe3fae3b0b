"""Install packages with uv or pip, whichever supports the user's package index, and report progress."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tasks.environment import Failed, bundled, wheels
from tasks.environment.reasons import DISK_FULL, explain
from tasks.environment.settings import for_uv

Say = Callable[[str], None]
LOOK_SECONDS = 0.5
SMALL = 1_000_000
# Variables that would change where packages are installed.
DIVERTING = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON", "PIP_DRY_RUN"}
DIVERTING |= {"UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_TARGET", "UV_PREFIX", "PYTHONHOME", "PYTHONPATH"}
# With wheels at hand nothing else counts: no index, no configuration file.
ALONE = {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_OFFLINE": "1"}


class Installer:
    """Installer for one Python.

    :param scratch: a folder for downloads, on the disk of the environment.
    :param log: file for the output of pip and uv.
    """

    def __init__(self, python: Path, scratch: Path, log: Path, say: Say) -> None:
        self.python, self.scratch, self.log, self.say = python, scratch, log, say
        self.output = ""
        self._count = 0
        self._file = self._size = ""
        self._lent: Path | None = None
        self._wheels: list[Path] | None = None

    def install(self, requirements: Path, target: Path | None = None) -> None:
        """Install a requirements file into the Python's own environment, or into ``target``.

        From the wheels that came with this program, if there are any; else from the package index.

        :raises Failed: with the reason and a fix.
        """
        self._wheels = wheels.of(requirements)
        what = ["--target", str(target)] if target else []
        if self._wheels is None:
            what += ["-r", str(requirements)]
        else:
            what += ["--no-index", "--no-deps", *map(str, self._wheels)]
        has_pip = self._find_pip()
        settings = for_uv(os.environ) if self._wheels is None else {}
        uv = None if has_pip and settings is None else self._uv(requirements, has_pip)
        if uv and self._run([*uv, "--python", str(self.python), *what], settings):
            return
        # if the disk was full for uv, it is full for pip too
        if has_pip and not (uv and explain(self.output)[0] == DISK_FULL):
            if uv:
                self.say("uv could not install them, trying pip")
            if self._pip(what):
                return
        raise self._failed(requirements)

    def _failed(self, requirements: Path) -> Failed:
        what, hint = explain(self.output)
        return Failed(
            f"the packages of {requirements.name} could not be installed: {what}",
            f"{hint}; more in {self.log}",
        )

    def _find_pip(self) -> bool:
        """Whether pip can be used; a Python without pip gets a temporary copy for this run."""
        if (bundled.site_packages(self.python.parent.parent) / "pip").is_dir():
            return True
        source = bundled.find()
        if source is not None:
            self._lent = self.scratch / "pip"
            bundled.put(source, self._lent)
        return source is not None

    def _uv(self, requirements: Path, has_pip: bool) -> list[str] | None:
        """The user's uv with its cache, or the uv of the requirements: from its wheel, or pip installs it first."""
        if self._wheels is None and (own := shutil.which("uv")):
            return [own, "pip", "install"]
        beside = self.python.with_name("uv")
        if self._wheels is not None and not beside.exists():
            wheel = next((one for one in self._wheels if one.name.startswith("uv-")), None)
            if wheel is None:
                return None
            beside = wheels.program(wheel, "uv", self.scratch)
        if not beside.exists():
            needed = re.search(r"^uv==\S+", requirements.read_text("utf-8"), re.MULTILINE)
            if not needed or not has_pip:
                return None
            if not self._pip(["--no-deps", needed.group()]):
                raise self._failed(requirements)
        return [str(beside), "pip", "install", "--no-cache"]

    def _pip(self, arguments: Sequence[str]) -> bool:
        options = ["--no-compile", "--no-input", "--disable-pip-version-check"]
        return self._run([str(self.python), "-m", "pip", "install", *options, *arguments])

    def _run(self, command: Sequence[str], settings: Mapping[str, str] | None = None) -> bool:
        self.output, self._file = "", ""
        # child processes inherit the lock file, so a surviving installer still holds the lock
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**(settings or {}), **self._environment()},
            close_fds=False,
        )
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(over,), daemon=True)
        looking.start()
        try:
            with self.log.open("a", encoding="utf-8") as log:
                for line in process.stdout:
                    self.output += line
                    log.write(line)
                    self._heard(line)
            return process.wait() == 0
        finally:
            over.set()
            looking.join()
            _end(process)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in DIVERTING}
        if self._wheels is not None:
            kept = {name: value for name, value in kept.items() if not name.startswith(("PIP_", "UV_"))}
            kept |= ALONE
        authorities = kept.get("REQUESTS_CA_BUNDLE") or kept.get("CURL_CA_BUNDLE")
        if authorities:
            kept.setdefault("SSL_CERT_FILE", authorities)
        own = {
            "PIP_USER": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        own |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
        if self._lent:
            own["PYTHONPATH"] = str(self._lent)
        return {**kept, **own, "TMPDIR": str(self.scratch)}

    def _heard(self, line: str) -> None:
        """Translate one output line of pip or uv into a progress text."""
        if found := re.match(r"\s*Downloading (?:\S*/)?(\S+) \((.*)\)", line):
            self._file, self._size = found.groups()
            self._tell(f"fetching {self._file.split('-')[0]}, {self._size}")
        elif found := re.match(r"Collecting ([\w.-]+)", line):
            self._count += 1
            self._file = ""
            self._tell(found.group(1))
        elif found := re.match(r"(Resolved|Prepared) (\d+ packages?)", line):
            doing = "fetching" if found.group(1) == "Resolved" else "installing"
            self.say(f"{doing} {found.group(2)}")
        elif line.startswith("Installing collected packages:"):
            self._file, count = "", line.count(",") + 1
            self.say(f"installing {count} package{'s' if count > 1 else ''}")

    def _tell(self, text: str) -> None:
        self.say(f"packages, {self._count} so far: {text}" if self._count > 1 else text)

    def _look(self, over: threading.Event) -> None:
        """Report the progress of a large download."""
        while not over.wait(LOOK_SECONDS):
            name = self._file
            try:
                size = next(self.scratch.rglob(name)).stat().st_size if name else 0
            except (OSError, StopIteration):
                continue
            if size > SMALL and name == self._file:
                self._tell(f"fetching {name.split('-')[0]}, {size / 1e6:.1f} of {self._size}")


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
