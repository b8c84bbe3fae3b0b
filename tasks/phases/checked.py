"""What `fab check` prints: what each host is, and what stands in its way."""

from __future__ import annotations

import contextlib

from tasks import runtimes
from tasks.phases import validate
from tasks.report import handover
from tasks.report.status import counted
from tasks.report.table import Column
from tasks.run.run import Run, Stop

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
        root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "no root")
        memory = f"{f.memory / GIB:.1f} GiB" if f.memory else "-"
        rows.append(
            (
                node.name,
                f"{f.system} {f.arch}",
                str(f.cpus or "-"),
                memory,
                f"{f.user} ({root})",
                runtimes.of(node.host).summary(f),
                _service(node),
            )
        )
    run.console.print()
    run.console.table(COLUMNS, rows)
    run.console.print()
    with contextlib.suppress(Stop):
        validate.run(run)
    _announce(run)
    if not run.failed:
        run.console.ok(f"{handover.hosts(len(run.living))} ready for deploy-cluster")


def _announce(run: Run) -> None:
    """What deploy-cluster would install as root."""
    for name, nodes in runtimes.grouped(n for n in run.chosen if n.facts).items():
        for line in runtimes.by_name(name).announcements([n.subject for n in nodes]):
            run.console.note(f"deploy-cluster will {line}")


def _service(node) -> str:
    if not node.subject.state:
        return "not deployed"
    return "runs" if node.facts.active else "stopped"
