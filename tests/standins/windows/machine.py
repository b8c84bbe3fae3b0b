"""The stand-in for a Windows machine with Docker Desktop: a folder for C:, and programs.

Its docker.exe is a real Docker command somewhere else, whose engine sees that folder under another path.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import programs
from .files import Drive
from .values import Unsupported

DESKTOP = r"C:\Program Files\Docker\Docker\resources\bin\docker.exe"
ICACLS = r"C:\Windows\System32\icacls.exe"


class Machine:
    """`docker`: the words that docker.exe's own words are put behind; `seen_as`: where its engine sees the drive.

    `cards`: network interfaces as (name, address, prefix, whether it leads out).
    """

    sid = "S-1-5-21-1-2-3-1001"
    guid = "0f0e0d0c-0000-4000-8000-000000000001"
    user = "me"

    def __init__(
        self,
        root: Path,
        name: str = "winbox",
        *,
        docker: Sequence[str] = (),
        seen_as: str = "",
        cards: Sequence[tuple[str, str, int, bool]] = (("Ethernet 2", "10.0.0.9", 24, True),),
        listening: Callable[[], list[int]] = lambda: [],
        pipe: str = "docker_engine",
    ) -> None:
        self.name, self.docker, self.seen_as, self.pipe = name, list(docker), seen_as, pipe
        self.drive, self.cards, self.listening = Drive(root), list(cards), listening
        self.ssh: set[tuple[tuple[str, int], tuple[str, int]]] = set()
        self.closed_to_others: dict[str, list[str]] = {}
        self.inside_when_closed: list[Path] = []
        self.started: list[list[str]] = []
        self._lock = threading.Lock()
        for path in (rf"C:\Users\{self.user}", r"C:\Windows\System32"):
            self.drive.at(path).mkdir(parents=True, exist_ok=True)
        self.drive.at(ICACLS).touch()
        programs.put_all(self.drive.root)
        if docker:
            self.install_docker()

    def install_docker(self, path: str = DESKTOP) -> None:
        self.drive.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.drive.at(path).touch()

    def wipe(self) -> None:
        shutil.rmtree(self.drive.root, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """As a session of sshd's has it: what was installed after sshd was started is not on PATH."""
        home = rf"C:\Users\{self.user}"
        return {
            "USERPROFILE": home,
            "LOCALAPPDATA": rf"{home}\AppData\Local",
            "ProgramData": r"C:\ProgramData",
            "ProgramFiles": r"C:\Program Files",
            "SystemRoot": r"C:\Windows",
            "PATH": r"C:\Windows\System32;C:\Windows",
            "PROCESSOR_ARCHITECTURE": "AMD64",
        }

    def registry_variable(self, name: str, whose: str) -> str | None:
        if name != "Path":
            raise Unsupported(f"the variable {name}")
        return r"C:\Windows\System32" if whose == "Machine" else None

    def connections(self) -> list[tuple[tuple[str, int], tuple[str, int]]]:
        with self._lock:
            return list(self.ssh)

    def connected(self, ends: tuple[tuple[str, int], tuple[str, int]], *, now: bool) -> None:
        with self._lock:
            (self.ssh.add if now else self.ssh.discard)(ends)

    def start(self, program: str, words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """What CreateProcess does. Raises OSError where there is no such program."""
        if not self.drive.at(program).is_file():
            raise OSError(2, "The system cannot find the file specified")
        self.started.append([program, *words])
        if program == ICACLS:
            self.closed_to_others[words[0]] = words[1:]
            self.inside_when_closed += self.drive.at(words[0]).iterdir()
            argv = ["true"]
        elif program.endswith("\\docker.exe"):
            argv = self.docker_words(words, environment)
        elif self.drive.at(program).read_bytes().startswith(b"#!/bin/sh\n"):
            argv = ["sh", str(self.drive.at(program)), *words]
        else:
            raise Unsupported(f"the program {program}")
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(argv, env=self._environment(environment), **pipes)

    def _environment(self, given: dict[str, str]) -> dict[str, str]:
        """For a program that stands in for one of Windows': its PATH is this machine's."""
        os.environ["STANDIN_C"] = str(self.drive.root)
        programs.C = self.drive.root
        plain = {name: programs.here(value) for name, value in given.items() if name != "PATH"}
        return {**os.environ, **plain, "WIN_PATH": given.get("PATH", "")}

    # Processes of what lies on the drive

    def program_of(self, pid: int) -> str:
        """The path, as Windows has it, of the program that runs as this process; '' for any other."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            return ""
        for word in words:
            if word.startswith(f"{self.drive.root}/") and word.lower().endswith(".exe"):
                return "C:\\" + word[len(str(self.drive.root)) + 1 :].replace("/", "\\")
        return ""

    def running(self, name: str = "") -> dict[int, str]:
        """Living programs of the drive's by the number of their process."""
        found = {
            int(p.name): self.program_of(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()
        }
        end = f"\\{name}.exe" if name else ".exe"
        return {pid: path for pid, path in found.items() if path.lower().endswith(end)}

    def kill_all(self) -> None:
        while left := self.running():
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)

    def reboot(self, login: bool = False) -> None:
        """The power is cut; then the tasks with a trigger for the boot run, and those for a login after one."""
        self.kill_all()
        self._environment({})
        for file in sorted(programs.tasks().iterdir()):
            text = file.read_bytes().decode("utf-16")
            if "<BootTrigger" in text or (login and "<LogonTrigger" in text):
                programs.run_task(file.name)

    def docker_words(self, words: list[str], environment: dict[str, str]) -> list[str]:
        if "DOCKER_CONFIG" not in environment:
            raise Unsupported(
                "the user's own settings of Docker: its helper for passwords fails without a desktop"
            )
        host = environment.get("DOCKER_HOST", "npipe:////./pipe/docker_engine")
        if host.rpartition("/")[2] != self.pipe:
            said = f"error during connect: open //./pipe/{host.rpartition('/')[2]}: The system cannot find the file"
            return ["sh", "-c", f"echo '{said} specified.' >&2; exit 1"]
        return [*self.docker, *(re.sub(r"^C:\\[^:]*", self._elsewhere, word) for word in words)]

    def _elsewhere(self, path: re.Match[str]) -> str:
        if not self.seen_as:
            raise Unsupported(f"the path {path.group(0)} for this Docker")
        return str(Path(self.seen_as) / self.drive.at(path.group(0)).relative_to(self.drive.root))
