"""What `fab disk` and `fab clean` print."""

from __future__ import annotations

import json
import sys
from typing import Any

from tasks.actions import cli
from tasks.phases import disk as steps
from tasks.phases import operation
from tasks.report import handover
from tasks.report.console import Console
from tasks.report.lines import clean as plain
from tasks.report.table import Column
from tasks.run.disk import KINDS, Usage, as_json
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.text.wording import size

VERSION = 1
COLUMNS = (
    Column("host"),
    *(Column(kind, as_text=f"{{}} of {kind}".format, each=True) for kind in KINDS),
    Column("free", as_text="{} free".format, each=True),
)


def measure(hosts_file: str | None, limit: Any, *, json_: bool, debug: bool) -> int:
    """Prints what takes up space; returns the exit status."""
    console = Console(sys.stderr if json_ else None)
    run = cli.new_run(hosts_file, "disk", console=console, limit=limit, debug=debug)
    console.quiet = json_ and not debug
    found: dict[str, Usage] = {}
    code = operate(run, (*operation.FACTS, steps.look(found, "sizes")), report=not json_)
    if code == 130:
        return code
    if json_:
        hosts = [_entry(run, node, found) for node in run.every() if run.may_change(node)]
        said = {"version": VERSION, "cluster": run.cluster.name, "hosts": hosts}
        print(json.dumps(said, ensure_ascii=False), flush=True)
        return code
    out = Console()
    out.print()
    out.table(
        COLUMNS, [_row(node.name, found.get(node.name)) for node in run.every() if run.may_change(node)]
    )
    out.print()
    _say_unread(out, found)
    old = sum(item.size for usage in found.values() for item in usage.in_state("old"))
    if old:
        handover.commands(out, [("clean", f"removes what nothing needs: {size(old)}")])
    return code


def _entry(run: Run, node: Any, found: dict[str, Usage]) -> dict[str, Any]:
    failure = run.failure(node)
    out = {"name": node.name, "host": node.host.host, **as_json(found.get(node.name, Usage()))}
    if node.name not in found:
        out |= dict.fromkeys(KINDS)
        out["problem"] = failure.message if failure else "not looked at"
    return out


def _row(name: str, usage: Usage | None) -> tuple[str, ...]:
    if usage is None:
        return (name, *["-"] * (len(COLUMNS) - 1))
    free = usage.free.get("ray")
    return (
        name,
        *(size(usage.size(kind)) if usage.size(kind) else "-" for kind in KINDS),
        f"{size(free[0])} of {size(free[1])}" if free else "-",
    )


def cleaned(run: Run, found: dict[str, Usage]) -> None:
    """What has been removed from each host, or would be, with the bytes."""
    dry = run.options.dry_run
    total = 0
    for name, usage in found.items():
        items = usage.in_state("old" if dry else "removed")
        for item in items:
            run.console.print(f"  {name}: {item.kind} {size(item.size)} {plain(item.what)}")
        if items:
            freed = sum(item.size for item in items)
            total += freed
            run.console.ok(f"{name}: {size(freed)} {'would be freed' if dry else 'freed'}", f"{freed} bytes")
        for item in usage.in_state("left"):
            run.console.note(f"{name}: could not remove {plain(item.what)}, which belongs to another user")
    _say_unread(run.console, found)
    if dry:
        run.console.note(f"dry run: nothing was removed; {size(total)} would be")
    elif not total:
        run.console.ok("nothing to remove")


def _say_unread(console: Console, found: dict[str, Usage]) -> None:
    for name, usage in found.items():
        if usage.unread:
            console.note(f"{name}: Ray's folders could not be looked at: {plain(usage.unread)}")
