"""Upgrade and rollback, up to the switch: what is needed, what a host can go back to, and the question."""

from __future__ import annotations

import time
from dataclasses import replace

from tasks import runtimes
from tasks.node.desired import version_changes
from tasks.node.kept import Kept, Records, read_script, records
from tasks.plan.changes import Change
from tasks.report import handover
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.kept import SHORT, changing, undo, what
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.step import step
from tasks.run.work import work_ended
from tasks.runtimes.steps.install import install

TRIAL = 300.0  # seconds for importing Ray and all packages


@step("See that all hosts are there")
def need_all(run: Run) -> None:
    """All nodes change together, so each host must answer and be sound."""
    if run.failed:
        names = handover.names(node.name for node in run.failed)
        raise Stop(
            f"{what(run)} changes all hosts together, and not all can be: {names}; nothing was changed",
            "fix that, or take the host out: fab remove-worker --host X",
        )
    if windows := [node.name for node in run.every(Known) if node.facts.system == "Windows"]:
        raise Stop(
            f"{what(run)} is not available on Windows: {handover.names(windows)}; nothing was changed",
            "change the hosts file, then fab deploy-cluster; to go back, change it again",
        )
    if not any(node.state for node in run.every(Known)):
        raise Stop(
            "nothing is deployed on these hosts", "fab deploy-cluster installs and starts what is missing"
        )


@step("See that the cluster runs")
def need_running(run: Run) -> None:
    if not run.head(Known).facts.active:
        raise Stop(
            "the cluster isn't running, so an upgrade has nothing to go back to",
            "fab start starts it; or change the hosts file, then fab deploy-cluster",
        )


@step("Read what can be started again")
def read_kept(run: Run) -> None:
    def one(node: Known, board: Board) -> Records:
        answer = run.ask(node, read_script(run.cluster.name), board, timeout=SHORT)
        return records(answer.values, answer.texts)

    found = run.each("Read what can be started again", run.living(Known), one)
    run.learned.kept = {node.name: told for node, told in found.items()}
    need_all(run)


@step("See that one can go back")
def need_way_back(run: Run) -> None:
    without = [n.name for n in run.every(Known) if n.runs and run.learned.kept[n.name].started is None]
    if without:
        raise Stop(
            f"not known how to start again what runs on {handover.names(without)}: deployed by an older version",
            "fab restart writes it down; then the same command again",
        )
    _need_same_runtime(
        {n.name: one for n in run.every(Known) if (one := run.learned.kept[n.name].started)}, run
    )


def _need_same_runtime(kept: dict[str, Kept], run: Run) -> None:
    nodes = [node for node in run.every(Known) if node.name in kept]
    other = [n for n in nodes if not runtimes.of(n.host).starts(kept[n.name].desired)]
    if other:
        first = other[0]
        raise Stop(
            f"{handover.names(n.name for n in other)}: {what(run)} cannot change the runtime "
            f"(there: {kept[first.name].desired.runtime}, hosts file: {runtimes.of(first.host).name})",
            "fab deploy-cluster does; there is no way back from that but another deploy",
        )


@step("Choose all nodes, if one changes")
def choose_all(run: Run) -> None:
    nodes = run.chosen(Planned)
    if any(node.change.any for node in nodes):
        for node in nodes:
            run.put(replace(node, change=node.change.with_restart()))


@step("Fetch and try", changes=True)
def fetch_and_try(run: Run) -> None:
    """Installs while the old cluster runs, and imports there. A failure leaves only what runs."""
    nodes = changing(run)
    if not nodes:
        return
    install(run)
    if not run.failed:
        run.each("Import Ray and the packages", nodes, lambda node, board: _try(run, node, board))
    for node in nodes:
        run.put(replace(node, change=replace(node.change, install=False)))
    if failed := run.failed:
        undo(run, nodes)
        raise Stop(
            f"not ready on {handover.names(node.name for node in failed)}, so nothing was restarted: "
            "the cluster keeps running unchanged",
            run.failure(failed[0]).hint,
        )


def _try(run: Run, node: Planned, board: Board) -> None:
    if script := runtimes.steps_of(node.host).trial(run, node):
        run.ask(node, script, board, timeout=TRIAL)


@step("Choose what ran before")
def choose_previous(run: Run) -> None:
    """The node that each host goes back to: what ran before the last upgrade, or before one that was interrupted."""
    kept, nodes = run.learned.kept, run.chosen(Known)
    interrupted = any(one.trying for one in kept.values())
    found = {n.name: kept[n.name].started if interrupted else kept[n.name].previous for n in nodes}
    if not any(found.values()):
        raise Stop(
            "there is nothing to go back to", "fab upgrade keeps what ran before it, until the next deploy"
        )
    if without := [name for name, one in found.items() if one is None]:
        raise Stop(
            f"nothing to go back to on {handover.names(without)}, which came later",
            "fab remove-worker --host X takes it out; fab add-worker --host X joins it again afterwards",
        )
    _need_same_runtime(found, run)
    if broken := [n.name for n in nodes if not _whole(n, found[n.name])]:
        raise Stop(
            f"the environment to go back to is no longer complete on {handover.names(broken)}",
            "set the version in the hosts file, then fab deploy-cluster",
        )
    for node in nodes:
        aim = found[node.name]
        why = (
            *version_changes(node.state, aim.desired),
            *(("as before the upgrade",) if interrupted else ()),
        )
        change = Change(False, True, ("go back",), why)
        run.put(node.resolved(aim.desired.versions).planned(aim.desired, change))
    head = run.head(Planned)
    run.learned.head_address = head.desired.head_address
    run.learned.request = found[head.name].request


def _whole(node: Known, aim: Kept) -> bool:
    name = aim.desired.versions.env_id
    return not name or name in node.facts.envs


@step("See what the switch ends")
def say_what_ends(run: Run) -> None:
    """For a dry run, which prints it with the plan."""
    run.record.ends = work_ended(run, [node for node in changing(run) if node.runs])


@step("Ask before the switch", changes=True, dry_run=say_what_ends)
def agree_to_switch(run: Run) -> None:
    """Says what will run, what ends, and that all nodes stop together; always asks. A no removes what was installed."""
    nodes = changing(run)
    if not nodes:
        return
    say_what_ends(run)
    head = run.head(Planned)
    changes = version_changes(head.state, head.desired) or list(head.change.why)
    lines = [
        f"{what(run)} stops all {handover.hosts(len(nodes))} together, then starts {_named(head)}: {', '.join(changes)}"
    ]
    if what(run) == "rollback" and (since := _since(run, head)):
        lines.append(since)
    if run.record.ends:
        lines += ["it ends:", *(f"  {line}" for line in run.record.ends)]
    if head.state.get("ray") != head.desired.versions.ray:
        lines.append(
            "detached actors and placement groups end too: no Ray reads the state of another version's head"
        )
    try:
        run.options.agree(lines, f"{what(run)} would stop the cluster")
    except Stop:
        undo(run, nodes)
        raise


def _named(node: Planned) -> str:
    versions = node.desired.versions
    python = f" on Python {versions.python}" if versions.python else ""
    return f"Ray {versions.ray}{python}"


def _since(run: Run, head: Planned) -> str:
    """Since when the version ran that the cluster goes back to."""
    kept = run.learned.kept[head.name]
    aim = kept.started if kept.trying else kept.previous
    if aim is None or aim.since is None:
        return ""
    return f"it ran since {time.strftime('%Y-%m-%d %H:%M', time.localtime(aim.since))}"
