"""Kill and recovery, again and again: how long each kind of death takes to heal without a command, and whether
processes, file handles, memory and files stay as many as they were.

Three hosts, one cluster by the tool. Each cycle kills in one way, and ends when a task has run on every node again.
`ray.heal` is off: it would leave a node down that dies more than three times within an hour. What is beside it here is
the same start by hand: `ray start` in an ssh session, as the recipe has it, which does not come back from any of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import measure
import stage
from stage import LabHost, Operator

NODE = f"/root/.rayfab/{stage.CLUSTER}"
LIMIT = 180  # seconds that a recovery may take
SETTLE = 8  # seconds before things are counted
# a task on each of as many nodes as there are
PROOF = """
import sys, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(address="auto", log_to_driver=False, logging_level="error")
alive = [n["NodeID"] for n in ray.nodes() if n["Alive"]]
one = ray.remote(num_cpus=0)(lambda: 1)
done = ray.get([one.options(scheduling_strategy=On(n, False)).remote() for n in alive], timeout=20)
print("ran", len(done))
"""
# processes, handles, resident MB of all that runs from the node's folder; files below it and below Ray's own
COUNT = f"""
pids=$(grep -lsF {NODE}/ /proc/[0-9]*/cmdline | sed 's|/proc/||; s|/cmdline||' | grep -vx $$)
echo $(echo $pids | wc -w) \\
    $(for p in $pids; do ls /proc/$p/fd 2>/dev/null; done | wc -l) \\
    $(for p in $pids; do awk '/^VmRSS/ {{ print $2 }}' /proc/$p/status 2>/dev/null; done |
        awk '{{ s += $1 }} END {{ printf "%d", s / 1024 }}') \\
    $(find {NODE} /tmp/ray -xdev ! -path '*/envs/*' -type f 2>/dev/null | wc -l) \\
    $(du -smc {NODE}/gcs /tmp/ray 2>/dev/null | tail -n 1 | cut -f 1)
"""
WHAT = ("processes", "file handles", "MB in memory", "files", "MB of Ray's files")


def killed(comm: str, signal: str = "KILL") -> str:
    return f"for c in $(grep -lx {comm} /proc/[0-9]*/comm); do d=${{c%/comm}}; kill -{signal} ${{d#/proc/}}; done"


class Soak:
    """A cluster whose nodes are killed."""

    def __init__(self, hosts: Sequence[LabHost], who: Operator) -> None:
        self.hosts, self.who = hosts, who
        self.head, *self.workers = hosts
        self.turn = 0

    def worker(self) -> LabHost:
        self.turn += 1
        return self.workers[self.turn % len(self.workers)]

    def kinds(self) -> dict[str, Callable[[], object]]:
        """Every kind of death, by its name."""
        whole = f"systemctl kill -s KILL rayfab-{stage.CLUSTER}"
        return {
            "a worker's raylet, killed": lambda: self.worker().must(killed("raylet")),
            "a worker's raylet, ended in peace": lambda: self.worker().must(killed("raylet", "TERM")),
            "ray stop, typed on a worker": lambda: self.worker().must(f". {NODE}/env.sh; ray stop --force"),
            "all of a worker's node, killed": lambda: self.worker().must(whole),
            "the head's GCS, killed": lambda: self.head.must(killed("gcs_server")),
            "all of the head's node, killed": lambda: self.head.must(whole),
        }

    def works(self) -> bool:
        """Whether a task runs on every node."""
        python = f". {NODE}/env.sh; timeout 40 python - 2>/dev/null <<'END'\n{PROOF}\nEND"
        return f"ran {len(self.hosts)}" in self.head.exec(python).out

    def recovery(self, kill: Callable[[], object]) -> float:
        kill()
        began = time.monotonic()
        # for what is killed to be missed
        time.sleep(1)
        while not self.works():
            if time.monotonic() - began > LIMIT:
                sys.exit(f"not whole after {LIMIT} s")
        return time.monotonic() - began

    def count(self) -> list[list[int]]:
        """What there is on each host, in the order of WHAT."""
        time.sleep(SETTLE)
        return [[int(word) for word in host.must(COUNT).split()] for host in self.hosts]


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--cycles", type=int, default=50)
    args.add_argument("--hosts", type=int, default=3)
    asked = args.parse_args()
    about = measure.machine()
    with stage.lab() as lab:
        hosts = lab.add_hosts([None] * asked.hosts, flavour="python")
        with stage.operator(hosts) as who:
            who.file.write_text(
                f"{who.file.read_text('utf-8')}\nray: {{heal: false, logs: {{files: 600}}}}\n", "utf-8"
            )
            who.fab("deploy-cluster")
            soak = Soak(hosts, who)
            kinds = list(soak.kinds().items())
            seconds: dict[str, list[float]] = {name: [] for name, _ in kinds}
            counts = [soak.count()]
            for cycle in range(asked.cycles):
                name, kill = kinds[cycle % len(kinds)]
                seconds[name].append(soak.recovery(kill))
                counts.append(soak.count())
                measure.say(f"{cycle + 1} of {asked.cycles}: {name}: {seconds[name][-1]:.1f} s; {counts[-1]}")
    found = {"seconds": seconds, "counts": counts}
    measure.save("soak", found, about, tables(found, asked.hosts))


def tables(found: dict, hosts: int) -> str:
    seconds = {name: took for name, took in found["seconds"].items() if took}
    times = measure.table(
        ["", "seconds until a task has run on every node", "deaths"],
        [[name, measure.spread(took), len(took)] for name, took in seconds.items()],
    )
    counts = found["counts"]
    tenth = max(1, len(counts) // 5)

    def of(some: Sequence, at: int) -> float:
        return statistics.median(sum(host[at] for host in one) for one in some)

    rows = [
        [
            name,
            f"{of(counts[:1], at):.0f}",
            f"{of(counts[1 : 1 + tenth], at):.0f}",
            f"{of(counts[-tenth:], at):.0f}",
        ]
        for at, name in enumerate(WHAT)
    ]
    flat = measure.table(["all hosts together", "before", "first fifth", "last fifth"], rows)
    total = sum(len(took) for took in seconds.values())
    return f"{hosts} hosts, {total} cycles, medians (least-most).\n\n{times}\n\n{flat}"


if __name__ == "__main__":
    main()
