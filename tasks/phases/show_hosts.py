"""Show hosts: what each host has, for `fab check`."""

from __future__ import annotations

from tasks import runtimes
from tasks.report import handover
from tasks.report.status import resource
from tasks.report.table import Column
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step

GIB = 1 << 30
COLUMNS = (
    Column("host"),
    Column("system", as_text=str),
    Column("cpus", as_text=lambda count: resource(count, "CPU"), each=True),
    Column("memory", as_text="{} memory".format, each=True),
    Column("user", as_text="user {}".format),
    Column("runtime", as_text=lambda what: what if what[0].isalpha() else f"Python {what}"),
    Column("cluster", as_text=lambda state: "Ray runs" if state == "runs" else state),
)


@step("Show what each host is")
def show_hosts(run: Run) -> None:
    nothing = ("-",) * (len(COLUMNS) - 1)
    rows = [_row(node) if isinstance(node, Known) else (node.name, *nothing) for node in run.every()]
    run.console.print()
    run.console.table(COLUMNS, rows, fold=True)
    run.console.print()


@step("Say what a deploy would install as root")
def announce(run: Run) -> None:
    for name, nodes in runtimes.grouped(run.chosen(Known)).items():
        for line in runtimes.by_name(name).announcements([node.subject for node in nodes]):
            run.console.note(f"deploy-cluster will {line}")


@step("Say whether a deploy can begin")
def say_ready(run: Run) -> None:
    if not run.failed:
        run.console.ok(f"{handover.hosts(len(run.living()))} ready for deploy-cluster")


def _row(node: Known) -> tuple[str, ...]:
    f = node.facts
    root = "root" if f.root else {"nopasswd": "sudo", "password": "sudo"}.get(f.sudo or "", "no root")
    return (
        node.name,
        f"{f.system} {f.arch}",
        str(f.cpus or "-"),
        f"{f.memory / GIB:.1f} GiB" if f.memory else "-",
        f"{f.user} ({root})",
        runtimes.of(node.host).summary(f),
        _service(node),
    )


def _service(node: Known) -> str:
    if not node.state:
        return "not deployed"
    return "runs" if node.facts.active else "stopped"
