"""What the doctor has found so far, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.inventory.fold import folded
from tasks.plan.burned import Part
from tasks.plan.compared import of_all
from tasks.plan.health import Patient, of_host
from tasks.plan.links import Speed, Wall, connections, speeds
from tasks.plan.outcomes import FAIL, PASS, SKIP, Outcome, passed
from tasks.plan.problems import cluster_problems
from tasks.plan.reach import command_for, needed_ports, opening
from tasks.run.links import Tried
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.status import as_json as status_of
from tasks.text.wording import counted


@dataclass
class Found:
    """One look at the hosts.

    :ivar addresses: of the nodes, by the hosts' names; a host without one is left out of all tries.
    :ivar speeds: None where nothing was to be measured. :ivar unmeasured: pairs for which there was no time.
    :ivar repaired: host, what was repaired, and why it was not; '' if it was.
    :ivar burned: the parts of a burn-in, by host.
    """

    patients: dict[str, Patient] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    tried: Tried = field(default_factory=Tried)
    speeds: list[Speed] = field(default_factory=list)
    unmeasured: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    repaired: list[tuple[str, str, str]] = field(default_factory=list)
    burned: dict[str, list[Part]] = field(default_factory=dict)


def judged(run: Run, found: Found) -> list[Outcome]:
    """The outcomes of everything that was looked at."""
    patients = list(found.patients.values())
    out = [
        Outcome((node.name,), "connection", FAIL, failure.message, failure.hint)
        for node in run.every()
        if (failure := run.failure(node))
    ]
    out += passed([], found.patients, "connection", "reached by SSH")
    for patient in patients:
        out += of_host(patient, run.cluster.name)
    for one in cluster_problems([patient.subject for patient in patients]):
        # the clocks are compared more exactly
        if not one.note:
            out.append(Outcome((one.name,), "host", FAIL, one.message, one.hint))
    out += of_all(patients) if patients else []
    out += _ray(run)
    return out + _ports(run, found) + _speeds(found)


def _ray(run: Run) -> list[Outcome]:
    """The nodes as `fab status` sees them; nothing where nothing is deployed."""
    if not any(node.state for node in run.every(Known)):
        return []
    out = []
    for node in status_of(run)["nodes"]:
        name, problem, state = node["name"], node["problem"], node["state"]
        if state == "not-deployed":
            out.append(Outcome((name,), "ray", SKIP, "nothing is deployed here", "fab deploy-cluster"))
        elif problem:
            hint = f"fab logs --host {name}; fab deploy-cluster repairs what it can"
            out.append(Outcome((name,), "ray", FAIL, problem, hint))
        else:
            out.append(Outcome((name,), "ray", PASS, "alive in Ray's node table"))
    return out


def _ports(run: Run, found: Found) -> list[Outcome]:
    pairs = found.tried.pairs

    def way(wall: Wall) -> str:
        subjects = [found.patients[name].subject for name in wall.targets]
        subject = next((one for one in subjects if one.host.role == "head"), subjects[0])
        sources = sorted(found.addresses[name] for name in wall.sources)
        ports = needed_ports(subject)
        command = command_for(found.tried.firewalls.get(wall.targets[0], ""), ports, sources)
        return command or opening("", ports, sources, folded(wall.targets))

    out = connections(pairs, way, found.tried.firewalls)
    blamed = {name for one in out for name in one.nodes}
    out += [
        Outcome(
            (name,),
            "ports",
            SKIP,
            "there is no Python to listen with, so only what already listens was tried",
            "fab deploy-cluster brings a Python; with it the ports are tried before Ray starts",
        )
        for name in found.tried.silent
        if name not in blamed
    ]
    known = list(dict.fromkeys(one.target for one in pairs if one.said))
    for name in found.patients:
        if len(found.patients) > 1 and name not in found.addresses:
            way = "node_ip: for that host in the hosts file"
            out.append(
                Outcome((name,), "ports", FAIL, "has no address that the other hosts could reach", way)
            )
        elif pairs and name not in known and name not in blamed | set(found.tried.silent):
            why = "nothing listens there that could be tried"
            out.append(Outcome((name,), "ports", SKIP, why, "again once Ray runs on it"))
    tries = len(pairs)
    return (
        passed(out, known, "ports", f"reached by all that tried, {counted(tries, 'pair')}") if tries else out
    )


def _speeds(found: Found) -> list[Outcome]:
    out = speeds(found.speeds)
    if not found.tried.pairs:
        return out
    measured = {name for one in found.speeds for name in (one.source, one.target)}
    for name, patient in found.patients.items():
        if name not in measured:
            python = patient.health and patient.health.python
            why = "no pair of ports is open" if python else "there is no Python to measure with"
            out.append(Outcome((name,), "bandwidth", SKIP, why, "open the ports, or deploy first"))
    return out
