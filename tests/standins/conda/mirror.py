"""The stand-in's mirror as a test drives it: on this machine, or on a lab host, where its link can be made slow.

/anaconda/miniconda/                 installers
/anaconda/pkgs/{main,r}/             Anaconda's channels; `r` is empty
/anaconda/cloud/conda-forge/         the same packages, without terms
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tasks.testbed.engine import LAB_DIR, LabError, Say, lock
from tasks.testbed.host import LabHost

from . import channel, cpython, installer
from .server import Mirror as Server

HERE = Path(__file__).parent
PORT = 8088
S = TypeVar("S", bound="Served")
TERMS = {"version": "2025-07-15T00:00:00Z", "text": "Terms of the stand-in.", "support": "nobody"}


def tree(say: Say = print) -> Path:
    """The folder that a mirror serves, built once and kept below the lab's own folder. Raises LabError."""
    pythons = [cpython.find(minor) for minor in channel.PYTHONS]
    place = LAB_DIR / "conda" / _recipe(pythons)
    with lock("conda"):
        if not place.exists():
            say("building the stand-in for conda and its channels (half a minute, once)")
            shutil.rmtree(place.parent, ignore_errors=True)
            work = place.with_suffix(".part")
            top = work / "anaconda"
            main = top / "pkgs/main"
            channel.build(main, pythons)
            channel.index(top / "pkgs/r")
            forge = top / "cloud/conda-forge"
            shutil.copytree(main, forge, copy_function=shutil.copy2)
            channel.add_tools(forge, channel.TOOLS_OF_FORGE)
            installer.build(top / "miniconda")
            work.rename(place)
    return place


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _recipe(pythons: list[Path]) -> str:
    """Changes with whatever the folder is made of."""
    parts = [path.read_bytes() for path in sorted(HERE.rglob("*")) if path.suffix in (".py", ".sh")]
    parts += [f"{p} {(p / 'bin/python3').stat().st_mtime}".encode() for p in pythons]
    parts.append(importlib.metadata.version("py-rattler").encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


class Served:
    """Talks to a running server. `url` ends in its top folder; what is counted and broken goes by path, such as
    `/anaconda/pkgs/main/linux-64/python-3.7.16-standin_0.conda`."""

    top = ""

    def __init__(self, base: str, folder: Path, host: LabHost | None = None) -> None:
        self.base, self.folder, self.host = base, folder, host
        self.url = f"{base}/{self.top}"

    # What has been fetched

    def sent(self, client: str = "") -> dict[str, int]:
        """Bytes of content for each path; client: those to one address alone."""
        report = self._ask("report")
        return report["clients"].get(client, {}) if client else report["sent"]

    def asked(self) -> dict[str, int]:
        """Requests for each path."""
        return self._ask("report")["asked"]

    def forget(self) -> None:
        """Resets the counts and every fault."""
        self._ask("forget", {})

    # What can go wrong. path: a regular expression; times: how often, 0: always

    def cut(self, path: str, after: int, times: int = 1) -> None:
        """The connection breaks after so many bytes of content."""
        self._ask("fault", {"path": path, "cut": after, "times": times})

    def wrong(self, path: str, byte: int = 0, times: int = 0) -> None:
        """One byte of the content is another one."""
        self._ask("fault", {"path": path, "wrong": byte, "times": times})

    def refuse(self, path: str, status: int = 403, times: int = 0) -> None:
        """Answers with that status alone."""
        self._ask("fault", {"path": path, "status": status, "times": times})

    def delay(self, path: str, seconds: float, times: int = 0) -> None:
        """Answers after a while."""
        self._ask("fault", {"path": path, "wait": seconds, "times": times})

    def crawl(self, path: str, at_once: int) -> None:
        """Answers after a second, and each connection breaks after so many bytes of content; :meth:`heal` ends it."""
        self._ask("fault", {"path": path, "cut": at_once, "wait": 1, "times": 0})

    def heal(self, path: str) -> None:
        """Ends the fault of that path; the counts stay."""
        self._ask("fault", {"path": path, "times": 0})

    # What lies there

    def put(self, path: str, text: str) -> None:
        if self.host is not None:
            self.host.write_file(f"{self.folder}/{path}", text)
        else:
            (self.folder / path).write_text(text)

    def remove(self, path: str) -> None:
        if self.host is not None:
            self.host.must(["rm", "-f", f"{self.folder}/{path}"])
        else:
            (self.folder / path).unlink(missing_ok=True)

    def _ask(self, what: str, told: dict | None = None) -> dict:
        data = None if told is None else json.dumps(told).encode()
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(urllib.request.Request(f"{self.base}/-/{what}", data), timeout=10) as answer:
            return json.load(answer)


class CondaMirror(Served):
    """The mirror of Anaconda's site."""

    top = "anaconda"

    @property
    def installers(self) -> str:
        """For `mirrors.miniconda`."""
        return f"{self.url}/miniconda"

    @property
    def pkgs(self) -> str:
        """For `mirrors.conda`."""
        return f"{self.url}/pkgs"

    @property
    def main(self) -> str:
        """The channel that is Anaconda's."""
        return f"{self.url}/pkgs/main"

    @property
    def forge(self) -> str:
        """The channel that is the community's."""
        return f"{self.url}/cloud/conda-forge"

    def list_sums(self, yes: bool) -> None:
        """Whether a folder's page says the SHA-256 of its installers, as Anaconda's does and few mirrors do."""
        self._ask("listing", {"listing": "sums" if yes else "plain"})

    def terms(self, wanted: bool, *channels: str) -> None:
        """Whether these channels (default: Anaconda's) publish terms, as they do it."""
        for name in channels or ("pkgs/main", "pkgs/r"):
            if wanted:
                self.put(f"anaconda/{name}/terms.json", json.dumps(TERMS))
            else:
                self.remove(f"anaconda/{name}/terms.json")

    def sha256_file(self, path: str) -> None:
        """Put the file's SHA-256 into a file beside it. path: such as `anaconda/miniconda/X.sh`."""
        digest = hashlib.sha256((tree() / path).read_bytes()).hexdigest()
        self.put(f"{path}.sha256", f"{digest}  {path.rpartition('/')[2]}\n")


def on_host(host: LabHost, say: Say = print) -> CondaMirror:
    """Serve from a lab host of flavour python or docker. Raises LabError."""
    return served_on(host, CondaMirror, tree(say), "conda", PORT)


def served_on(host: LabHost, kind: type[S], source: Path, name: str, port: int) -> S:
    """Serve a folder of this machine from a lab host of flavour python or docker. Raises LabError."""
    unit, place, script = f"standin-{name}", f"/srv/{name}", f"/srv/{name}_server.py"
    host.must(f"systemctl stop {unit} 2>/dev/null; rm -rf {place}; mkdir -p {place}")
    host.copy_in(f"{source}/.", place)
    host.copy_in(HERE / "server.py", script)
    serve = ["python3", script, place, "--bind", host.address, "--port", str(port)]
    host.must(["systemd-run", "--quiet", f"--unit={unit}", "--property=Restart=always", *serve])
    mirror = kind(f"http://{host.address}:{port}", Path(place), host)
    deadline = time.monotonic() + 20
    while True:
        try:
            mirror.asked()
            return mirror
        except OSError:
            if time.monotonic() > deadline:
                raise LabError(f"{host.name}: the mirror does not answer") from None
            time.sleep(0.1)


@contextlib.contextmanager
def here(folder: Path, address: str = "127.0.0.1", say: Say = print) -> Iterator[CondaMirror]:
    """Serve from this machine; folder: an empty one for what is served, links to the files that are kept."""
    with served_here(folder, CondaMirror, tree(say), address) as made:
        yield made


@contextlib.contextmanager
def served_here(folder: Path, kind: type[S], source: Path, address: str) -> Iterator[S]:
    """Serve links to the files of `source`, in an empty folder, from this machine."""
    shutil.copytree(source, folder, copy_function=_link, dirs_exist_ok=True)
    server = Server((address, 0), folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kind(f"http://{address}:{server.server_address[1]}", folder)
    finally:
        server.shutdown()
        server.server_close()
