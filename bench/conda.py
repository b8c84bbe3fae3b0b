"""Cold deploy with conda, Python 3.7: this tool compared with the recipe's commands, run with parallel `ssh`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import measure
import stage
from stage import LabHost, Operator

from tests.standins.conda import installer, mirror  # a stand-in for Miniconda and its channels

TOOL, RECIPE, RECIPE_FORGE = "fab deploy-cluster", "the recipe, by hand", "the recipe, conda-forge's pip"
PYTHON = "3.7.16"
TARGET = 0.5

HOSTS = """cluster: {cluster}
runtime: conda
ssh: {{user: root, key: {key}}}
conda: {{python: "{python}", accept_terms: true}}
mirrors: {{conda: "{pkgs}", miniconda: "{installers}"}}
head: {head}
workers: [{workers}]
"""

# as in the recipe, with the arguments that suppress all questions
INSTALL = """set -e
python3 -c "import urllib.request as u; u.urlretrieve('{installers}/{name}', '/tmp/{name}')"
sh /tmp/{name} -b -p ~/miniconda3 >/dev/null
~/miniconda3/bin/conda create -y -q --override-channels -c {channel} --name ray python={python} >/dev/null
~/miniconda3/envs/ray/bin/pip install -q "ray[default]" tensorflow
"""
HEAD = "PATH=~/miniconda3/envs/ray/bin:$PATH; ray start --head --node-ip-address={ip} >/dev/null"
WORKER = (
    "PATH=~/miniconda3/envs/ray/bin:$PATH; ray start --address={head}:6379 --node-ip-address={ip} >/dev/null"
)
ALIVE = "import ray; ray.init(address='auto', log_to_driver=False); print('alive', len(ray.nodes()))"


def run(who: Operator, address: str, script: str) -> None:
    done = subprocess.run(
        stage.ssh(who, address, "exec sh -s"), input=script, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"by hand: {address}: {(done.stderr or done.stdout).strip()}")


def by_hand(
    who: Operator, hosts: Sequence[LabHost], served: mirror.CondaMirror, channel: str
) -> dict[str, float]:
    """Seconds of each step: every host installs at the same time, the head starts, then the workers."""
    head, *workers = [host.address for host in hosts]
    words = {"installers": served.installers, "name": installer.NAME, "channel": channel, "python": PYTHON}
    steps = {}
    with ThreadPoolExecutor(len(hosts)) as pool:
        install = INSTALL.format(**words)
        steps["install"] = measure.timed(
            lambda: list(pool.map(lambda a: run(who, a, install), [head, *workers]))
        )
        steps["start the head"] = measure.timed(lambda: run(who, head, HEAD.format(ip=head)))
        starts = [WORKER.format(head=head, ip=worker) for worker in workers]
        steps["start the workers"] = measure.timed(
            lambda: list(pool.map(lambda p: run(who, *p), zip(workers, starts, strict=True)))
        )
    return steps


def alive(head: LabHost) -> int:
    out = head.must(["sh", "-c", f'~/miniconda3/envs/ray/bin/python -c "{ALIVE}" 2>/dev/null'])
    return int(out.rpartition("alive")[2])


class Contest:
    def __init__(self, lab: stage.Lab, served: mirror.CondaMirror, count: int) -> None:
        self.lab, self.served, self.count = lab, served, count
        self.steps: dict[str, dict[str, float]] = {}

    def fresh(self) -> list[LabHost]:
        return stage.fresh(self.lab, self.count, keep=self.served.host.name)

    def tool(self) -> float:
        hosts = self.fresh()
        text = HOSTS.format(
            cluster=stage.CLUSTER,
            key=stage.keys.login_key(),
            python=PYTHON,
            pkgs=self.served.pkgs,
            installers=self.served.installers,
            head=hosts[0].address,
            workers=", ".join(host.address for host in hosts[1:]),
        )
        with stage.operator(hosts, text) as who:
            lines = who.fab("deploy-cluster", timeout=1800)
        if not any(f"{self.count} host" in line and "a task ran on each" in line for _, line in lines):
            sys.exit("the tool did not say that all hosts run Ray")
        self.steps[TOOL] = stage.phases(lines)
        return lines[-1][0]

    def hand(self, name: str, channel: str) -> float:
        hosts = self.fresh()
        with stage.operator(hosts) as who:
            self.steps[name] = by_hand(who, hosts, self.served, channel)
        if (found := alive(hosts[0])) != self.count:
            measure.say(f"{name}: {found} of {self.count} nodes are alive")
        return sum(self.steps[name].values())


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=1)
    args.add_argument("--hosts", type=int, default=3)
    asked = args.parse_args()
    about = measure.machine()
    with stage.lab() as lab:
        served = mirror.on_host(lab.add_hosts([f"{lab.prefix}-mirror"], "python")[0], measure.say)
        it = Contest(lab, served, asked.hosts)
        contenders = {
            TOOL: it.tool,
            RECIPE_FORGE: lambda: it.hand(RECIPE_FORGE, served.forge),
            RECIPE: lambda: it.hand(RECIPE, served.main),
        }
        seconds = measure.alternate(contenders, asked.runs)
    found = {"hosts": asked.hosts, "seconds": seconds, "steps": it.steps, "target": TARGET}
    found["ratio"] = measure.median(seconds[TOOL]) / measure.median(seconds[RECIPE])
    measure.save("conda", found, about, tables(found))


def tables(found: dict) -> str:
    met = "met" if found["ratio"] <= TARGET else "MISSED"
    said = f"{found['hosts']} fresh hosts, Python {PYTHON}, ray[default] and tensorflow."
    said += f" Asked: at most {TARGET} of the recipe's time: {found['ratio']:.2f}, **{met}**."
    base = measure.median(found["seconds"][RECIPE])
    rows = [
        [name, measure.spread(all_), f"{measure.median(all_) / base:.2f}"]
        for name, all_ in found["seconds"].items()
    ]
    steps = [
        [name, step, f"{seconds:.1f}"]
        for name, those in found["steps"].items()
        for step, seconds in those.items()
    ]
    return "\n\n".join(
        [
            said,
            measure.table(["", "seconds", "ratio"], rows),
            "Each step of the last run:",
            measure.table(["", "step", "seconds"], steps),
        ]
    )


if __name__ == "__main__":
    main()
