"""Runs rendered scripts as a host would: by the script protocol, in several shells, in a home of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.inventory import Secret
from tasks.script import protocol
from tasks.script.answer import Answer
from tasks.script.script import Script

MARK = "rf0123456789abcdef"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# bash is called as sh, as hosts do where it is /bin/sh
SHELLS = {"dash": ("dash", "dash"), "bash": ("bash", "sh"), "busybox": ("busybox", "sh")}


def tool(name: str) -> str:
    """The path of a program that tests need; without it CI fails and other runs skip."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    return found


def argv(shell: str) -> tuple[str, list[str]]:
    """The program and its arguments that make ``shell`` read a script from standard input."""
    program, name = SHELLS[shell]
    return tool(program), [name, "-s"]


def environment(home: Path | str, path: str = SYSTEM_PATH, **more: str) -> dict[str, str]:
    # with a TMPDIR of its own, Ray's start script makes none in /tmp
    return {"HOME": str(home), "PATH": path, "TMPDIR": str(home), **more}


def spawn(
    script: Script | str,
    shell: str,
    home: Path | str,
    *,
    path: str = SYSTEM_PATH,
    secrets: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    **env: str,
) -> subprocess.Popen:
    """Starts a script; its standard input has been written and closed."""
    text = script if isinstance(script, str) else script.text
    program, words = argv(shell)
    process = subprocess.Popen(
        words,
        executable=program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd or home,
        env=environment(home, path, **env),
        start_new_session=True,
    )
    known = {name: Secret(value) for name, value in (secrets or {}).items()}
    process.stdin.write(protocol.wrap(text, MARK, known))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen, timeout: float = 120.0) -> Answer:
    """The answer of a started script. Its raw standard output is kept as ``answer.raw``."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return read(out, err)


def read(out: bytes, err: bytes = b"") -> Answer:
    reader = protocol.Reader(MARK)
    reader.stdout(out)
    reader.stderr(err)
    answer = reader.close()
    answer.raw = out  # type: ignore[attr-defined]
    return answer


def ask(script: Script | str, shell: str, home: Path | str, *, timeout: float = 120.0, **more) -> Answer:
    """Runs a script and waits for its answer."""
    return finish(spawn(script, shell, home, **more), timeout)


def only(text: str) -> str:
    """A script that looks for programs in its caller's PATH alone."""
    more = ":/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin"
    assert text.count(more) == 1
    return text.replace(more, "")


def stand_in(folder: Path, name: str, text: str) -> Path:
    """A small program that stands in for a real one; ``folder`` goes first on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    # a link to the real one must not be written through
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n# a stand-in for {name}\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


@contextmanager
def session(shell: str, home: Path) -> Iterator[Session]:
    """As one connection to a host: a process whose children run scripts for as long as it lives."""
    process = subprocess.Popen(
        ["sh", "-c", 'while read -r f; do "$0" "$@" <"$f" >"$f.out" 2>"$f.err"; echo; done', *_words(shell)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=home,
        env=environment(home),
    )
    try:
        yield Session(process, home)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _words(shell: str) -> list[str]:
    program = tool(SHELLS[shell][0])
    return [program, "sh", "-s"] if shell == "busybox" else [program, "-s"]


class Session:
    """See :func:`session`."""

    def __init__(self, process: subprocess.Popen, home: Path) -> None:
        self.process, self._home, self._count = process, home, 0

    def ask(self, script: Script) -> Answer:
        self._count += 1
        file = self._home / f"script-{self.process.pid}-{self._count}"
        file.write_bytes(protocol.wrap(script.text, MARK, {}))
        self.process.stdin.write(f"{file}\n".encode())
        self.process.stdin.flush()
        self.process.stdout.readline()
        return read(Path(f"{file}.out").read_bytes(), Path(f"{file}.err").read_bytes())
