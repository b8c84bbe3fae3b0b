"""Prune: remove the nodes of hosts that have left the hosts file. The head remembers how they are reached."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from tasks.node.facts import Facts
from tasks.node.homes import host_id
from tasks.node.operations import destroy_script
from tasks.phases.connect import connect_all
from tasks.plan.deployed import Deployed
from tasks.report import handover
from tasks.report.console import Board
from tasks.run.deployed import gone
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Reached
from tasks.run.start import STOP_TIMEOUT
from tasks.run.step import step
from tasks.run.work import work_ended_at
from tasks.runtimes.facts import facts_script, parse_facts

FACTS_TIMEOUT = 60.0


@step("Ask before hosts that have left the hosts file are removed")
def agree_to_prune(run: Run) -> None:
    """Before any of them is connected to, and before anything else is changed."""
    if not run.options.prune:
        return
    found = gone(run)
    if not found:
        run.console.note("no host that was deployed has left the hosts file")
        return
    if run.options.dry_run:
        return
    ends = work_ended_at(run, {one.node_ip: one.name for one in found if one.node_ip})
    names = handover.names(_label(run, one) for one in found)
    lines = [
        f"this removes Ray, its environments, logs and settings of the cluster {run.cluster.name} from "
        f"{names}, which left the hosts file{', and ends:' if ends else ''}",
        *(f"  {line}" for line in ends),
    ]
    run.options.agree(lines, f"prune {run.cluster.name}")


@step("Remove hosts that have left the hosts file", changes=True)
def prune(run: Run) -> None:
    """A host that fails stays remembered, and is tried again the next time."""
    found = gone(run) if run.options.prune else []
    if not found:
        return
    entries = {_label(run, one): one for one in found}
    listed = [_listed(run, one, label) for label, one in entries.items()]
    # of their own, so that no other step takes them for hosts of the hosts file
    apart = Run(run.cluster, run.console, listed, run.settings, replace(run.options, limit=None))
    try:
        # that none of them can be reached ends nothing
        with contextlib.suppress(Stop):
            connect_all(apart)
        apart.each("Remove what left the hosts file", apart.living(Reached), lambda n, b: _remove(run, n, b))
    finally:
        run.record.gone += apart.every()
        run.record.touched |= apart.record.touched
    for node in apart.every():
        if failure := apart.failure(node):
            way = (
                f"stays remembered: --prune tries it again; if it is gone for good, list it once more, then "
                f"fab remove-worker --host {entries[node.name].host} --force"
            )
            run.fail(node, replace(failure, hint=f"{failure.hint}; {way}"))
        else:
            run.record.forgotten.add(entries[node.name].place)
            run.did(node, "removed")


def _remove(run: Run, node: Reached, board: Board) -> None:
    script = facts_script(node.host, run.cluster.name, sudo_password=node.sudo)
    answer = run.ask(node, script, board, timeout=FACTS_TIMEOUT)
    facts = parse_facts(node.host, answer.all, answer.texts)
    _need_stranger(run, facts)
    script = destroy_script(node.host, run.cluster.name, sudo=node.sudo)
    answer = run.ask(node, script, board, timeout=STOP_TIMEOUT)
    for note in answer.all.get("note", ()):
        run.console.note(f"{node.name}: {note}")
    for path in answer.all.get("left", ()):
        run.console.note(f"{node.name}: could not remove {path}, which belongs to another user")


def _need_stranger(run: Run, facts: Facts) -> None:
    """Fails where an old address leads to a host of the hosts file by now, or to a node of another head."""
    me = (host_id(facts), facts.boot_id, facts.node)
    for node in run.every(Known):
        if me == (host_id(node.facts), node.facts.boot_id, node.facts.node):
            why = f"its address leads to {node.name}, which is in the hosts file: nothing was removed"
            raise HostFailed(Failure(why, "look at what the address means by now"))
    head = run.head(Known).state.get("head", "")
    other = (facts.state or {}).get("head", "")
    if head and other and other != head:
        why = f"its node belongs to another head ({other}): nothing was removed"
        raise HostFailed(Failure(why, "fab destroy with the hosts file of that cluster removes it"))


def _label(run: Run, one: Deployed) -> str:
    taken = any(host.name == one.name for host in run.cluster.hosts)
    return f"{one.name} ({one.host})" if taken else one.name


def _listed(run: Run, one: Deployed, label: str) -> Listed:
    """The host as the hosts file would have it: passwords are those of a worker with the same login."""
    nodes = sorted(run.every(), key=lambda node: (node.host.user != one.user, node.is_head))
    own = {**one.login(), "name": label, "role": "worker", "node_ip": None}
    host = nodes[0].host.model_copy(update=own)
    return Listed(host, nodes[0].passwords)
