"""What all benchmarks share: alternating runs, medians, the machine, the results as JSON and Markdown."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
README = BENCH / "README.md"

Seconds = Sequence[float]


def alternate(contenders: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Seconds of every run, A B C A B C ...: a machine that slows down slows all of them down.

    A contender does its own preparations and returns the seconds that count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1, runs + 1):
        for name, contender in contenders.items():
            seconds[name].append(contender())
            say(f"{name}, run {number} of {runs}: {seconds[name][-1]:.2f} s")
    return seconds


def timed(what: Callable[[], object]) -> float:
    """Wall time in seconds."""
    start = time.monotonic()
    what()
    return time.monotonic() - start


def cpu_seconds() -> float:
    """What all processors of this machine have worked since it booted, as Linux counts it."""
    words = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    user, nice, system, _, _, irq, softirq, _ = map(int, words)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def median(seconds: Seconds) -> float:
    return statistics.median(seconds)


def spread(seconds: Seconds) -> str:
    """`12.3 (12.0-13.1)`: the median, the smallest and the largest."""
    if len(seconds) == 1:
        return f"{seconds[0]:.2f}"
    return f"{median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})"


def ratios(seconds: Mapping[str, Seconds], base: str) -> dict[str, float]:
    """Median of each over the median of `base`."""
    return {name: median(found) / median(seconds[base]) for name, found in seconds.items()}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; every column but the first is aligned to the right if it holds numbers."""
    cells = [[str(cell) for cell in row] for row in rows]
    numeric = [all(re.match(r"[\d.-]", row[at]) for row in cells if row[at]) for at in range(len(columns))]
    rule = ["---:" if at and numeric[at] else "---" for at in range(len(columns))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(columns), rule, *cells])


def crossings(
    seconds: Mapping[str, Seconds], crossed: Mapping[str, Seconds], base: str, copy: float, what: str
) -> str:
    """A table for a limited link: time, and how much crossed it.

    :param crossed: bytes over the link, for each contender and run.
    :param base: the contender that the ratios are to.
    :param copy: bytes of one copy.
    :param what: what is copied, in the plural.
    """
    to_base = ratios(seconds, base)
    rows = []
    for name, times in seconds.items():
        sent = median(crossed[name])
        rows.append([name, spread(times), f"{to_base[name]:.2f}", f"{sent / 1e6:.0f}", f"{sent / copy:.2f}"])
    return table(["", "seconds", "ratio", "MB over the link", f"{what} over the link"], rows)


def machine() -> dict[str, object]:
    """The machine and the versions on which the figures depend."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 2),
        **{name: version(name) for name in ("fabric", "paramiko", "uv")},
    }


def _commit() -> str:
    """The commit, with a + if the tool differs from it; changes in the results are ignored."""
    git = ["git", "-C", str(BENCH.parent)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "tasks", "fabfile.py"])
    return commit.stdout.strip() + ("+" if changed.returncode else "")


def save(name: str, found: Mapping[str, object], about: Mapping[str, object], tables: str) -> None:
    """Writes the raw figures to results/NAME.json, and the tables into README.md between NAME's marks."""
    RESULTS.mkdir(exist_ok=True)
    data = {"machine": about, **found}
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    said = f"{about['date']}, commit {about['commit']}, {about['cores']} cores, "
    said += f"{about['memory_gib']} GiB, load {about['load_before']} before the first run; "
    said += f"Python {about['python']}, Fabric {about['fabric']},"
    said += f" paramiko {about['paramiko']}, uv {about['uv']}"
    said += "".join(f", {k} {v}" for k, v in dict(found.get("versions", {})).items())
    text = f"{said}.\n\n{tables.strip()}"
    print(text)
    page = README.read_text("utf-8")
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    README.write_text(marks.sub(lambda m: f"{m[1]}{text}\n{m[2]}", page), "utf-8")
