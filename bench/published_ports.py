"""The cost of a published port: `docker run` and `docker rm` of one container with different numbers of ports.

The recipe's bridge network publishes a range of ports for Ray's workers; this decides how wide it is.
"""

from __future__ import annotations

import argparse
import json

import measure
import stage

from tasks.testbed import registry
from tasks.testbed.ray_image import ray_image

COUNTS = (8, 106, 300, 600)
PROXIED, UNPROXIED = "as Docker comes", "without the userland proxy"


def once(host, image: str, count: int) -> tuple[float, float, int]:
    """Seconds to start, seconds to remove, and the proxy processes' own memory in KiB."""
    ports = f"0.0.0.0:11000-{10999 + count}:11000-{10999 + count}"
    run = ["docker", "run", "--detach", "--name", "ports", "--publish", ports, image, "sleep", "600"]
    start = measure.timed(lambda: host.must(run))
    memory = host.must(
        "for p in $(pgrep docker-proxy); do cat /proc/$p/smaps_rollup; done"
        " | awk '/^Private_/ {s += $2} END {print s + 0}'"
    )
    remove = measure.timed(lambda: host.must(["docker", "rm", "--force", "ports"]))
    return start, remove, int(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    about = measure.machine()
    with stage.lab() as lab:
        host = lab.add_host(flavour="docker")
        tag = ray_image()
        registry.load(tag, host)
        found: dict[str, dict[int, list[tuple[float, float, int]]]] = {PROXIED: {}, UNPROXIED: {}}
        for name in found:
            proxy = {"userland-proxy": name == PROXIED}
            host.write_file("/etc/docker/daemon.json", json.dumps(proxy))
            host.must("systemctl restart docker")
            for number in range(1, runs + 1):
                for count in COUNTS:
                    one = once(host, tag, count)
                    found[name].setdefault(count, []).append(one)
                    measure.say(f"{name}, {count} ports, run {number} of {runs}: {one}")
    rows = [
        (
            name,
            count,
            measure.spread([s for s, _, _ in ones]),
            measure.spread([r for _, r, _ in ones]),
            ones[0][2] // 1024,
        )
        for name, by_count in found.items()
        for count, ones in by_count.items()
    ]
    tables = measure.table(("engine", "ports", "start, s", "remove, s", "memory of proxies, MiB"), rows)
    measure.save("published_ports", {"runs": found}, about, tables)


if __name__ == "__main__":
    main()
