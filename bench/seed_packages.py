"""Ray's packages for eight hosts over a slow link: `package_source: seed`, plain pulls, and uv by hand on each host."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import by_hand
import measure
import stage
from by_hand import Recipe

from tasks.inventory import load
from tests.script import samples
from tests.standins import wheel_index  # a package index of the lab's own

SEED, PULL, HAND = "package_source: seed", "package_source: pull", "uv by hand, parallel ssh"
TARGET = 1.05  # copies over the link, for any number of hosts
PACKAGES = ["ray[default]"]
# prints when a host had its packages; the hosts' clock is this machine's
READY = ["find", "/root/.rayfab", "-name", ".complete", "-printf", "%T@\n"]

HOSTS = """cluster: {cluster}
runtime: uv
ssh: {{user: root, key: {key}}}
uv: {{packages: ["ray[default]"], package_source: {source}}}
mirrors: {{pypi: "{index}"}}
head: {head}
workers: [{workers}]
"""


class Contest:
    def __init__(self, lab: stage.Lab, index: wheel_index.WheelIndex, count: int) -> None:
        self.lab, self.index, self.count = lab, index, count
        self.bytes: dict[str, list[int]] = {SEED: [], PULL: [], HAND: []}
        self.recipe: Recipe | None = None

    def hosts(self) -> list[stage.LabHost]:
        return stage.fresh(self.lab, self.count, keep=self.index.host.name)

    def sent(self, contender: str) -> None:
        sizes = self.index.sent()
        self.bytes[contender].append(sum(sizes.get(path, 0) for path in self.index.sizes))

    def fab(self, source: str) -> float:
        """Seconds until the last host has its packages."""
        hosts = self.hosts()
        where = [host.address for host in hosts]
        text = HOSTS.format(
            cluster=stage.CLUSTER,
            key=stage.keys.login_key(),
            index=self.index.url,
            source=source.split()[-1],
            head=where[0],
            workers=", ".join(where[1:]),
        )
        with stage.operator(hosts, text) as who:
            self.index.forget()
            started = time.time()
            who.fab("deploy-cluster", timeout=1800)
            self.sent(source)
            self.recipe = self.recipe or Recipe.of(hosts[0], load(who.file))
        ready = [float(host.must(READY)) for host in hosts]
        if min(ready) < started:
            sys.exit("a host had its packages before the deploy")
        return max(ready) - started

    def hand(self) -> float:
        hosts = self.hosts()
        with stage.operator(hosts) as who, ThreadPoolExecutor(len(hosts)) as pool:
            script = f"export UV_DEFAULT_INDEX={shlex.quote(self.index.url)}\n{self.recipe.install()}"
            self.index.forget()
            installs = [lambda a=host.address: by_hand.run(who, a, script) for host in hosts]
            seconds = measure.timed(lambda: list(pool.map(lambda install: install(), installs)))
            self.sent(HAND)
        return seconds


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--hosts", type=int, default=8)
    args.add_argument("--rate", default="100mbit", help="of the index's link, as tc has it")
    asked = args.parse_args()
    about = measure.machine()
    with stage.lab() as lab:
        host = lab.add_hosts([f"{lab.prefix}-index"], "python")[0]
        python = host.must("python3 -c 'import platform; print(platform.python_version())'").strip()
        index = wheel_index.on_host(host, samples.host(), PACKAGES, python)
        host.must(f"tc qdisc add dev eth0 root tbf rate {asked.rate} burst 256kb latency 200ms")
        it = Contest(lab, index, asked.hosts)
        contenders = {SEED: lambda: it.fab(SEED), PULL: lambda: it.fab(PULL), HAND: it.hand}
        seconds = measure.alternate(contenders, asked.runs)
        copy = sum(index.sizes.values())
    found = {
        "versions": {"Ray": it.recipe.ray},
        "hosts": asked.hosts,
        "rate": asked.rate,
        "seconds": seconds,
        "bytes": it.bytes,
        "copy_bytes": copy,
        "target": TARGET,
    }
    measure.save("seed_packages", found, about, tables(found))


def tables(found: dict) -> str:
    copy = found["copy_bytes"]
    most = max(found["bytes"][SEED]) / copy
    met = "met" if most <= TARGET else "MISSED"
    said = f"{found['hosts']} hosts, packages of {copy / 1e6:.0f} MB, the index's link limited to {found['rate']}."
    said += f" At most {TARGET} copies over the link for all: {most:.2f}, **{met}**."
    said += f" Medians of {len(found['seconds'][SEED])} runs (least-most), alternating; until the last host has them."
    rows = measure.crossings(found["seconds"], found["bytes"], HAND, copy, "copies")
    return f"{said}\n\n{rows}"


if __name__ == "__main__":
    main()
