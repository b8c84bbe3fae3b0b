"""An image for four hosts over a slow link: `image_source: seed` and plain pulls, time and bytes."""

from __future__ import annotations

import argparse
import sys

import measure
import stage

from tasks.testbed.engine import command
from tasks.testbed.registry import PORT, Registry
from tasks.testbed.small_image import small_image

SEED, PULL = "image_source: seed", "image_source: pull"
IMAGE = "rayproject/ray:2.60.0-bench"
TARGET = 1.1  # images over the link, for any number of hosts

HOSTS = """cluster: {cluster}
runtime: docker
ssh: {{user: root, key: {key}}}
docker: {{image: "{image}", registry_mirror: "{mirror}", image_source: {source}}}
head: {head}
workers: [{workers}]
"""


class Link:
    """The registry, whose own link is limited."""

    def __init__(self, host: stage.LabHost, rate: str) -> None:
        self.host = host
        self.registry = Registry(host)
        self.registry.configure()
        self.registry.push(IMAGE, IMAGE)
        host.must(f"tc qdisc add dev eth0 root tbf rate {rate} burst 256kb latency 200ms")

    def sent(self) -> int:
        return int(self.host.must("cat /sys/class/net/eth0/statistics/tx_bytes"))


class Contest:
    def __init__(self, link: Link, who: stage.Operator, hosts: list[stage.LabHost]) -> None:
        self.link, self.who, self.hosts = link, who, hosts
        self.bytes: dict[str, list[int]] = {SEED: [], PULL: []}

    def run(self, source: str) -> float:
        for host in self.hosts:
            host.must("docker image ls -q | sort -u | xargs -r docker rmi -f; rm -rf /root/.rayfab")
        where = [host.address for host in self.hosts]
        self.who.file.write_text(
            HOSTS.format(
                cluster=stage.CLUSTER,
                key=stage.keys.login_key(),
                image=IMAGE,
                mirror=self.link.registry.url,
                source=source.split()[-1],
                head=where[0],
                workers=", ".join(where[1:]),
            )
        )
        before = self.link.sent()
        seconds = self.who.fab("pull-image")[-1][0]
        self.bytes[source].append(self.link.sent() - before)
        return seconds


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--hosts", type=int, default=4)
    args.add_argument("--rate", default="100mbit", help="of the registry's link, as tc has it")
    args.add_argument("--megabytes", type=int, default=100, help="of the image, besides Python")
    asked = args.parse_args()
    about = measure.machine()
    small_image(IMAGE, asked.megabytes, say=measure.say)
    with stage.lab() as lab:
        link = Link(lab.add_hosts([f"{lab.prefix}-registry"], "registry")[0], asked.rate)
        hosts = lab.add_hosts([None] * asked.hosts, "docker")
        for host in hosts:
            names = f'{{"insecure-registries": ["{link.host.address}:{PORT}"]}}\n'
            host.write_file("/etc/docker/daemon.json", names)
            host.must("systemctl restart docker")
        with stage.operator(hosts) as who:
            it = Contest(link, who, hosts)
            contenders = {SEED: lambda: it.run(SEED), PULL: lambda: it.run(PULL)}
            seconds = measure.alternate(contenders, asked.runs)
    # the smallest traffic of all plain pulls, divided by the hosts, is the size of one image
    image = min(it.bytes[PULL]) / asked.hosts
    command(["docker", "rmi", IMAGE])
    found = {
        "versions": {},
        "hosts": asked.hosts,
        "rate": asked.rate,
        "seconds": seconds,
        "bytes": it.bytes,
        "image_bytes": round(image),
        "ratio": measure.ratios(seconds, PULL)[SEED],
        "target": TARGET,
    }
    if not all(it.bytes.values()):
        sys.exit("nothing crossed the link")
    measure.save("seed", found, about, tables(found))


def tables(found: dict) -> str:
    image = found["image_bytes"]
    most = max(found["bytes"][SEED]) / image
    met = "met" if most <= TARGET else "MISSED"
    said = f"{found['hosts']} hosts, an image of {image / 1e6:.0f} MB as the registry keeps it, the registry's link"
    said += (
        f" limited to {found['rate']}. At most {TARGET} images over the link for all: {most:.2f}, **{met}**."
    )
    said += f" Medians of {len(found['seconds'][SEED])} runs (least-most), alternating."
    rows = measure.crossings(found["seconds"], found["bytes"], PULL, image, "images")
    return f"{said}\n\n{rows}"


if __name__ == "__main__":
    main()
