"""The outage of an upgrade: fab upgrade, against `ray stop` and `ray start` by hand over ssh.

Both find the new environment on the hosts already. Each run goes to the other of two versions, so that every contender
moves as often up as down.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import measure
import stage
from by_hand import Recipe
from stage import LabHost, Operator

from tasks.inventory import load

OLD, NEW = "2.59.0", "2.60.0"
FAB, HAND = "fab upgrade", "by hand, parallel ssh"
OUTAGE = re.compile(r"outage: ([\d.]+) s")
# a task on each of as many nodes as there are
PROOF = """
import sys, time, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(address="auto", log_to_driver=False)
while len(alive := [n["NodeID"] for n in ray.nodes() if n["Alive"]]) < int(sys.argv[1]):
    time.sleep(0.1)
one = ray.remote(lambda: ray.__version__)
print("ran", *set(ray.get([one.options(scheduling_strategy=On(n, False)).remote() for n in alive])))
"""


class Upgrades:
    """One cluster by the tool and one by hand, on the same hosts, one after the other."""

    def __init__(self, hosts: Sequence[LabHost], who: Operator) -> None:
        self.hosts, self.who = hosts, who
        self.head, *self.workers = [host.address for host in hosts]
        self.whole: list[float] = []
        self.recipe: Recipe | None = None
        self.environments: dict[str, str] = {}

    def prepare(self) -> None:
        """Both environments, by the tool; the contender by hand uses the same."""
        text = self.who.file.read_text("utf-8")
        self.who.file.write_text(f'{text}\nray: {{version: "{OLD}"}}\n', "utf-8")
        self.who.fab("deploy-cluster")
        for version in (OLD, NEW):
            if version == NEW:
                self.who.fab("upgrade", "--ray", NEW, "--yes")
            self.environments[version] = f"/root/.rayfab/{stage.CLUSTER}/envs/" + self._environment()
        self.recipe = Recipe.of(self.hosts[0], load(self.who.file))
        self.version = NEW

    def _environment(self) -> str:
        return self.hosts[0].must(f"basename $(readlink /root/.rayfab/{stage.CLUSTER}/env)").strip()

    def fab(self) -> float:
        """The outage as the tool prints it, from the first stop to the last task."""
        self.version = OLD if self.version == NEW else NEW
        lines = self.who.fab("upgrade", "--ray", self.version, "--yes")
        self.whole.append(lines[-1][0])
        return float(OUTAGE.search("\n".join(line for _, line in lines))[1])

    def hand(self) -> float:
        """From the first `ray stop` to a task on each node; the tool's own node is stopped before and started after."""
        self.who.fab("stop", "--yes")
        other = OLD if self.version == NEW else NEW
        self._start(self.version)
        self._prove(self.version)
        began = time.monotonic()
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            ray = f"{self.environments[self.version]}/bin/ray stop"
            list(pool.map(lambda address: self._ssh(address, ray), [self.head, *self.workers]))
        self._start(other)
        self._prove(other)
        seconds = time.monotonic() - began
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            ray = f"{self.environments[other]}/bin/ray stop --force"
            list(pool.map(lambda address: self._ssh(address, ray), [self.head, *self.workers]))
        self.who.fab("start")
        return seconds

    def _start(self, version: str) -> None:
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            self._begin(version, self.head)
            list(pool.map(lambda address: self._begin(version, address), self.workers))

    def _begin(self, version: str, address: str) -> None:
        words = " ".join(self.recipe.starts[address][1:])
        bin_ = f"{self.environments[version]}/bin"
        self._ssh(address, f"PATH={bin_}:$PATH; {bin_}/ray {words} </dev/null >/root/start.log 2>&1")

    def _prove(self, version: str) -> None:
        python = f"{self.environments[version]}/bin/python - {len(self.hosts)}"
        said = self._ssh(self.head, f"PATH={python.split()[0].rpartition('/')[0]}:$PATH; {python}", PROOF)
        if f"ran {version}" not in said:
            sys.exit(f"by hand: {said}")

    def _ssh(self, address: str, command: str, text: str = "") -> str:
        argv = stage.ssh(self.who, address, command)
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"by hand: {address}: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--hosts", type=int, default=3)
    asked = args.parse_args()
    about = measure.machine()
    with stage.lab() as lab:
        hosts = lab.add_hosts([None] * asked.hosts, flavour="python")
        with stage.operator(hosts) as who:
            both = Upgrades(hosts, who)
            both.prepare()
            seconds = measure.alternate({FAB: both.fab, HAND: both.hand}, asked.runs)
    found = {
        "versions": {"Ray": f"{OLD} and {NEW}"},
        "seconds": seconds,
        "ratio": measure.ratios(seconds, HAND)[FAB],
        "whole": both.whole,
    }
    measure.save("upgrade", found, about, tables(found, asked.hosts))


def tables(found: dict, count: int) -> str:
    fab, hand = found["seconds"][FAB], found["seconds"][HAND]
    rows = [
        [FAB, measure.spread(fab), f"{found['ratio']:.2f}", measure.spread(found["whole"])],
        [HAND, measure.spread(hand), "1.00", ""],
    ]
    runs = f"{count} hosts, medians of {len(fab)} runs each (least-most), alternating."
    return f"{runs}\n\n{measure.table(['', 'outage, seconds', 'ratio', 'whole command, seconds'], rows)}"


if __name__ == "__main__":
    main()
