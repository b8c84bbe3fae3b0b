"""A package index on a lab host that holds all packages of a cluster, each in one version, and counts what it sends.

The files are those that the real index has for the same packages, Python and platform; what a test adds comes to them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks.runtimes.packages import pypi
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.web import Web
from tasks.testbed.host import LabHost

from .conda import mirror

PORT = 8090


class WheelIndex(mirror.Served):
    """`url` is for `mirrors.pypi`; paths are such as `/files/ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl`."""

    top = "simple"
    sizes: dict[str, int]  # bytes of each file that it began with, by path

    def publish(self, file: str, data: bytes) -> None:
        """Adds a version of a package."""
        self.host.write_file(f"{self.folder}/files/{file}", data)
        self.sizes[f"/files/{file}"] = len(data)
        page = self.folder / "simple" / project(file) / "index.html"
        there = self.host.exec(["cat", str(page)]).out
        self.host.write_file(str(page), there + anchor(file, hashlib.sha256(data).hexdigest()))


def project(file: str) -> str:
    """A package's name as an index has it, from the name of a wheel."""
    return re.sub("[-_.]+", "-", file.partition("-")[0]).lower()


def anchor(file: str, sha256: str) -> str:
    return f'<a href="/files/{file}#sha256={sha256}">{file}</a>\n'


def files(host, packages: Sequence[str], python: str) -> list[Item]:
    """What hosts with Linux on x86 install, and uv. host: of a hosts file, without any setting."""
    platform, glibc = "linux-64", "2.28"
    _, items = pypi.choose(host, packages, "uv", python=python, platform=platform, glibc=glibc, ray=None)
    uv = pypi.uv_wheel(host, platform, "2.17")
    # uv may be among the packages as well
    return list({item.file: item for item in (*items, uv)}.values())


def on_host(lab_host: LabHost, host, packages: Sequence[str], python: str) -> WheelIndex:
    """Serve from a lab host of flavour python or docker. Raises LabError, Unavailable.

    host: see :func:`files`; python: the full version.
    """
    items = files(host, packages, python)
    with tempfile.TemporaryDirectory(dir=pypi.own_folder(), prefix="wheel-index-") as folder:
        top = Path(folder)
        (top / "files").mkdir()
        for item in items:
            os.link(Web.of(host).get(item), top / "files" / item.file)
            page = top / "simple" / project(item.file) / "index.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            with page.open("a") as out:
                out.write(anchor(item.file, item.sha256))
        made = mirror.served_on(lab_host, WheelIndex, top, "wheels", PORT)
    made.sizes = {f"/files/{item.file}": item.size for item in items}
    return made
