"""A host without systemd on which a stand-in for Ray really runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tasks.node import operations
from tests.script import samples
from tests.script.processes import alive, environ
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, environment, stand_in, tool

# what `ray start --block` does: it says that it has started and stays, or says why not and ends
RAY = """
printf '%s\\n' "$@" >"$HOME/argv"
sh -c 'sleep 600; :' raylet --session_dir="$HOME/temp/session_2026-01-02_$$" &
echo $! >>"$HOME/children"
echo $$ >>"$HOME/pids"
case $(cat "$HOME/mode") in
    good)
        echo "Ray runtime started."
        echo "  ray start --address='10.0.0.1:6379'"
        exec sleep 600
        ;;
    bad)
        kill $!
        echo "the first line of a traceback"
        printf 'OSError: port 20000 is in use'
        exit 1
        ;;
    slow) exec sleep 600 ;;
esac
"""


class Node:
    """A host with one shell as its `sh`, a home, and an environment with the stand-in."""

    def __init__(self, shell: str, home: Path) -> None:
        self.shell, self.home = shell, home
        self._strangers: list[subprocess.Popen] = []
        self.folder = home / ".rayfab/lab"
        self.env = self.folder / "envs/e"
        (home / "bin").mkdir(parents=True)
        (home / "bin/sh").symlink_to(tool(SHELLS[shell][0]))
        # the loop's pause between two tries, made short
        stand_in(home / "bin", "sleep", f'[ "$1" != 3 ] || set -- 0.5; exec {tool("sleep")} "$@"')
        (home / "bin/python").symlink_to(sys.executable)
        # a head's port, for the watch
        self.gcs = socket.create_server(("127.0.0.1", 0), backlog=100)
        (home / "foreign").mkdir()
        shutil.copy(tool("sleep"), home / "foreign/raylet")
        self.install("e")
        self.mode("good")

    def install(self, env: str) -> None:
        stand_in(self.folder / "envs" / env / "bin", "ray", RAY)

    def mode(self, mode: str) -> None:
        (self.home / "mode").write_text(mode)

    def ask(self, script, **more):
        return ask(script, self.shell, self.home, path=f"{self.home}/bin:{SYSTEM_PATH}", **more)

    def up(self, env: str = "e", token: str | None = "t0ken", temp: Path | None = None, **host):
        """Runs the script that starts a worker; returns its answer and the state that it should leave."""
        of = samples.subject(host_=samples.host(**host), systemd=False, home=str(self.home))
        wanted = samples.desired(of, versions=samples.versions(env))
        state = wanted.state("fingerprint", "request")
        script = samples.up_script(of.host, "lab", wanted, str(self.home), state, token=bool(token))
        script = script.text.replace(
            '"gcs": "10.0.0.1:6379"', f'"gcs": "127.0.0.1:{self.gcs.getsockname()[1]}"'
        )
        script = script.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={temp}\n") if temp else script
        answer = self.ask(script, secrets={"RF_TOKEN": token} if token else {})
        return answer, state, wanted

    def stop(self):
        return self.ask(operations.stop_script("lab"))

    def numbers(self, name: str) -> list[int]:
        file = self.home / name
        return [int(word) for word in file.read_text().split()] if file.exists() else []

    @property
    def rays(self) -> list[int]:
        """Stand-ins that live now."""
        return [pid for pid in self.numbers("pids") if alive(pid)]

    @property
    def loop(self) -> int:
        return int((self.folder / "loop.pid").read_text())

    def stranger(self, **env: str) -> int:
        """A process with the name of a Ray process that is not this node's."""
        process = subprocess.Popen([f"{self.home}/foreign/raylet", "600"], env=environment(self.home, **env))
        self._strangers.append(process)
        return process.pid

    def end(self) -> None:
        """Leaves no process behind, whatever a test did."""
        self.gcs.close()
        for process in self._strangers:
            process.kill()
            process.wait()
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.loop, signal.SIGKILL)
        for pid in [*self.numbers("pids"), *self.numbers("children")]:
            if alive(pid) and str(self.home).encode() in environ(pid):
                os.kill(pid, signal.SIGKILL)
