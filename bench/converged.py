"""A second deploy of a cluster that is up to date: exec channels per host, and time compared with simpler checks."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys

import by_ansible
import measure
import stage

CHANNELS = 3  # at most, per host and deploy
FAB, SSH = "fab deploy-cluster, converged", "parallel ssh true"
PING, TASKS = "ansible -m ping", "ssh head, a task on each node"

DRIVER = """
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(log_to_driver=False)
f = ray.remote(num_cpus=0)(lambda: 1)
ray.get([f.options(scheduling_strategy=On(n["NodeID"], soft=False)).remote() for n in ray.nodes()])
"""


def sessions(host: stage.LabHost) -> int:
    """The number of commands that sshd has run since the host booted."""
    return int(host.must("journalctl -u ssh --no-pager | grep -c 'Starting session: command' || true"))


class Converged:
    def __init__(self, who: stage.Operator, hosts: list[stage.LabHost]) -> None:
        self.who, self.hosts = who, hosts
        self.phases: list[dict[str, float]] = []
        self.channels: list[list[int]] = []

    def fab(self) -> float:
        before = [sessions(host) for host in self.hosts]
        lines = self.who.fab("deploy-cluster")
        if not any("up to date" in line for _, line in lines):
            sys.exit("\n".join(line for _, line in lines))
        after = [sessions(host) for host in self.hosts]
        self.channels.append([b - a for a, b in zip(before, after, strict=True)])
        self.phases.append(stage.phases(lines))
        return lines[-1][0]

    def ssh(self) -> float:
        argvs = [stage.ssh(self.who, host.address, "true") for host in self.hosts]
        return measure.timed(lambda: [p.wait() for p in [subprocess.Popen(argv) for argv in argvs]])

    def ping(self) -> float:
        return by_ansible.run(self.who, [host.address for host in self.hosts], "-m", "ping")

    def tasks(self) -> float:
        """The simplest check that shows as much as verify does: one ssh to the head, a task on every node."""
        script = f". ~/.rayfab/{stage.CLUSTER}/env.sh; python -c {shlex.quote(DRIVER)}"
        argv = stage.ssh(self.who, self.hosts[0].address, script)
        return measure.timed(lambda: subprocess.run(argv, check=True, capture_output=True))


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=7)
    args.add_argument("--hosts", type=int, default=3)
    asked = args.parse_args()
    versions = {"Ansible": by_ansible.get_ansible()}
    about = measure.machine()
    with stage.lab() as lab:
        hosts = stage.fresh(lab, asked.hosts)
        for host in hosts:
            host.set_sshd(extra="LogLevel VERBOSE")
        with stage.operator(hosts) as who:
            who.fab("deploy-cluster")
            it = Converged(who, hosts)
            seconds = measure.alternate(
                {FAB: it.fab, SSH: it.ssh, PING: it.ping, TASKS: it.tasks}, asked.runs
            )
    most = [max(host) for host in zip(*it.channels, strict=True)]
    found = {"versions": versions, "seconds": seconds, "channels": it.channels, "phases": it.phases}
    measure.save("converged", found, about, tables(found, most))


def tables(found: dict, most: list[int]) -> str:
    seconds, ratios = found["seconds"], measure.ratios(found["seconds"], SSH)
    asks = {
        FAB: "facts, versions, plan, Ray's table, a task on each node",
        SSH: "nothing",
        PING: "whether Python runs there",
        TASKS: "a task on each node, by `ray.init` on the head",
    }
    rows = [[name, measure.spread(s), f"{ratios[name]:.1f}", asks[name]] for name, s in seconds.items()]
    whole = measure.table(["", "seconds", f"ratio to {SSH}", "what it asks"], rows)
    met = "met" if max(most) <= CHANNELS else "MISSED"
    said = f"Exec channels per host, the most of any run, head first: {', '.join(map(str, most))}; "
    said += f"target at most {CHANNELS}, **{met}**. "
    said += f"Medians of {len(seconds[FAB])} runs (least-most), alternating."
    titles = list(dict.fromkeys(title for run in found["phases"] for title in run))
    spent = [(t, measure.median([run.get(t, 0.0) for run in found["phases"]])) for t in titles]
    parts = measure.table(["phase", "seconds (median)"], [[t, f"{s:.2f}"] for t, s in spent])
    return f"{said}\n\n{whole}\n\nWhere the converged deploy spends it:\n\n{parts}"


if __name__ == "__main__":
    main()
