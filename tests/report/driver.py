"""A small program that shows what the real one does, for tests that look at a terminal: ``driver.py WHAT``.

It goes on to its next picture when a key is pressed; its clock stands still unless it says so.
"""

from __future__ import annotations

import os
import sys
import tty
from types import SimpleNamespace

from tasks.report import board, failures, output, status
from tasks.report.console import Console

clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
UP = {
    "role": "worker",
    "alive": True,
    "runtime": "uv",
    "ray": "2.60.0",
    "python": "3.11.7",
    "cpus": 8,
    "gpus": 0,
}
DOWN = {**UP, "alive": False, "ray": None, "python": None, "cpus": None, "gpus": None}


def key() -> None:
    os.read(0, 1)


def table(console: Console) -> None:
    nodes = [{**UP, "name": f"rayfab-lab-{n}", "node_ip": f"198.18.10.1{n}", "problem": None} for n in (1, 2)]
    nodes[0]["role"] = "head"
    why = "198.18.10.13:22 did not answer within 10 s"
    nodes.append({**DOWN, "name": "rayfab-lab-3", "node_ip": "198.18.10.13", "problem": why})
    status.show(console, {"nodes": nodes})
    console.ok("the end")


def failed(console: Console) -> None:
    why = "the disk is full: 2300 MB are needed in /home/ann/.rayfab, 120 MB are free"
    fix = "fab exec --limit rayfab-lab-3,rayfab-lab-4 -- sh -c 'rm -rf ~/.cache/pip ~/.cache/uv; df -h /home'"
    failures.show(console, [("rayfab-lab-3", why, fix), ("rayfab-lab-4", why, fix)])
    console.ok("the end")


def progress(console: Console) -> None:
    with console.phase("Install and start", 60) as shown:
        for second in range(61):
            clock.now = float(second)
            for n in range(20):
                if second in (0, 24, 48):
                    if second:
                        shown.done(f"node-{second - 24}-{n}")
                    shown.step(f"node-{second}-{n}", "connecting")
                if second >= 48 and n % 2:
                    shown.step(f"node-48-{n}", f"fetching packages, {20 * (second - 48)} of 400 MB")
            if second == 12:
                key()
        key()
        shown.fail("node-48-3", "the disk is full", "free some space below /home/ann")
        key()
    console.bad("Install and start  59 of 60 hosts, 60.0 s")


if __name__ == "__main__":
    output.install()
    board.time = clock
    if os.isatty(0):
        tty.setcbreak(0)  # what is typed is not to be seen
    {"table": table, "failed": failed, "progress": progress}[sys.argv[1]](Console())
    sys.exit(output.close(0))
