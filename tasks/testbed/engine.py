"""The outer Docker Engine that runs the lab's hosts: install it, start it, call it."""

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
FREE_DISK = 8 * 1024**3  # bytes: base images, one Ray image and the data of a few hosts

Say = Callable[[str], None]


class LabError(Exception):
    """The lab could not do what was requested; the message is one line with the reason and a fix."""


def command(
    argv: Sequence[str], *, stdin: str | bytes | None = None, timeout: float = 900.0, env: dict | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program on this machine and capture its output. Raises LabError only if it is missing or hangs."""
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
    """Run `docker ARGV` and return its output. Raises LabError with the last line of Docker's output."""
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
    """Raises LabError if no lab can run here: not Linux, not root, or no apt."""
    if platform.system() != "Linux":
        raise LabError(f"the lab needs Linux (this is {platform.system()}): use a Linux machine or a VM")
    if os.geteuid() != 0:
        raise LabError("the lab needs root: run it again with sudo")
    if shutil.which("apt-get") is None:
        raise LabError("the lab needs apt-get (Debian or Ubuntu) to build its hosts")


def ensure_packages(programs: dict[str, str]) -> None:
    """Install missing programs. programs: program on PATH -> Debian package that contains it."""
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
    """Make sure that Docker Engine answers. An engine that is started here is recorded in .lab/. Raises LabError."""
    check_machine()
    LAB_DIR.mkdir(mode=0o700, exist_ok=True)
    if not running():
        say("installing Docker Engine" if shutil.which("dockerd") is None else "starting Docker Engine")
        ensure_packages({"dockerd": "docker.io", "iptables": "iptables"})
        ensure_packages({"docker": "docker-cli"})  # a separate package on newer Debian
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
    """Stop the engine if this lab started it and it has no containers left."""
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
    """Whether the process still runs: its number may have been reused, or it may be a zombie."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(") ")
    except OSError:
        return False
    return name.endswith("(dockerd") and not rest.startswith("Z")


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold a machine-wide lock: two labs must not build the same image at the same time."""
    import fcntl  # missing on Windows, where `fab` must still load

    LAB_DIR.mkdir(mode=0o700, exist_ok=True)
    with open(LAB_DIR / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
