"""Submit a job: the current folder goes to the head, Ray's job server runs it, its output comes here."""

from __future__ import annotations

import io
import os
import re
import secrets
import sys
import tarfile
from pathlib import Path

from tasks.node.addresses import join
from tasks.node.operations import submit_script
from tasks.report import handover
from tasks.report.lines import clean
from tasks.run.run import Run, Stop
from tasks.ssh import RemoteError, Unfinished
from tasks.text.quoting import printed

LEFT_OUT = {".git", ".venv", "venv", "__pycache__", "node_modules", ".lab", ".pytest_cache", ".hypothesis"}
MOST_BYTES = 100 << 20
WEEK = 7 * 86400.0  # seconds


def pack(folder: Path) -> bytes:
    """The folder as a compressed tar, without what no job needs."""
    buffer = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for path, folders, files in os.walk(folder):
            folders[:] = [f for f in folders if f not in LEFT_OUT]
            for name in files:
                full = Path(path) / name
                if not full.is_file():
                    continue
                total += full.stat().st_size
                if total > MOST_BYTES:
                    raise Stop(
                        f"{folder} holds more than {MOST_BYTES >> 20} MiB",
                        "run this in a folder that contains only the job",
                    )
                tar.add(full, arcname=str(full.relative_to(folder)), recursive=False, filter=_private)
    return buffer.getvalue()


def _private(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """On the hosts a job's source is for the user that Ray runs as; the names and numbers here mean nothing there."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o700 if info.mode & 0o100 else 0o600
    return info


def submit_job(run: Run, words: list[str], *, wait: bool) -> None:
    """Runs ``words`` as a job; raises Stop where it did not succeed."""
    head = run.head
    if not head.facts.active:
        raise Stop("the head isn't running", "fab deploy-cluster starts it")
    folder = Path.cwd()
    archive = ""
    if any(_is_file(folder / word) for word in words):
        archive = f"{head.facts.home}/.rayfab/{run.cluster.name}/rayfab-job-{secrets.token_hex(4)}.tar.gz"
        head.connection.carry(pack(folder), archive)
    state = head.subject.state
    address = f"http://{join(_dashboard_ip(run, state), head.host.ray.dashboard_port)}"
    script = submit_script(
        head.host, run.cluster.name, address, archive, words, wait=wait, user=run.user, sudo=head.sudo
    )

    begun: list[str] = []

    def on_line(line: str) -> None:
        begun.extend(re.findall(r"^job (\S+) submitted$", line) if not begun else ())
        if run.console.gone:
            raise Stop("the output is no longer read")
        print(line if sys.stdout.isatty() else clean(line), flush=True)

    def goes_on() -> None:
        if not begun:
            return
        ask = f"exec --limit {printed(head.name)} -- ray job"
        where = f"--address {address} {begun[0]}"
        lines = [(f"{ask} logs --follow {where}", "its output"), (f"{ask} stop {where}", "end it")]
        run.console.note(f"job {begun[0]} is running on the cluster:")
        handover.commands(run.console, lines)

    try:
        answer = head.connection.ask(script, secrets=head.secrets(), timeout=WEEK, on_line=on_line)
    except Unfinished as error:
        goes_on()
        raise Stop(str(error), "the job's result is unknown; check its output") from error
    except (RemoteError, Stop, KeyboardInterrupt):
        goes_on()
        raise
    if "error" in answer.values:
        raise Stop(answer.values["error"], answer.hint)
    if answer.status:
        raise Stop("the job did not succeed", "see its output above")
    if not wait:
        goes_on()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a word that is a whole program is too long for a name
        return False


def _dashboard_ip(run: Run, state: dict) -> str:
    host = run.head.host.ray.dashboard_host
    return state.get("node_ip", "127.0.0.1") if host in ("0.0.0.0", "::") else host
