"""The user's own scripts around an operation: ``hooks:`` in the hosts file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.inventory.hooks import Hook
from tasks.node.hook import hook_script
from tasks.report.console import Board
from tasks.report.lines import clean
from tasks.run.failures import Failure, HostFailed
from tasks.run.node_address import node_ip
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Planned, Reached
from tasks.ssh import Target, connect
from tasks.text.wording import shown

BEFORE_DEPLOY, AFTER_JOIN, ON_FAILURE = "before_deploy", "after_join", "on_failure"
TIMEOUT = 3600.0  # seconds for each hook on each host
LOCK = "RAYFAB_LOCK"  # the cluster and the holder of its lock, for a fab that a hook starts
KEPT = 10  # last lines of a failed hook


def hooks_of(run: Run, name: str) -> Sequence[Hook]:
    """The hooks of that name in the hosts file, in order."""
    return getattr(run.cluster.hooks, name)


def run_hooks(run: Run, name: str, nodes: Sequence[Reached]) -> None:
    """Runs the hooks of that name for each of these hosts. Where one fails, that host has failed."""
    if hooks := hooks_of(run, name):
        run.each(f"Run {name}", nodes, lambda node, board: _each(run, name, hooks, node, board))


def run_on_failure(run: Run) -> None:
    """For each host that has failed, or once if something else has; a failure here is a note and no more."""
    hooks = hooks_of(run, ON_FAILURE)
    failed = run.failed
    if not hooks or not (failed or run.record.why):
        return
    for node in failed or [Listed(run.cluster.head)]:
        failure = run.failure(node) or run.record.why
        for hook in hooks:
            if hook.on_host and not (failed and isinstance(node, Reached)):
                continue
            try:
                with run.console.phase(f"Run {ON_FAILURE}", 1) as board:
                    _one(run, ON_FAILURE, hook, node, board, failure)
            except Exception as error:
                said = error.failure.message if isinstance(error, HostFailed) else str(error)
                run.console.note(f"{node.name}: {said}")


def _each(run: Run, name: str, hooks: Sequence[Hook], node: Reached, board: Board) -> None:
    for hook in hooks:
        _one(run, name, hook, node, board)


def _one(run: Run, name: str, hook: Hook, node: Listed, board: Board, failure: Failure | None = None) -> None:
    """Runs one hook for one host.

    :raises HostFailed: its exit status is not 0.
    """
    given = facts(run, name, node, failure)
    text, folder = hook.text, ""
    if hook.place == "script":
        text = (run.cluster.path.absolute().parent / Path(text).expanduser()).read_text("utf-8")
    if not hook.on_host:
        folder = str(run.cluster.path.absolute().parent)
        given |= {"RAY_HOSTS_FILE": str(run.cluster.path.absolute())}
        if run.record.locked:
            given[LOCK] = f"{run.cluster.name} {run.options.holder}"
    elif node.connection.system == "windows":
        hint = "here: runs a hook on your machine, also for this host"
        raise HostFailed(Failure(f"{name}: hooks on a host need sh, which Windows does not have", hint))
    script = hook_script(
        run.cluster.name, f"{name}: {hook}", text, given, file=hook.place == "script", folder=folder
    )
    last: list[str] = []

    def line(text: str) -> None:
        last[KEPT - 1 :] = []
        last.insert(0, clean(text))

    if hook.on_host:
        answer = run.try_ask(node, script, board, timeout=TIMEOUT, on_line=line)
    else:
        here = connect(Target(node.name, "localhost", local=True), run.settings)
        with run.helping(here):
            # no password of the host is for this machine
            near = Listed(node.host).reached(here)
            answer = run.try_ask(near, script, board, timeout=TIMEOUT, on_line=line)
    if not answer.ok:
        said = clean(answer.error) if answer.values.get("error") else f"ended with status {answer.status}"
        log = tuple(text for text in reversed(last) if text.strip())
        hint = "correct the hook in the hosts file, or what it needs; its last lines are below"
        raise HostFailed(Failure(f"{name}: {shown(str(hook))} {said}", hint, log))


def facts(run: Run, name: str, node: Listed, failure: Failure | None = None) -> dict[str, str]:
    """The environment of a hook; what is not known yet is empty."""
    versions = node.versions if isinstance(node, Planned) else None
    known = node.facts if isinstance(node, Known) else None
    return {
        "RAYFAB_HOOK": name,
        "RAYFAB_COMMAND": run.options.what,
        "RAYFAB_CLUSTER": run.cluster.name,
        "RAYFAB_HOST": node.name,
        "RAYFAB_ADDRESS": node.host.host,
        "RAYFAB_ROLE": node.host.role,
        "RAYFAB_RUNTIME": node.host.runtime,
        "RAYFAB_NODE_IP": node_ip(run, node) or "",
        "RAYFAB_HEAD": run.learned.head_address,
        "RAYFAB_RAY": (versions.ray if versions else "") or "",
        "RAYFAB_PYTHON": (versions.python if versions else "") or "",
        "RAYFAB_SYSTEM": known.system if known else "",
        "RAYFAB_ARCH": known.arch if known else "",
        "RAYFAB_ERROR": failure.message if failure else "",
        "RAYFAB_HINT": failure.hint if failure else "",
    }
