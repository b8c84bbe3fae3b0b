"""Start the head, read from its output the address that workers join, then start all workers at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tasks import runtimes
from tasks.inventory import Secret
from tasks.node import homes, surroundings
from tasks.node.desired import fingerprint
from tasks.node.operations import stop_script
from tasks.node.start import START_TIMEOUT, token_script
from tasks.report import handover
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.report.reasons import fix, telling
from tasks.run.desire import desire
from tasks.run.failures import Failure, HostFailed, Stop, failure_of
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.script.script import Script
from tasks.ssh import RemoteError

TIMEOUT = START_TIMEOUT + 120.0
STOP_TIMEOUT = 180.0


def start_all(run: Run) -> None:
    """Starts every chosen node that has to be started."""
    starting = [node for node in run.chosen(Planned) if node.change.start]
    if not starting:
        return
    get_token(run, starting)
    head = run.head(Planned)
    if head in starting:
        run.each("Start the head", [head], lambda node, board: start(run, node, board))
        if failure := run.failure(head):
            raise Stop("the head did not start, so no worker was started", failure.hint)
    workers = [run.now(node) for node in starting if not node.is_head]
    run.each("Start the workers", workers, lambda node, board: start(run, node, board))


def get_token(run: Run, starting: Sequence[Planned]) -> None:
    """Gets the cluster's token from the head, if a node that starts needs it; a new head gets a new token."""
    if not any(node.desired.token for node in starting):
        return
    offered = Secret(secrets.token_hex(32))
    head = run.head(Planned)
    try:
        answer = run.ask(head, token_script(run.cluster.name), timeout=60.0, RF_TOKEN=offered)
    except (HostFailed, RemoteError) as error:
        failure = failure_of(error)
        run.fail(head, failure)
        why = "the head did not return the cluster's token, so nothing was started"
        raise Stop(why, failure.hint) from None
    run.learned.token = Secret(answer.values["token"])


def start(run: Run, node: Planned, board: Board) -> None:
    """Starts one node and waits until Ray reports that it has started."""
    token = run.learned.token if node.desired.token else None
    script = start_script(run, node, fingerprint(token.reveal()) if token else "")
    if ca := node.host.mirrors.ca:
        where = f"{homes.folder(node.facts, run.cluster.name)}/authorities.pem"
        run.carry(node, Path(ca).expanduser(), where)
    try:
        answer = run.ask(node, script, board, timeout=TIMEOUT, RF_TOKEN=token)
    except HostFailed as error:
        raise HostFailed(_explained(node, error.failure)) from None
    for note in answer.all.get("note", ()):
        run.console.note(f"{node.name}: {note}")
    for warning in answer.texts.get("warning", ()):
        if warning.strip():
            run.console.note(f"{node.name}: Ray says: {warning.strip()}")
    run.did(node, "started")
    if node.is_head:
        _use_address(run, (answer.texts.get("address") or [""])[0])


def stop_again(run: Run, nodes: Sequence[Planned]) -> None:
    """Stops nodes that this run has started in vain: their supervisors would start them again for ever."""

    def one(node: Planned, board: Board) -> None:
        run.ask(node, stop_script(run.cluster.name, sudo=node.sudo), board, timeout=STOP_TIMEOUT)
        run.did(node, "stopped")

    stopped = run.each("Stop what could not join", nodes, one)
    if stopped:
        names = handover.names(node.name for node in stopped)
        run.console.note(f"stopped again, so that it does not start over and over: {names}")


def _explained(node: Planned, failure: Failure) -> Failure:
    """The failure of a start with the lines that say why, and always with a fix."""
    lines = telling({"start": [clean(line) for line in failure.log]})
    more = f"fab logs --host {node.name} --component start,raylet,gcs says more"
    return Failure(failure.message, failure.hint or fix(lines) or more, lines)


def start_script(run: Run, node: Planned, fingerprint_of_token: str) -> Script:
    """The script that starts the node under its supervisor."""
    addresses = (other.desired.node_ip for other in run.every(Planned))
    desired = replace(node.desired, direct=surroundings.direct(addresses))
    state = desired.state(fingerprint_of_token if desired.token else "", run.learned.request)
    return runtimes.of(node.host).start_script(
        node.host,
        run.cluster.name,
        desired,
        node.facts.home,
        state,
        sudo=node.sudo,
        token=desired.token,
    )


def _use_address(run: Run, line: str) -> None:
    """Makes the workers join the address that the head's own `ray start` printed."""
    found = re.search(r"--address='([^']+)'", line)
    if not found or found.group(1) == run.learned.head_address:
        return
    run.learned.head_address = found.group(1)
    for node in run.workers(Planned):
        desired = desire(run, node, node.desired.node_ip)
        run.put(replace(node, desired=replace(desired, trying=node.desired.trying)))
