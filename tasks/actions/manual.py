"""What `fab docs` does: serve the manual with its search, or write it into a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks.environment import Failed, added
from tasks.environment.home import TOP, in_checkout
from tasks.environment.progress import Progress
from tasks.report.console import Console

# MkDocs Material prints an advertisement for its successor otherwise
QUIET = {"NO_MKDOCS_2_WARNING": "1"}


def run(build: str, port: int) -> int:
    """Serves the manual, or builds it, and returns the exit status.

    :param build: the folder to write the pages into; empty: serve them on ``port`` until Ctrl-C.
    """
    console = Console()
    if not in_checkout() or not (TOP / "mkdocs.yml").is_file():
        console.bad("the manual is not installed", "run it in a checkout of this project")
        return 2
    folder = Path(build).expanduser().absolute()
    # MkDocs empties the folder first
    if build and folder.is_dir() and any(folder.iterdir()) and not (folder / "sitemap.xml").is_file():
        console.bad(f"{folder} is not empty, and holds something else", "name a new folder")
        return 2
    try:
        with Progress("first use, installing MkDocs") as progress:
            packages = added.packages("docs", progress.say)
    except Failed as error:
        console.bad(str(error), error.hint)
        return 1
    if build:
        code = _mkdocs(packages, "build", "--quiet", "--site-dir", str(folder))
        if code == 0:
            console.ok(f"the manual is in {folder}")
        return code
    console.note(f"http://127.0.0.1:{port} until Ctrl-C; pages are built again when they change")
    try:
        # without the flag, MkDocs 1.6 with a recent click does not watch the files
        return _mkdocs(packages, "serve", "--livereload", "--quiet", "--dev-addr", f"127.0.0.1:{port}")
    except KeyboardInterrupt:
        return 0


def _mkdocs(packages: Path, *words: str) -> int:
    env = {**os.environ, **QUIET, "PYTHONPATH": str(packages)}
    return subprocess.run([sys.executable, "-m", "mkdocs", *words], cwd=TOP, env=env).returncode
