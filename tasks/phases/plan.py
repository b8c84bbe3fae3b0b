"""Plan: what would change, per host, and the exact scripts that would do it."""

from __future__ import annotations

from rich.text import Text

from tasks import runtimes
from tasks.node.addresses import head_ip, join, worker_ip
from tasks.phases.install import Installation
from tasks.plan.changes import change
from tasks.plan.systems import multi_node_note
from tasks.run.run import Failure, Node, Run, Stop
from tasks.script.script import Script

title = "Plan"


def run(run: Run) -> None:
    head = run.head
    ip = head_ip(head.subject, [n.subject for n in run.living if n is not head and n.facts])
    if ip is None:
        raise Stop(f"{head.name} has no address that workers could reach", "set node_ip of the head")
    if why := runtimes.of(head.host).address_problem(ip, head.subject):
        raise Stop(why, "set node_ip")
    run.head_address = join(ip, head.host.ray.port)
    _desire(run, head, ip)
    token = head.subject.state.get("token") if head.desired.token else None
    head.change = change(head.subject, head.desired, token=token)
    restarts = head.change.start and head in run.chosen
    for node in run.living:
        if node is head or node.facts is None:
            continue
        own = worker_ip(node.subject, ip)
        if own is None:
            run.fail(node, Failure(f"has no address in a network with the head ({ip})", "set node_ip"))
            continue
        if why := runtimes.of(node.host).address_problem(own, node.subject):
            run.fail(node, Failure(why, "set node_ip"))
            continue
        _desire(run, node, own)
        node.change = change(node.subject, node.desired, token=token, head_restarts=restarts)
    _same_address(run)
    _say_what_differs(run)


def _say_what_differs(run: Run) -> None:
    starting = [node for node in run.chosen if node.change and node.change.start]
    for node in starting:
        for note in runtimes.of(node.host).start_notes(node.subject):
            run.console.note(f"{node.name}: {note}")
    if note := multi_node_note([node.subject for node in starting], len(run.cluster.hosts)):
        run.console.note(note)


def _desire(run: Run, node: Node, ip: str) -> None:
    runtime = runtimes.of(node.host)
    node.desired = runtime.desire(node.subject, run.cluster.name, node.versions, ip, run.head_address)


def _same_address(run: Run) -> None:
    seen: dict[str, Node] = {}
    for node in run.living:
        if node.desired is None:
            continue
        other = seen.setdefault(node.desired.node_ip, node)
        if other is not node:
            why = f"has the same address as {other.name}: {node.desired.node_ip}"
            run.fail(node, Failure(why, "list each machine once, or set node_ip"))


def scripts(run: Run, node: Node, installation: Installation) -> list[Script]:
    """The scripts that this node's change consists of, in order."""
    out = installation.scripts(node) if node.change.install else []
    if node.change.start:
        out.append(start_script(run, node, "***"))
    return out


def start_script(run: Run, node: Node, fingerprint: str) -> Script:
    """Starts the node under its supervisor."""
    d = node.desired
    state = d.state(fingerprint if d.token else "", run.request)
    return runtimes.of(node.host).start_script(
        node.host, run.cluster.name, d, node.facts.home, state, sudo=node.sudo, token=d.token
    )


def show_scripts(run: Run) -> None:
    """Every script of the plan, as it would be run."""
    with Installation(run) as installation:
        for node in run.chosen:
            for script in scripts(run, node, installation) if node.change else ():
                run.console.print(Text(f"\n### {node.name}: {script.title}", style="bold"))
                run.console.raw(node.text_of(script))


def show(run: Run) -> None:
    """The plan as a person reads it: what would be done on which host, why, and what running work would end."""
    run.console.print()
    rows = [(n.name, n.change.what, "; ".join(n.change.why)) for n in run.chosen if n.change]
    run.console.table(("host", "plan", "why"), rows)
    if run.ends:
        run.console.print()
        run.console.note("running work that would end:")
        for line in run.ends:
            run.console.print(f"    {line}")
    run.console.print()
