"""What an operation has done, printed at its end."""

from __future__ import annotations

from pathlib import Path

from tasks import runtimes
from tasks.phases.hooks import show_hooks
from tasks.phases.show_plan import show_plan, show_scripts
from tasks.report import handover
from tasks.report import status as table
from tasks.run.deployed import gone, still_runs
from tasks.run.run import Run
from tasks.run.stages import Known, Planned
from tasks.run.status import as_json
from tasks.run.step import Step
from tasks.run.work import say_ended
from tasks.text.quoting import printed
from tasks.text.wording import counted


def planned(run: Run, scripts: bool = False, hooks: Step = show_hooks) -> None:
    """What a deploy would do; with the scripts too, if wanted. :param hooks: shows those that would run."""
    if scripts:
        show_scripts(run)
    show_plan(run)
    hooks(run)
    say_gone(run)
    changing = [n for n in run.chosen(Planned) if n.change.any]
    if changing:
        run.console.note(
            f"dry run: nothing was changed; {len(changing)} of {counted(len(run.chosen()), 'host')} would be"
        )
    else:
        run.console.ok(f"{handover.hosts(len(run.chosen()))} up to date; nothing to do")


def deployed(run: Run) -> None:
    """What the cluster is now, and what to type next."""
    said = as_json(run)
    run.console.print()
    table.show(run.console, said)
    run.console.print()
    say_ended(run)
    good = [n for n in run.living() if "task" in run.learned.ray_nodes.get(n.name, ())]
    count, every, ran = len(good), len(run.every()), "a task ran on each"
    if len(run.every()) + len(run.record.left_out) < len(run.cluster.hosts):
        # of hosts that this run was not for, Ray's own table tells
        listed = said["nodes"][: len(run.cluster.hosts)]
        count, every = sum(n["alive"] for n in listed), len(listed)
        where = handover.names(n.name for n in good if run.may_change(n))
        ran = f"a task ran on {where or 'none of the new hosts'}"
    elif run.failed:
        ran = "each of them ran a task"
    runs = "runs" if count == 1 else "run"
    if run.failed:
        run.console.bad(f"{count} of {handover.hosts(every)} run Ray {said['ray']}; {ran}")
    elif run.record.done:
        run.console.ok(f"{handover.hosts(count)} {runs} Ray {said['ray']}; {ran}")
    else:
        run.console.ok(f"{handover.hosts(count)} up to date; nothing was changed, and {ran}")
    named = say_gone(run)
    strangers = [
        n["name"]
        for n in said["nodes"]
        if n["problem"] and "not in the hosts file" in n["problem"] and n["node_ip"] not in named
    ]
    if strangers:
        run.console.note(f"in the cluster, but not in the hosts file: {', '.join(strangers)}")
    say_unnamed(run)
    handover.next_steps(run.console, said)


def say_unnamed(run: Run) -> None:
    """Prometheus finds new nodes by Ray's own discovery, but has their names from the last `fab metrics up` alone."""
    head = run.head()
    new = [one.name for one in run.living(Planned) if not one.state and "started" in run.done(one)]
    if new and isinstance(head, Known) and head.facts.metrics:
        run.console.note(
            f"Prometheus reads {handover.names(new)} from now on, but does not know the names yet"
        )
        handover.commands(
            run.console, [("metrics up", "tells it, so that alerts name them, also when they are gone")]
        )


def say_gone(run: Run) -> set[str]:
    """Names the hosts that were deployed and have left the hosts file; returns the addresses of their nodes."""
    found = [one for one in gone(run) if one.place not in run.record.forgotten]
    for one in found:
        runs = "still runs" if still_runs(run, one) else "was not removed"
        name = one.name if one.name == one.host else f"{one.name} ({one.host})"
        run.console.note(f"{name} has left the hosts file and {runs} (fab deploy-cluster --prune removes it)")
    return {one.node_ip for one in found}


def stopped(run: Run) -> None:
    """What has been stopped, and how it comes back."""
    done = run.record.done
    say_ended(run)
    _said(run, "stopped on", "nothing was running")
    if done:
        handover.commands(run.console, [("start", "start it again")])


def drained(run: Run) -> None:
    """Which nodes are stopped now, and how they come back."""
    _said(run, "drained and stopped on", "nothing was running")
    if names := [node.name for node in run.chosen()]:
        listed = printed(",".join(names))
        handover.commands(
            run.console,
            [
                (f"start --limit {listed}", "start it again"),
                (f"remove-worker --host {listed}", "take it out of the cluster"),
            ],
        )


def in_maintenance(run: Run) -> None:
    """Which hosts are in maintenance now, and how it ends."""
    names = [node.name for node in run.chosen()]
    if failed := [node.name for node in run.failed if run.may_change(node)]:
        run.console.bad(
            f"in maintenance: {len(names)} of {handover.hosts(len(names) + len(failed))}; "
            f"failed: {handover.names(failed)}"
        )
    elif names:
        run.console.ok(f"in maintenance: {handover.names(names)}; deploy-cluster and start leave them alone")
    if names:
        handover.commands(run.console, [(f"maintenance off --host {printed(','.join(names))}", "end it")])


def _said(run: Run, what: str, nothing: str) -> None:
    """On how many hosts it was done; where hosts have failed, nobody knows what is left there."""
    done = run.record.done
    if failed := [node.name for node in run.failed if run.may_change(node)]:
        run.console.bad(
            f"{what} {len(done)} of {handover.hosts(len(done) + len(failed))}; failed: {handover.names(failed)}"
        )
    else:
        run.console.ok(f"{what} {handover.hosts(len(done))}" if done else nothing)


def destroyed(run: Run) -> None:
    """What has been removed, and what stays."""
    say_ended(run)
    _said(run, "removed from", "nothing to remove")
    for name in runtimes.grouped(node for node in run.every() if run.done(node)):
        if stays := runtimes.by_name(name).stays:
            run.console.note(stays)


def bundled(run: Run, path: Path, *, has_tool: bool) -> None:
    """The file of `fab bundle`, and what to type where there is no Internet.

    :param has_tool: this program is in it.
    """
    run.console.ok(f"{path}", f"{path.stat().st_size / 1e6:.0f} MB")
    if has_tool:
        name = printed(path.name)
        run.console.print("on a machine that can reach the hosts:")
        run.console.print(f"  tar -xf {name} rayfab && cd rayfab")
        run.console.print(f"  ./fab deploy-cluster --bundle ../{name}")
        return
    next_ = [(f"deploy-cluster --bundle {printed(str(path))}", "on a machine that can reach the hosts")]
    handover.commands(run.console, next_)
