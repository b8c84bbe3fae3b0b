"""The alerts: one table, from which the rules of Prometheus are written and which `fab alerts` asks once.

The names of series are Ray's own, as Ray 2.60 and 2.9 export them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tasks.node.life import RESTLESS
from tasks.node.series import JOB, Over, Percent, Plus, Samples, Series, Value, Without
from tasks.text.wording import size


@dataclass(frozen=True)
class Alert:
    """One alert.

    :param says: what is the matter; ``{}`` is the value.
    :param hint: what helps.
    :param minutes: how long it must last in Prometheus.
    :param when: the condition on a node's series: a value if it fires.
    :param promql: the condition for Prometheus alone, of which `fab alerts` needs the state of the node instead.
    :param states: the states of ``fab status --json`` with which it fires.
    :param role: the nodes that it is for; '' for all.
    :param unit: of the value: ``%``, ``bytes``, or '' for a count.
    """

    name: str
    says: str
    hint: str
    minutes: int = 5
    when: Value | None = None
    promql: str = ""
    states: tuple[str, ...] = ()
    role: str = ""
    unit: str = ""

    def expression(self) -> str:
        """The condition for Prometheus."""
        if self.promql or self.when is None:
            return self.promql
        return self.when.promql(**({"role": self.role} if self.role else {}))

    def sentence(self, value: float) -> str:
        """What is the matter, with this value."""
        shown = size(int(value)) if self.unit == "bytes" else f"{value:.0f}"
        return self.says.replace("{}", shown)

    def template(self) -> str:
        """The same for Prometheus, which puts the value in."""
        return self.says.replace(
            "{}",
            "{{ $value | humanize1024 }}B" if self.unit == "bytes" else '{{ $value | printf "%.0f" }}',
        )


_CPUS = Series("ray_node_cpu_count")
_USED, _FREE = Series("ray_object_store_used_memory"), Series("ray_object_store_available_memory")
_SPILLED = Series("ray_object_store_memory", (("Location", "SPILLED"),))
_GPUS = Series("ray_resources", (("Name", "GPU"),))
AWAY = "RayNodeAway"

ALERTS: tuple[Alert, ...] = (
    Alert(
        AWAY,
        "the node is away: its metrics do not answer",
        "fab status says what runs; fab check looks for the reason",
        minutes=2,
        promql=f'up{{job="{JOB}",host!=""}} == 0',
        states=("unreachable", "unknown", "partitioned", "stopped", "stays-down", "moved", "not-deployed"),
    ),
    Alert(
        "RayNodeZombie",
        "the node's processes run, but its raylet does not answer",
        "fab restart --limit HOST starts it again",
        # the agent exports the one, and passes the other on from the raylet
        when=Without(_CPUS, Series("ray_resources")),
        states=("zombie",),
        minutes=2,
    ),
    Alert(
        "RayNodeFlapping",
        f"the node keeps starting: {RESTLESS} times or more within an hour",
        "fab logs --host HOST says why",
        minutes=0,
        promql=f'changes(process_start_time_seconds{{job="{JOB}",host!=""}}[1h]) >= {RESTLESS}',
        states=("flapping",),
    ),
    Alert(
        "RayDiskFull",
        "the disk is {} % full; above 95 % Ray stores no more objects",
        "fab disk shows what takes up space, fab clean removes what nothing needs",
        when=Over(Series("ray_node_disk_utilization_percentage"), 90),
        unit="%",
    ),
    Alert(
        "RaySpilling",
        "{} of objects are spilled to disk: more than the object store holds",
        "start fewer tasks at once, or give the node more memory",
        when=Over(_SPILLED, Plus(_USED, _FREE)),
        unit="bytes",
    ),
    Alert(
        "RayObjectStoreFull",
        "the object store is {} % full",
        "ray memory lists what holds objects: fab exec -- ray memory --stats-only",
        when=Over(Percent(_USED, Plus(_USED, _FREE)), 95),
        unit="%",
    ),
    Alert(
        "RayGpuGone",
        "Ray offers {} GPUs, and the driver shows fewer",
        "fab exec --limit HOST -- nvidia-smi shows the driver's answer",
        when=Over(_GPUS, Series("ray_node_gpus_available", count=True)),
    ),
    Alert(
        "RayHeadMemory",
        "the memory of the head is {} % used; without memory the whole cluster ends",
        "a head with cpus: 0 in the hosts file runs no tasks; jobs hold memory there, too",
        when=Over(Percent(Series("ray_node_mem_used"), Series("ray_node_mem_total")), 90),
        role="head",
        unit="%",
    ),
)


def series() -> list[str]:
    """The names of all series that the conditions read."""
    return sorted({name for one in ALERTS if one.when for name in one.when.names()})


def rules() -> str:
    """The table as a file of rules for Prometheus."""
    found = [
        {
            "alert": one.name,
            "expr": one.expression(),
            **({"for": f"{one.minutes}m"} if one.minutes else {}),
            "annotations": {
                "summary": "{{ $labels.host }}: " + one.template(),
                "hint": one.hint.replace("HOST", "{{ $labels.host }}"),
            },
        }
        for one in ALERTS
    ]
    return yaml.safe_dump({"groups": [{"name": "ray", "rules": found}]}, sort_keys=False, width=1000)


@dataclass(frozen=True)
class Firing:
    """An alert that fires for one host. :param value: of its series; None if its state made it fire."""

    alert: str
    host: str
    message: str
    hint: str
    value: float | None = None


def firing(node: Mapping[str, Any], samples: Samples | None, unread: str = "") -> list[Firing]:
    """The alerts that fire for a node now.

    :param node: its entry of ``fab status --json``.
    :param samples: its series; None if they were not asked for, as of a node that does not run.
    :param unread: why they could not be read.
    """
    host, out = node["name"], []

    def fires(one: Alert, message: str, value: float | None = None) -> None:
        out.append(Firing(one.name, host, message, one.hint.replace("HOST", host), value))

    for one in ALERTS:
        if one.states and node["state"] in one.states:
            fires(one, node["problem"] or one.says)
        elif one.name == AWAY and unread:
            fires(one, f"its metrics do not answer: {unread}")
        elif samples is not None and one.when and one.role in ("", node["role"]):
            value = one.when.of(samples)
            if value is not None:
                fires(one, one.sentence(value), value)
    return out
