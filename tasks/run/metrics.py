"""Which nodes export metrics, what was read of them, and the way to Prometheus and Grafana on the head."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.node import metrics
from tasks.node.series import Sample
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.node_address import node_ip
from tasks.run.run import Run
from tasks.run.stages import Known, Listed
from tasks.run.target import target_of
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.ssh import PortTaken, connect

HERE = "127.0.0.1"
TIMEOUT = 60.0
# this machine as a host, whatever the head's own keys say
_LOCAL = {
    "name": "this machine",
    "host": "localhost",
    "connection": "local",
    "role": "worker",
    "user": None,
    "port": None,
    "key": None,
    "jump": (),
    "password": None,
    "sudo_password": None,
}


@dataclass
class Found:
    """What the nodes export. :param unread: why a node could not be read, by its name."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def scraped(run: Run) -> list[metrics.Scraped]:
    """The deployed nodes whose addresses are known, with the ports of their metrics."""
    out = []
    for node in run.every():
        if (address := node_ip(run, node)) and (not isinstance(node, Known) or node.state):
            at = f"[{address}]" if ":" in address else address
            port = node.host.ray.ports.metrics_export
            out.append(metrics.Scraped(node.name, node.host.role, f"{at}:{port}"))
    return out


@contextlib.contextmanager
def place(run: Run, *, here: bool, board: Board | None = None) -> Iterator[Known]:
    """Where Prometheus and Grafana run: on the head, or on this machine.

    :raises Stop: this machine is the head.
    """
    head = run.head(Known)
    if not here:
        yield head
        return
    if head.host.connection == "local":
        raise Stop("this machine is the head", "fab metrics up, without --here, starts them on it")
    listed = Listed(head.host.model_copy(update=_LOCAL))
    connection = connect(target_of(listed.host), run.settings, lambda text: None)
    with run.helping(connection):
        node = listed.reached(connection)
        try:
            answer = run.ask(node, facts_script(node.host, run.cluster.name), board, timeout=TIMEOUT)
            yield node.known(parse_facts(node.host, answer.all, answer.texts))
        except HostFailed as error:
            # the table of failures has the head's name beside it
            failure = error.failure
            raise HostFailed(
                Failure(f"on this machine: {failure.message}", failure.hint, failure.log)
            ) from None


@contextlib.contextmanager
def way_to(place: Known, port: int) -> Iterator[str]:
    """A URL at which a port of the place's 127.0.0.1 answers here."""
    with place.connection.forward_local(0, port, HERE, HERE) as local:
        yield f"http://{HERE}:{local}"


@contextlib.contextmanager
def with_grafana(run: Run, head: Listed) -> Iterator[None]:
    """While the context is open, the head's Grafana is at its own port here, where Ray's dashboard shows it from."""
    if not isinstance(head, Known) or "grafana" not in head.facts.metrics or head.host.connection == "local":
        yield
        return
    port = head.host.ray.ports.grafana
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(head.connection.forward_local(port, port, HERE, HERE))
            run.console.ok(f"http://{HERE}:{port}", "Grafana, which the dashboard's graphs come from")
        except PortTaken as error:
            run.console.note(f"{error}: the dashboard shows no graphs")
        yield
