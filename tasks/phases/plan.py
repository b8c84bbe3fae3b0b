"""Plan: what would change, per host, and the exact scripts that would do it."""

from __future__ import annotations

from rich.text import Text

from tasks.node.addresses import head_ip, join, worker_ip
from tasks.node.install import up_script, uv_script
from tasks.node.systems import multi_node_note
from tasks.plan.changes import change
from tasks.plan.desired import desire, on_bridge, shm_note
from tasks.run.run import Failure, Node, Run, Stop
from tasks.runtimes.docker.image_scripts import image_script
from tasks.runtimes.docker.steps import engine as install_docker
from tasks.runtimes.packages.steps import kits as conda_install
from tasks.runtimes.packages.steps.kits import Kits
from tasks.runtimes.uv.steps.resolve import uv_version
from tasks.script.script import Script

title = "Plan"


def run(run: Run) -> None:
    head = run.head
    ip = head_ip(head.subject, [n.subject for n in run.living if n is not head and n.facts])
    if ip is None:
        raise Stop(f"{head.name} has no address that workers could reach", "set node_ip of the head")
    if ":" in ip and on_bridge(head.subject):
        raise Stop(f"the bridge network needs an IPv4 address for the head, not {ip}", "set node_ip")
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
        if ":" in own and on_bridge(node.subject):
            run.fail(
                node,
                Failure(f"the bridge network needs an IPv4 address, not {own}", "set node_ip"),
            )
            continue
        _desire(run, node, own)
        node.change = change(node.subject, node.desired, token=token, head_restarts=restarts)
    _same_address(run)
    _say_what_differs(run)


def _say_what_differs(run: Run) -> None:
    starting = [node for node in run.chosen if node.change and node.change.start]
    for node in starting:
        if note := shm_note(node.subject):
            run.console.note(f"{node.name}: {note}")
    if note := multi_node_note([node.subject for node in starting], len(run.cluster.hosts)):
        run.console.note(note)


def _desire(run: Run, node: Node, ip: str) -> None:
    node.desired = desire(node.subject, run.cluster.name, node.versions, ip, run.head_address)


def _same_address(run: Run) -> None:
    seen: dict[str, Node] = {}
    for node in run.living:
        if node.desired is None:
            continue
        other = seen.setdefault(node.desired.node_ip, node)
        if other is not node:
            why = f"has the same address as {other.name}: {node.desired.node_ip}"
            run.fail(node, Failure(why, "list each machine once, or set node_ip"))


def scripts(run: Run, node: Node, kits: Kits) -> list[Script]:
    """The scripts that this node's change consists of, in order."""
    out = [install_docker.script(run, node)] if install_docker.wanted(node) else []
    if node.change.install and node.host.runtime == "conda":
        kit = kits.of(node)
        out.append(conda_install.fetching(node, run.cluster.name, kit.items))
        out.append(conda_install.script(run, node, kit))
    elif node.change.install:
        out.append(install_script(run, node))
    if node.change.start:
        out.append(start_script(run, node, "***"))
    return out


def install_script(run: Run, node: Node, *, carried: bool = False) -> Script:
    """Puts on the host what the node runs from."""
    if node.desired.kind == "docker":
        return image_script(node.host, run.cluster.name, node.facts.arch, sudo=node.sudo)
    v = node.desired.versions
    return uv_script(
        node.host,
        run.cluster.name,
        uv_version=uv_version(),
        env_id=v.env_id,
        python=v.python,
        python_path=v.python_path,
        lock=v.lock,
        carried=carried,
    )


def start_script(run: Run, node: Node, fingerprint: str) -> Script:
    """Starts the node under its supervisor."""
    d = node.desired
    state = d.state(fingerprint if d.token else "", run.request)
    return up_script(node.host, run.cluster.name, d, node.facts.home, state, sudo=node.sudo, token=d.token)


def show_scripts(run: Run) -> None:
    """Every script of the plan, as it would be run."""
    kits = Kits(run)
    for node in run.chosen:
        for script in scripts(run, node, kits) if node.change else ():
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
