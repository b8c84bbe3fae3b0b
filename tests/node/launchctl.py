"""A stand-in for macOS's launchctl and the launchd behind it: domains, sessions, jobs that are kept alive.

Run as a program by the stand-in Mac. It reads real property lists and really runs what they name. What it takes from
launchd: bootout comes back before the job has ended, and after that the next few bootstraps fail with 5.
"""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["HOME"])
JOBS = HOME / "launchd"
SETTLES = 2  # bootstraps that fail after a job has ended


def job_file(target: str) -> Path:
    return JOBS / target.replace("/", "_")


def known(target: str) -> dict | None:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(job_file(target).read_text())
    return None


def keep(target: str, **job: object) -> None:
    """Whole or not at all: others read it meanwhile."""
    new = HOME / f".launchd-{os.getpid()}"
    new.write_text(json.dumps(job))
    os.replace(new, job_file(target))


def end(code: int, said: str = "") -> None:
    if said:
        print(said, file=sys.stderr)
    sys.exit(code)


def allowed(domain: str) -> None:
    if domain == "system" and os.environ.get("AS_ROOT") != "1":
        end(
            5,
            "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.",
        )
    if (domain.startswith("gui/") and not (HOME / "launchd.gui").exists()) or (
        domain.startswith("user/") and (HOME / "launchd.nouser").exists()
    ):
        end(125, "Bootstrap failed: 125: Domain does not support specified action")


def bootstrap(domain: str, path: str) -> None:
    allowed(domain)
    job = plistlib.loads(Path(path).read_bytes())
    sessions = {"user": "Background", "gui": "Aqua", "syst": ""}[domain[:4].rstrip("/")]
    if sessions and job.get("LimitLoadToSessionType", "Aqua") != sessions:
        end(134, "Bootstrap failed: 134: Service cannot load in requested session")
    if job.get("UserName") and domain != "system":
        end(5, "Bootstrap failed: 5: Input/output error")
    target = f"{domain}/{job['Label']}"
    settling = JOBS / "settling"
    left = int(settling.read_text()) if settling.exists() else 0
    if known(target) or left > 0:
        if left > 0:
            settling.write_text(str(left - 1))
        end(5, "Bootstrap failed: 5: Input/output error")
    JOBS.mkdir(exist_ok=True)
    keep(target, pid=0, state="spawn scheduled")
    subprocess.Popen(
        [sys.executable, __file__, "--run", target, path],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k not in ("AS_ROOT", "RF_SUDO", "RF_TOKEN")},
    )


def run(target: str, path: str) -> None:
    """launchd itself: keeps one job alive until it is told to end."""
    job = plistlib.loads(Path(path).read_bytes())
    child: list[subprocess.Popen] = []
    asked: list[bool] = []

    def stop(*_: object) -> None:
        asked.append(True)
        if child:
            child[-1].terminate()

    signal.signal(signal.SIGTERM, stop)
    shell = str(HOME.parent / "bin/sh")
    words = [shell if word == "/bin/sh" else word for word in job["ProgramArguments"]]
    while not asked:
        child.append(subprocess.Popen(words, start_new_session=True))
        keep(target, pid=os.getpid(), job=child[-1].pid, state="running")
        if asked:
            child[-1].terminate()
        try:
            child[-1].wait(job["ExitTimeOut"] if asked else None)
        except subprocess.TimeoutExpired:
            child[-1].kill()
        if not job.get("KeepAlive") or asked:
            break
        keep(target, pid=os.getpid(), state="spawn scheduled")
        # of ThrottleInterval a tenth
        time.sleep(job["ThrottleInterval"] / 10)
    (JOBS / "settling").write_text(str(SETTLES))
    job_file(target).unlink(missing_ok=True)


def bootout(target: str) -> None:
    allowed(target.rpartition("/")[0])
    job = known(target)
    if job is None:
        end(3, "Boot-out failed: 3: No such process")
    while not job["pid"]:
        time.sleep(0.02)
        job = known(target) or end(0)
    os.kill(job["pid"], signal.SIGTERM)
    end(36, "Boot-out failed: 36: Operation now in progress")


def print_(target: str) -> None:
    job = known(target)
    if job is None:
        end(113, f'Could not find service "{target.rpartition("/")[2]}" in domain for {target}')
    print(
        f"{target} = {{\n\tactive count = 1\n\ttype = LaunchDaemon\n\tstate = {job['state']}\n\n\truns = 1\n"
        "\tendpoints = {\n\t\tstate = active\n\t}\n}"
    )


def main(words: list[str]) -> None:
    if words[0] == "--run":
        run(*words[1:])
        return
    with (HOME / "launchctl.log").open("a") as log:
        log.write(" ".join(words) + "\n")
    {"bootstrap": bootstrap, "bootout": bootout, "print": print_}[words[0]](*words[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
