"""Reads what a head keeps, and puts it on another one: token, locks, state, and what it remembers."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

from tasks.inventory import Secret
from tasks.node import head_files, homes, journal
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known

TIMEOUT = 600.0


@dataclass(frozen=True)
class HeadFiles:
    """What a head keeps.

    :param locks: the locks of all installed environments, one after the other; '' for none.
    :param state: the files of its GCS as a .tar.gz; empty if it keeps none.
    :param state_for: the head's own note of which Ray that state is for.
    :param history: what it remembers of changes, as lines of JSON.
    :param jobs: its journal of jobs, as :func:`.journal.handed_over` has it.
    """

    token: Secret | None = None
    locks: str = ""
    state: bytes = b""
    state_for: str = ""
    history: tuple[str, ...] = ()
    jobs: str = ""


def read_head_files(run: Run, head: Known) -> HeadFiles:
    """Reads it; what is not there is empty.

    :raises HostFailed, RemoteError: the head does not answer.
    """
    script = head_files.read_script(run.cluster.name, sudo=head.sudo)
    with run.console.phase(script.title, 1) as board:
        answer = run.ask(head, script, board, timeout=TIMEOUT)
    told = head.state.get("head_state")
    if isinstance(told, dict) and told.get("kept") and "kept" not in answer.texts:
        run.console.note(f"{head.name}: the state that it keeps cannot be read: all but that goes along")
    token = answer.values.get("token")
    return HeadFiles(
        Secret(token) if token else None,
        "\n".join(dict.fromkeys(n.lock_text for n in run.every(Known) if n.lock_text)),
        base64.b64decode("".join(answer.texts.get("kept", ()))),
        answer.values.get("kept_for", ""),
        tuple(line for line in answer.texts.get("history", ()) if line.strip()),
        journal.handed_over(answer.texts.get("job", ()), time.time()),
    )


def write_head_files(run: Run, head: Known, found: HeadFiles, board: Board) -> None:
    """Puts it on a head whose node does not run.

    :raises HostFailed, RemoteError: it was not written.
    """
    folder = homes.folder(head.facts, run.cluster.name)
    if found.state:
        run.carry(head, found.state, f"{folder}/{head_files.ARCHIVE}")
    # a head on Windows keeps none
    if found.jobs and head.facts.system != "Windows":
        run.carry(head, found.jobs.encode(), f"{folder}/{head_files.JOBS}")
    script = head_files.write_script(
        run.cluster.name,
        found.locks,
        token=found.token is not None,
        state_for=found.state_for,
        history="\n".join(found.history),
        sudo=head.sudo,
    )
    run.ask(head, script, board, timeout=TIMEOUT, RF_TOKEN=found.token)
