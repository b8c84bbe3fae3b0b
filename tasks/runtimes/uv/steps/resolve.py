"""Resolves the packages on the operator's machine, into one exact list for a platform; and provides uv itself."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from tasks.inventory import Host
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON, parse
from tasks.node.facts import Facts
from tasks.node.platforms import machine, uv_name
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.runtimes.packages.jobs import needed
from tasks.runtimes.packages.pypi import environment, unresolved, uv_version

TIMEOUT = 600


def env_id(ray: str, python: str, lock: str) -> str:
    """The name of an environment; the same packages on the same Python have the same name."""
    digest = hashlib.sha256(f"{python}\n{lock}".encode()).hexdigest()[:12]
    return f"ray-{ray}-py{python}-{digest}"


def platform_of(facts: Facts) -> str:
    """uv's name for a host's platform, e.g. ``x86_64-manylinux_2_36``."""
    return uv_name(facts.system, facts.arch, facts.libc)


def compile_lock(console: Console, host: Host, python: str, platform: str, ray: str | None) -> str:
    """Every package with its exact version, one per line.

    :param python: full version of the hosts' Python.
    :param ray: exact version of Ray, or None for the newest that supports this Python.
    """
    named = [*host.uv.packages, *([f"ray=={ray}"] if ray else [])]
    guess = needed(ray or NEWEST_FOR_PYTHON.get(parse(python)[:2], "999"), python, named)
    lock = _compile(console, host, python, platform, [*named, *guess])
    found = re.search(r"^ray(?:\[[^\]]*\])?==([^\s;]+)", lock, re.MULTILINE)
    if found and (more := needed(found.group(1), python, named)) != guess:
        lock = _compile(console, host, python, platform, [*named, f"ray=={found.group(1)}", *more])
    return lock


def _compile(console: Console, host: Host, python: str, platform: str, packages: list[str]) -> str:
    wanted = "\n".join(packages)
    command = [
        find_uv_bin(),
        "pip",
        "compile",
        "-",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--python",
        sys.executable,
    ]
    command += ["--python-version", python, "--python-platform", platform]
    with console.phase("Resolve versions", 1) as board:
        board.step("packages", f"choosing versions for Python {python} on {platform}")
        try:
            done = subprocess.run(
                command,
                input=wanted,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                env=environment(host),
            )
        except subprocess.TimeoutExpired:
            raise Stop(
                "the package index did not answer in time", "mirrors.pypi names another index"
            ) from None
    if done.returncode:
        raise Stop(*unresolved(done.stderr, f"Python {python} on {platform}", "uv"))
    console.ok("Resolve versions", f"{_summary(done.stdout)}, Python {python}, {board.seconds:.1f} s")
    return done.stdout


def _summary(lock: str) -> str:
    ray = re.search(r"^ray(?:\[[^\]]*\])?==(\S+)", lock, re.MULTILINE)
    return f"Ray {ray.group(1) if ray else '?'} and {len(lock.splitlines()) - 1} packages"


def uv_binary_for(host: Host, facts: Facts, folder: Path) -> Path:
    """The uv program for a host's platform: this machine's own, or one downloaded for that platform."""
    own = Path(find_uv_bin())
    here = os.uname()
    if (here.sysname, machine(here.machine)) == (facts.system, machine(facts.arch)):
        return own
    target = folder / f"uv-{facts.system}-{facts.arch}"
    command = [
        str(own),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        f"uv=={uv_version()}",
    ]
    command += ["--python", sys.executable, "--python-platform", platform_of(facts)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=environment(host))
    found = target / "bin" / "uv"
    if done.returncode or not found.exists():
        raise Stop(f"cannot fetch uv for {facts.system} on {facts.arch}", "install uv on that host by hand")
    return found
