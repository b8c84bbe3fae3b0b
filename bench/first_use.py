"""The first `./fab` in a fresh copy: seconds and megabytes, compared with `python -m venv` and pip for everything.

The index is on this machine's disk or a nearby mirror, and pip's cache is warm, so this measures the work itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
from uv import find_uv_bin

TOP = measure.BENCH.parent
OLD, NEW, UV, AGAIN = "venv and pip, all requirements", "./fab", "./fab, uv on the PATH", "./fab again"


def copy(folder: Path) -> Path:
    """The files that git tracks."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=TOP, capture_output=True, check=True).stdout
    tar = subprocess.run(
        ["tar", "--null", "-T", "-", "-cf", "-"], cwd=TOP, input=names, capture_output=True, check=True
    )
    subprocess.run(["tar", "-xf", "-"], cwd=folder, input=tar.stdout, check=True)
    return folder


def megabytes(venv: Path) -> int:
    done = subprocess.run(["du", "-sm", str(venv)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def environment(**more: str) -> dict[str, str]:
    """A user's environment, without the settings of this session."""
    own = ("PYTHONDONTWRITEBYTECODE", "RAYFAB_PROGRAM", "PYTHONPATH")
    return {**{name: value for name, value in os.environ.items() if name not in own}, **more}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    about = measure.machine()
    python = os.path.realpath(sys.executable)
    size: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        place = copy(Path(name))
        venv = place / ".venv"
        with_uv = environment(UV_CACHE_DIR=str(place / "uv"))
        with_uv["PATH"] = f"{Path(find_uv_bin()).parent}:{with_uv['PATH']}"

        def call(*command: str | Path, env: dict[str, str] | None = None) -> None:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run([str(word) for word in command], check=True, env=env or environment(), **quiet)

        def measured(name: str, *steps: tuple, **more) -> float:
            shutil.rmtree(venv, ignore_errors=True)
            seconds = measure.timed(lambda: [call(*step, **more) for step in steps])
            size[name] = megabytes(venv)
            return seconds

        def old() -> float:
            pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            files = ["-r", place / "requirements.txt", "-r", place / "requirements-conda.txt"]
            task = [venv / "bin/python", place / "tasks", "--version"]
            return measured(OLD, (python, "-m", "venv", venv), (*pip, *files), task)

        def again() -> float:
            return measure.timed(lambda: call(place / "fab", "--version"))

        contenders = {
            OLD: old,
            NEW: lambda: measured(NEW, (place / "fab", "--version")),
            AGAIN: again,
            UV: lambda: measured(UV, (place / "fab", "--version"), env=with_uv),
        }
        for warm in (old, contenders[UV]):
            warm()
        seconds = measure.alternate(contenders, runs)
    ratio = measure.ratios(seconds, OLD)
    rows = [
        (name, measure.spread(found), f"{ratio[name]:.2f}", size.get(name, ""))
        for name, found in seconds.items()
    ]
    verdict = "met" if measure.median(seconds[NEW]) <= 12 and size[NEW] <= 150 else "MISSED"
    tables = f"Asked: at most 12 s and 150 MB: **{verdict}**. Medians of {runs} runs (least-most), alternating.\n\n"
    tables += measure.table(("", "seconds", "ratio", "MB in .venv"), rows)
    measure.save("first_use", {"runs": seconds, "megabytes": size}, about, tables)


if __name__ == "__main__":
    main()
