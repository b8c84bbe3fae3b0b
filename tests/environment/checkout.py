"""Copies of this checkout without its environment, and `./fab` in them as a user calls it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from uv import find_uv_bin

TOP = Path(__file__).resolve().parents[2]
# of the machine that the tests run on
OUR_OWN = ("RAYFAB_PROGRAM", "RAY_HOSTS_FILE", "XDG_CACHE_HOME", "PYTHONDONTWRITEBYTECODE")


def copy(folder: Path) -> Path:
    """The files of the checkout, new ones included."""
    folder.mkdir(parents=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=TOP, capture_output=True, check=True).stdout
    packed = subprocess.run(
        ["tar", "--null", "-T", "-", "-cf", "-"], cwd=TOP, input=names, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-xf", "-"], cwd=folder, input=packed, check=True)
    return folder


@functools.cache
def cache() -> str:
    """uv's cache for all environments of a test run: only the first one asks the index."""
    folder = tempfile.TemporaryDirectory(prefix="rayfab-test-")
    atexit.register(folder.cleanup)
    return folder.name


def environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OUR_OWN}
    return {**kept, **more}


def quick(**more: str) -> dict[str, str]:
    """For a user who has uv, and whose pip knows of nothing: it takes a second."""
    kept = {name: value for name, value in environ().items() if not name.startswith("PIP_")}
    path = f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "UV_CACHE_DIR": cache(), "PIP_CONFIG_FILE": os.devnull, **more}


def run(command: Sequence[str | Path], **more) -> subprocess.CompletedProcess[str]:
    env = more.pop("env", None)
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=240,
        stdin=subprocess.DEVNULL,
        env=environ() if env is None else env,
        **more,
    )


def whole(checkout: Path) -> bool:
    return (checkout / ".venv/.ready").exists()


@contextlib.contextmanager
def silent_index() -> Iterator[str]:
    """A package index that takes each question and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


@contextlib.contextmanager
def cut_off(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine whose index and proxies take every question and answer none."""
    home.mkdir()
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
    without = ("PIP_FIND_LINKS", "PIP_NO_INDEX", "UV_CACHE_DIR", "NO_PROXY", "no_proxy")
    with silent_index() as url:
        env = environ(PIP_INDEX_URL=url, UV_DEFAULT_INDEX=url, PIP_REQUIRE_HASHES="1", HOME=str(home))
        env |= dict.fromkeys(names, url.removesuffix("/simple"))
        yield {name: value for name, value in env.items() if name not in without}


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: Sequence[str | Path], env: dict[str, str], columns: int = 80) -> None:
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(str(command[0]), [str(word) for word in command], {**env, "COLUMNS": str(columns)})
        self.seen = ""

    def until(self, text: str, seconds: float = 60) -> str:
        """All that was written, as soon as ``text`` is part of it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if not self._read():
                raise AssertionError(f"it ended: {self.seen}")
        return self.seen

    def _read(self) -> bool:
        if not select.select([self.file], [], [], 0.5)[0]:
            return True
        try:
            data = os.read(self.file, 65536)
        except OSError:
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def end(self) -> int:
        """Its exit status; minus the signal's number if one ended it."""
        while self._read():
            pass
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
