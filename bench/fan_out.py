"""Facts and plan over 100 addresses, compared with plain Fabric, parallel ssh and Ansible's `setup`.

All 100 addresses are one machine: this measures the client, and one sshd that serves all connections.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence

import by_ansible
import measure
import stage

from tasks.inventory import load
from tasks.runtimes.facts import facts_script

FIRST = 101  # last number of the first address
TOOL, FABRIC, ASKING = "facts and plan", "bare Fabric, true", "bare Fabric, the facts script"
SSH, SETUP, CHECK = "ssh true, 50 at a time", "ansible -m setup -f 50", "fab check"


class FanOut:
    def __init__(self, who: stage.Operator, addresses: Sequence[str]) -> None:
        self.who, self.addresses = who, addresses
        self.parts: list[dict[str, float]] = []
        self.whole: dict[str, list[float]] = {TOOL: [], FABRIC: [], ASKING: []}

    def tool(self) -> float:
        """Seconds within the process, from reading the hosts file to the printed plan."""
        said = self._inside(TOOL, "fan_out_tool.py", str(self.who.file))
        self.parts.append(said)
        return sum(said.values())

    def fabric(self) -> float:
        return self._fabric(FABRIC, "true")

    def asking(self) -> float:
        """The time that the hosts themselves need to answer: here one machine with few cores does it 100 times."""
        cluster = load(self.who.file)
        return self._fabric(ASKING, "RF_MARK=x\n" + facts_script(cluster.head, cluster.name).text)

    def _fabric(self, name: str, command: str) -> float:
        key = str(stage.keys.login_key())
        return self._inside(name, "fan_out_fabric.py", key, command, *self.addresses)["all"]

    def _inside(self, name: str, script: str, *args: str) -> dict[str, float]:
        argv = [sys.executable, str(measure.BENCH / script), *args]
        out: list[str] = []
        run = lambda: out.append(  # noqa: E731
            subprocess.run(argv, env=self._env(), check=True, capture_output=True, text=True).stdout
        )
        self.whole[name].append(measure.timed(run))
        return json.loads(out[0].splitlines()[-1])

    def _env(self) -> dict[str, str]:
        return self.who.env()

    def check(self) -> float:
        """The whole process; it ends with status 1, because it finds one machine 100 times."""
        argv = [sys.executable, "-m", "fabric", "check", "--hosts-file", str(self.who.file)]
        run = lambda: subprocess.run(argv, cwd=stage.ROOT, env=self._env(), capture_output=True)  # noqa: E731
        return measure.timed(run)

    def ssh(self) -> float:
        one = shlex.join(["ssh", "-n", *stage.ssh_options(self.who)]) + " root@{} true"
        argv = ["xargs", "-P", "50", "-I", "{}", "sh", "-c", one]
        text = "\n".join(self.addresses)
        return measure.timed(lambda: subprocess.run(argv, input=text, text=True, check=True))

    def setup(self) -> float:
        return by_ansible.run(self.who, self.addresses, "-f", "50", "-m", "setup")


def hosts_file(addresses: Sequence[str]) -> str:
    """node_ip is set: otherwise all hosts would have the same address, and the plan would fail."""
    head, *workers = [f"{{host: {a}, node_ip: {a}}}" for a in addresses]
    key = json.dumps(str(stage.keys.login_key()))
    lines = [f"cluster: {stage.CLUSTER}", "runtime: uv", "ssh:", "  user: root", f"  key: {key}"]
    return "\n".join([*lines, f"head: {head}", "workers:", *[f"  - {w}" for w in workers]]) + "\n"


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--addresses", type=int, default=100)
    asked = args.parse_args()
    versions = {"Ansible": by_ansible.get_ansible()}
    about = measure.machine()
    with stage.lab() as lab:
        (host,) = stage.fresh(lab, 1)
        net = host.address.rpartition(".")[0]
        addresses = [f"{net}.{FIRST + number}" for number in range(asked.addresses)]
        host.must("\n".join(f"ip addr add {address}/24 dev eth0" for address in addresses))
        with stage.operator([host], hosts_file(addresses), names=addresses) as who:
            it = FanOut(who, addresses)
            it.tool()  # fills the resolver's cache on this machine
            it.parts.clear()
            it.whole[TOOL].clear()
            contenders = {
                TOOL: it.tool,
                FABRIC: it.fabric,
                ASKING: it.asking,
                SSH: it.ssh,
                SETUP: it.setup,
                CHECK: it.check,
            }
            seconds = measure.alternate(contenders, asked.runs)
    found = {"versions": versions, "seconds": seconds, "whole_process": it.whole, "parts": it.parts}
    measure.save("fan_out", found, about, tables(found))


def tables(found: dict) -> str:
    seconds, whole = found["seconds"], {**found["seconds"], **found["whole_process"]}
    ratios = measure.ratios(seconds, FABRIC)
    asks = {
        TOOL: "connections, host keys, all facts, versions resolved, every script rendered and printed",
        FABRIC: "nothing, and no host key is checked",
        ASKING: "the same facts, unread; no host key is checked",
        SSH: "nothing",
        SETUP: "Ansible's facts",
        CHECK: "connections, host keys, all facts, problems",
    }
    rows = []
    for name, found_seconds in seconds.items():
        inside = name in found["whole_process"]
        ratio = f"{ratios[name]:.2f}" if inside else ""
        inner = measure.spread(found_seconds) if inside else ""
        rows.append([name, inner, ratio, measure.spread(whole[name]), asks[name]])
    columns = ["", "in the process", f"ratio to {FABRIC}", "whole process", "what it asks"]
    first = measure.table(columns, rows)
    met = "met" if ratios[TOOL] <= 2 else "MISSED"
    below = "met" if measure.median(whole[TOOL]) < measure.median(whole[SETUP]) else "MISSED"
    said = f"Seconds, medians of {len(seconds[TOOL])} runs (least-most), alternating. "
    said += f"At most 2 times {FABRIC}: **{met}**; below {SETUP}: **{below}**."
    spent = [(t, measure.median([run[t] for run in found["parts"]])) for t in found["parts"][0]]
    parts = measure.table(["step", "seconds (median)"], [[t, f"{s:.2f}"] for t, s in spent])
    return f"{said}\n\n{first}\n\nWhere `{TOOL}` spends it:\n\n{parts}"


if __name__ == "__main__":
    main()
