"""What `fab test` does: the whole suite, with the real hosts of the lab where they can run."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from invoke import Exit

from tasks.environment import Failed, added
from tasks.environment.home import TOP, in_checkout
from tasks.environment.installer import Installer
from tasks.environment.progress import Progress
from tasks.report.console import Console

TOOLS = (
    "shellcheck",
    "busybox",
    "dash",
    "bash",
    "zsh",
    "fish",
    "bash_completion",
    "sshd",
    "sshpass",
    "bsdtar",
)
PACKAGES = {"sshd": "openssh-server", "bash_completion": "bash-completion", "bsdtar": "libarchive-tools"}
BESIDES_PATH = ("/usr/sbin", "/usr/share/bash-completion")


def run(only: str, *, unit: bool) -> int:
    """Runs the tests and returns the exit status.

    :param only: a path or a pytest expression; empty: all tests. :param unit: leave out the lab.
    """
    console = Console()
    if not in_checkout() or not (TOP / "tests").is_dir():
        console.bad("the tests are not installed", "run them in a checkout of this project")
        return 2
    _packages(console)
    _tools(console)
    # two at a time: each has a lab of its own, and a file's hosts stay with one of them
    args = [sys.executable, "-m", "pytest", *(only.split() if only else ["-n", "2", "--dist", "loadfile"])]
    if unit:
        args += ["-m", "not lab"]
        console.note("left out, as requested: the tests on the lab's real hosts")
    elif platform.system() != "Linux" or os.geteuid() != 0:
        console.note(
            "THE LAB CANNOT RUN HERE (it needs Linux and root): its tests are skipped, the rest runs"
        )
    return subprocess.run(args, cwd=TOP).returncode


def _packages(console: Console) -> None:
    needed = ("pytest", "hypothesis", "xdist", "jsonschema", "tree_sitter", "tree_sitter_powershell")
    needed += ("zstandard", "rattler", "pyte")
    requirements = TOP / "requirements-dev.txt"
    try:
        with (
            Progress("first use, installing what the tests need") as progress,
            TemporaryDirectory() as scratch,
        ):
            added.packages("docs", progress.say)
            if all(importlib.util.find_spec(name) for name in needed):
                return
            log = added.own_folder() / "pip.log"
            Installer(Path(sys.executable), Path(scratch), log, progress.say).install(requirements)
    except Failed as error:
        console.bad(str(error), error.hint)
        raise Exit(code=1) from None


def _tools(console: Console) -> None:
    """Install shells and shellcheck from the system's packages, if possible."""
    missing = [
        t for t in TOOLS if not shutil.which(t) and not any(Path(at, t).exists() for at in BESIDES_PATH)
    ]
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        console.note(f"installing {', '.join(missing)}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        names = [PACKAGES.get(t, t) for t in missing]
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, stdout=subprocess.DEVNULL)
        done = subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names],
            env=quiet,
            stdout=subprocess.DEVNULL,
        )
        if done.returncode == 0:
            return
    console.note(f"not found: {', '.join(missing)}; tests that need them are skipped")
