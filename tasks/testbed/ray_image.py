"""A substitute for the Docker Hub image rayproject/ray-ml: the lab's Debian with real Ray from PyPI.

Like the real image it runs as user `ray` (uid 1000) with Ray first on PATH; unlike it, it has neither conda
nor the machine-learning libraries, and is small enough to be built in a minute.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

from tasks.testbed import image
from tasks.testbed.engine import LabError, Say, docker, lock

NAME = "rayproject/ray-ml"
RECIPE = "rayfab.recipe"

SCRIPT = """
set -e
[ ! -f /etc/environment ] || { set -a; . /etc/environment; set +a; }
useradd --uid 1000 --create-home --shell /bin/bash ray
export UV_PYTHON_INSTALL_DIR=/opt/python UV_NO_CACHE=1 UV_LINK_MODE=copy
/uv -q venv --seed --python @PYTHON@ /home/ray/venv
/uv -q pip install --python /home/ray/venv/bin/python 'ray[default]==@VERSION@' @SETUPTOOLS@
chown -R ray:ray /home/ray
SUDO_FORCE_REMOVE=yes apt-get purge -y -qq sudo
"""


def ray_image(version: str = "2.60.0", python: str | Path = "3.11", say: Say = print) -> str:
    """Build the image for one Ray version; returns its tag, `rayproject/ray-ml:<version>`.

    python: `3.11` is Debian's own; uv downloads others. A folder contains a relocatable CPython; its name is the
    version, which becomes part of the tag.
    Raises LabError, also if this machine has a real image of that name.
    """
    tag, mounts = f"{NAME}:{version}", []
    if isinstance(python, Path):
        tag, mounts = f"{tag}-py{python.name}", [f"{python}:/cpython:ro"]
    parent = image.ensure_image("python", say)
    # an old Ray needs older dependencies; aiohttp installs async-timeout only for Python < 3.11
    old = "'setuptools<81' 'protobuf<5' 'pydantic<2' async-timeout"
    setuptools = old if int(version.split(".")[1]) < 10 else "setuptools"
    script = SCRIPT.replace("@VERSION@", version)
    if mounts:
        script = script.replace("set -e\n", "set -e\ncp -a /cpython /opt/cpython\n")
        python = "/opt/cpython/bin/python3"
    script = script.replace("@PYTHON@", str(python))
    script = script.replace("@SETUPTOOLS@", setuptools)
    recipe = image.digest(parent, script)
    with lock("image"):
        if image.exists(tag):
            found = docker("inspect", "--format", f'{{{{index .Config.Labels "{RECIPE}"}}}}', tag)
            if found == recipe:
                return tag
            if found in ("", "<no value>"):
                raise LabError(f"{tag} on this machine is not the lab's: rename it (docker tag, docker rmi)")
        say(f"building {tag}, with Ray {version} on Python {python}")
        changes = [
            "USER ray",
            "WORKDIR /home/ray",
            "ENV PATH=/home/ray/venv/bin:/usr/local/bin:/usr/bin:/bin",
            "ENV HOME=/home/ray",
            'CMD ["/bin/bash"]',
            f"LABEL {RECIPE}={recipe}",
        ]
        image.layer(parent, script, tag, changes=changes, mounts=[f"{find_uv()}:/uv:ro", *mounts])
    return tag


def save(tag: str, path: Path) -> Path:
    """Write the image as an archive that `docker load` reads."""
    docker("save", "--output", str(path), tag)
    return path


def find_uv() -> Path:
    """This machine's uv: from this environment, or from the PATH. Raises LabError."""
    # the `uv` wheel contains a static binary, which also runs inside the image
    beside = Path(sysconfig.get_path("scripts", vars={"base": sys.prefix}), "uv")
    found = beside if beside.exists() else shutil.which("uv")
    if not found:
        raise LabError("uv is missing on this machine: pip install -r requirements.txt")
    return Path(found)
