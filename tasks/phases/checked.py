"""What `fab check` prints: what each host is, and what stands in its way."""

from __future__ import annotations

import contextlib

from tasks.phases import validate
from tasks.report import handover
from tasks.report.status import counted
from tasks.report.table import Column
from tasks.run.run import Run, Stop
from tasks.runtimes.docker.engine_choice import engine_for, lacks_engine
from tasks.runtimes.docker.steps import engine

GIB = 1 << 30
COLUMNS = (
    Column("host"),
    Column("system", as_text=str),
    Column("cpus", as_text=lambda count: counted(count, "CPU"), each=True),
    Column("memory", as_text="{} memory".format, each=True),
    Column("user", as_text="user {}".format),
    Column("runtime", as_text=lambda what: what if what[0].isalpha() else f"Python {what}"),
    Column("cluster", as_text=lambda state: "Ray runs" if state == "runs" else state),
)


def checked(run: Run) -> None:
    """What each host is, then every problem of every host."""
    rows = []
    for node in run.nodes:
        f = node.facts
        if f is None:
            rows.append((node.name, "-", "-", "-", "-", "-", "-"))
            continue
        pythons = ", ".join(sorted({v for v, _ in f.pythons})) or "-"
        root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "no root")
        memory = f"{f.memory / GIB:.1f} GiB" if f.memory else "-"
        what = f"Docker {f.docker}" if f.docker else pythons
        what = "no Docker yet" if lacks_engine(node.subject) else what
        if node.host.runtime == "conda":
            what = f"{f.condas[0].kind} {f.condas[0].version}" if f.condas else "no conda yet"
        rows.append(
            (
                node.name,
                f"{f.system} {f.arch}",
                str(f.cpus or "-"),
                memory,
                f"{f.user} ({root})",
                what,
                _service(node),
            )
        )
    run.console.print()
    run.console.table(COLUMNS, rows)
    run.console.print()
    with contextlib.suppress(Stop):
        validate.run(run)
    _say_docker(run)
    if not run.failed:
        run.console.ok(f"{handover.hosts(len(run.living))} ready for deploy-cluster")


def _say_docker(run: Run) -> None:
    """Where deploy-cluster would install Docker, and where from: a line for each source."""
    names: dict[str, list[str]] = {}
    for node in run.chosen:
        if engine.wanted(node):
            names.setdefault(engine_for(node.subject).what, []).append(node.name)
    for what, hosts in names.items():
        run.console.note(f"deploy-cluster will install Docker ({what}) on {', '.join(hosts)}")


def _service(node) -> str:
    if not node.subject.state:
        return "not deployed"
    return "runs" if node.facts.active else "stopped"
