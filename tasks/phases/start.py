"""Start the head, take the workers' address from it, then start the workers, all at once."""

from __future__ import annotations

import re
import secrets

from tasks import runtimes
from tasks.inventory import Secret
from tasks.node.desired import fingerprint
from tasks.node.start import START_TIMEOUT, token_script
from tasks.phases.plan import start_script
from tasks.report.console import Board
from tasks.run.run import HostFailed, Node, Run, Stop, failure_of
from tasks.ssh import RemoteError

title = "Start"
TIMEOUT = START_TIMEOUT + 120.0


def run(run: Run) -> None:
    starting = [n for n in run.chosen if n.change and n.change.start]
    if not starting:
        return
    get_token(run, starting)
    head = run.head
    if head in starting:
        run.each("Start the head", [head], lambda node, board: start(run, node, board))
        if head.failure is not None:
            raise Stop("the head did not start, so no worker was started", head.failure.hint)
    run.each(
        "Start the workers",
        [n for n in starting if n is not head and n.failure is None],
        lambda node, board: start(run, node, board),
    )


def get_token(run: Run, starting: list[Node]) -> None:
    """Fetches the cluster's token from the head, if a node that starts needs it; a new head gets a new one."""
    if not any(n.desired.token for n in starting):
        return
    offered = Secret(secrets.token_hex(32))
    try:
        answer = run.ask(run.head, token_script(run.cluster.name), None, timeout=60.0, RF_TOKEN=offered)
    except (HostFailed, RemoteError) as error:
        run.fail(run.head, failure_of(error))
        hint = run.head.failure.hint
        raise Stop("the head did not return the cluster's token, so nothing was started", hint) from None
    run.token = Secret(answer.values["token"])


def start(run: Run, node: Node, board: Board) -> None:
    """Starts one node and waits until Ray says that it has started."""
    token = run.token if node.desired.token else None
    script = start_script(run, node, fingerprint(token.reveal()) if token else "")
    answer = run.ask(node, script, board, timeout=TIMEOUT, RF_TOKEN=token)
    for note in answer.all.get("note", ()):
        run.console.note(f"{node.name}: {note}")
    node.did.append("started")
    if node.is_head:
        _use_collected(run, (answer.texts.get("address") or [""])[0])


def _use_collected(run: Run, said: str) -> None:
    """The workers use the address that the head's own `ray start` names."""
    found = re.search(r"--address='([^']+)'", said)
    if not found or found.group(1) == run.head_address:
        return
    run.head_address = found.group(1)
    for node in run.workers:
        if node.desired is not None:
            node.desired = runtimes.of(node.host).desire(
                node.subject, run.cluster.name, node.versions, node.desired.node_ip, run.head_address
            )
