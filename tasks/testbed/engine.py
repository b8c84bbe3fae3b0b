"""The outer Docker Engine that carries the lab's hosts: get it, start it, talk to it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tasks.environment.added import own_folder
from tasks.environment.home import in_checkout

ROOT = Path(__file__).resolve().parents[2]
LAB_DIR = ROOT / ".lab" if in_checkout() else own_folder() / "lab"
LABEL = "rayfab.lab"
FREE_DISK = 8 * 1024**3  # bytes: base images, one Ray image and what a few hosts write

Say = Callable[[str], None]


class LabError(Exception):
    """The lab cannot do what was asked; the text is one line that says why and the way out."""


def command(
    argv: Sequence[str], *, stdin: str | bytes | None = None, timeout: float = 900.0, env: dict | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine, output captured. Raises LabError only if it is missing or hangs."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(env or {})},
            **({"stdin": subprocess.DEVNULL} if data is None else {"input": data}),
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed on this machine") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(argv[:3])}` took longer than {timeout:.0f} s") from None
    return subprocess.CompletedProcess(
        argv, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


def docker(*argv: str, stdin: str | bytes | None = None, timeout: float = 900.0) -> str:
    """Run `docker ARGV` and return its output. Raises LabError with Docker's own last line."""
    done = command(["docker", *argv], stdin=stdin, timeout=timeout)
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise LabError(f"`docker {' '.join(argv[:2])}` failed: {lines[-1] if lines else 'no message'}")
    return done.stdout.strip()


def listed(kind: str, lab: str) -> list[str]:
    """Names of a lab's containers, volumes or networks. kind: container | volume | network."""
    every = ["--all"] if kind == "container" else []
    name = "{{.Names}}" if kind == "container" else "{{.Name}}"
    return docker(kind, "ls", *every, "--filter", f"label={LABEL}={lab}", "--format", name).split()


def check_machine() -> None:
    """Raises LabError where no lab can run: not Linux, not root, no apt."""
    if platform.system() != "Linux":
        raise LabError(f"the lab needs Linux (this is {platform.system()}): use a Linux machine or a VM")
    if os.geteuid() != 0:
        raise LabError("the lab needs root: run it again with sudo")
    if shutil.which("apt-get") is None:
        raise LabError("the lab needs apt-get (Debian or Ubuntu) to build its hosts")


def ensure_packages(programs: dict[str, str]) -> None:
    """Install what is missing. programs: program on PATH -> Debian package that brings it."""
    missing = sorted({package for program, package in programs.items() if shutil.which(program) is None})
    if not missing:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command(["apt-get", "update", "-qq"], env=quiet)
    done = command(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=quiet)
    if done.returncode != 0:
        raise LabError(f"apt-get install {' '.join(missing)} failed: {done.stderr.strip().splitlines()[-1]}")


def running() -> bool:
    return shutil.which("docker") is not None and command(["docker", "info"], timeout=30).returncode == 0


def ensure_engine(say: Say) -> None:
    """Docker Engine answers, or LabError. An engine that had to be started here is remembered in .lab/."""
    check_machine()
    LAB_DIR.mkdir(mode=0o700, exist_ok=True)
    if not running():
        say("installing Docker Engine" if shutil.which("dockerd") is None else "starting Docker Engine")
        ensure_packages({"dockerd": "docker.io", "iptables": "iptables"})
        ensure_packages({"docker": "docker-cli"})  # a package of its own on newer Debian
        _start()
    _check_disk()


def _start() -> None:
    daemon = None
    if Path("/run/systemd/system").is_dir():
        command(["systemctl", "start", "docker"])
    elif not running():
        with open(LAB_DIR / "dockerd.log", "wb") as log:
            daemon = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (LAB_DIR / "engine.json").write_text(json.dumps({"pid": daemon.pid}))
    deadline = time.monotonic() + 60
    while not running():
        if daemon is not None and daemon.poll() is not None:
            last = (LAB_DIR / "dockerd.log").read_text().strip().splitlines()[-1:]
            raise LabError(f"Docker Engine does not start: {' '.join(last)}")
        if time.monotonic() > deadline:
            raise LabError("Docker Engine did not start within 60 s: see `docker info`")
        time.sleep(0.5)


def _check_disk() -> None:
    store = docker("info", "--format", "{{.DockerRootDir}}")
    free = shutil.disk_usage(store).free
    if free < FREE_DISK:
        raise LabError(
            f"{store} has {free / 1024**3:.1f} GB free, the lab needs {FREE_DISK / 1024**3:.0f} GB: make room"
        )


def stop_engine(say: Say) -> None:
    """Stop the engine if this lab started it and no container of anybody's is left in it."""
    note = LAB_DIR / "engine.json"
    if not note.exists() or (running() and docker("ps", "-aq")):
        return
    pid = json.loads(note.read_text())["pid"]
    if _is_dockerd(pid):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _is_dockerd(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        say("stopped the Docker Engine that lab-up had started")
    note.unlink()


def _is_dockerd(pid: int) -> bool:
    """The number may belong to another process by now, or to one that is only waited for."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(") ")
    except OSError:
        return False
    return name.endswith("(dockerd") and not rest.startswith("Z")


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold a lock of this machine: two labs must not build the same image at once."""
    import fcntl  # not there on Windows, where `fab` must still load

    LAB_DIR.mkdir(mode=0o700, exist_ok=True)
    with open(LAB_DIR / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
