"""500 simulated addresses: folding names, selecting hosts, reading the file, the table of status: time and memory."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure
from completion import hosts_file

from tasks.completion.hosts import hosts
from tasks.inventory import load
from tasks.inventory.fold import fold
from tasks.inventory.selection import select
from tasks.report import status
from tasks.report.console import Console

COUNT = 500
GROUPS = "groups:\n  low: node[001-250]\n  high: '!@low'\n"


def nodes(cluster: Any) -> list[dict[str, Any]]:
    """The nodes of `fab status --json`; three of them are down."""
    common = {"alive": True, "runtime": "uv", "ray": "2.60.0", "python": "3.12.1", "cpus": 8, "gpus": 1}
    down = {"alive": False, "problem": "stopped", "cpus": None, "gpus": None}
    out = [
        {"name": host.name, "role": host.role, "node_ip": host.host, "problem": None, **common}
        for host in cluster.hosts
    ]
    for at in (7, 70, 300):
        out[at] |= down
    return out


def shown(said: dict[str, Any], *, every: bool) -> str:
    file = io.StringIO()
    console = Console(file)
    console.every = every
    status.show(console, said)
    return file.getvalue()


def memory(work: Callable[[], object]) -> float:
    """The most MB that the work has in use at once, beyond what it began with."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=10)
    runs = args.parse_args().runs
    about = measure.machine()
    with tempfile.TemporaryDirectory() as folder:
        path = hosts_file(Path(folder, "hosts.yml"), COUNT)
        path.write_text(path.read_text() + GROUPS)
        cluster = load(path)
        names = [host.name for host in cluster.hosts]
        said = {"nodes": nodes(cluster)}
        yaml = str(Path(__import__("yaml").__file__).parents[1])
        contenders: dict[str, Callable[[], object]] = {
            "read the hosts file": lambda: load(path),
            "hosts for completion": lambda: hosts(str(path), yaml),
            "fold all names": lambda: fold(names),
            "--limit node[001-499]": lambda: select(cluster, "node[001-499]"),
            "--limit '@high,!node4*'": lambda: select(cluster, "@high,!node4*"),
            "table of status, folded": lambda: shown(said, every=False),
            "table of status, --all": lambda: shown(said, every=True),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(runs):
            for name, work in contenders.items():
                began = time.process_time()
                work()
                seconds[name].append(time.process_time() - began)
        used = {name: memory(work) for name, work in contenders.items()}
        lines = {name: work().count("\n") for name, work in contenders.items() if name.startswith("table")}
    rows = [
        [name, measure.spread(found), f"{used[name]:.1f}", str(lines.get(name, ""))]
        for name, found in seconds.items()
    ]
    text = f"{COUNT} hosts, CPU seconds, medians of {runs} (least-most), and the most MB in use.\n\n"
    text += measure.table(["what", "CPU seconds", "MB", "lines"], rows)
    measure.save("large", {"seconds": seconds, "megabytes": used, "lines": lines}, about, text)


if __name__ == "__main__":
    main()
