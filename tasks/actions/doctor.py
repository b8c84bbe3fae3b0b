"""What `fab doctor` does: looks, tries, measures, compares, and prints a table or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from tasks.actions import cli
from tasks.actions.audit import record
from tasks.commandline import Mistake
from tasks.phases import doctor as steps
from tasks.phases import operation
from tasks.phases.check_files import check_files
from tasks.phases.read_status import read_status
from tasks.plan.burned import judge as judge_burned
from tasks.plan.outcomes import FAIL, WARN, Outcome, merged
from tasks.report import doctor as report
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.doctor import Found
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.text import durations
from tasks.text.wording import counted, shown

SHORTEST, LONGEST = 20, 86400  # seconds of a burn-in


def examine(
    hosts_file: str | None, limit: Any, *, full: bool, fix: bool, as_json: bool, debug: bool = False
) -> int:
    """The checks, with ``fix`` the repairs after them; returns the exit status."""
    found = Found()
    begin = (check_files, *(operation.LOCKED_FACTS if fix else operation.FACTS))
    looks: tuple[Step, ...] = (
        steps.look_closer(found),
        steps.connect(found, full=full),
        steps.measure_speed(found, full=full),
        read_status,
        steps.judge(found),
        *((steps.repair(found),) if fix else ()),
    )
    return _operate(found, (*begin, *looks), hosts_file, limit, as_json=as_json, debug=debug)


def burn_in(
    hosts_file: str | None, limit: Any, length: str, host: Sequence[str], *, as_json: bool, debug: bool
) -> int:
    """Loads hosts for a while, and compares them; returns the exit status."""
    try:
        seconds = durations.parse(length)
    except ValueError as error:
        raise Mistake(f"--burn-in {shown(length)}: {error}") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise Mistake(f"--burn-in: expected {SHORTEST}s to 24h, got {shown(length)}")
    found = Found()

    def burn(run: Run) -> None:
        names = cli.selected(run.cluster, host, "--host") if host else None
        if any(node.facts.active for node in run.chosen(Known)):
            run.console.note("nodes of the cluster run: what runs on them shares the hosts with this load")
        steps.burn(found, seconds, names)(run)
        found.outcomes = judge_burned(found.burned)
        found.outcomes += [
            Outcome((node.name,), "connection", FAIL, failure.message, failure.hint)
            for node in run.every()
            if (failure := run.failure(node))
        ]

    work = (
        *operation.FACTS,
        steps.look_closer(found),
        steps.connect(found, full=False),
        Step("Load the hosts", burn),
    )
    return _operate(found, work, hosts_file, limit, as_json=as_json, debug=debug)


def _operate(
    found: Found, work: Sequence[Step], hosts_file: str | None, limit: Any, *, as_json: bool, debug: bool
) -> int:
    console = Console(sys.stderr if as_json else None)
    run = cli.new_run(hosts_file, "doctor", console=console, limit=limit, debug=debug)
    console.quiet = as_json and not debug
    code = operate(run, work, report=False)
    record(run, code)
    if code == 130 or not found.outcomes:
        return code
    said = _report(run, found)
    if as_json:
        print(json.dumps(said.model_dump(), ensure_ascii=False), flush=True)
    else:
        _show(run, found, said)
    return code or (0 if said.ok else 1)


def _report(run: Run, found: Found) -> report.Report:
    results = merged(found.outcomes)
    return report.Report(
        cluster=run.cluster.name,
        ok=not any(one.result == FAIL for one in results),
        results=[
            report.Result(
                nodes=list(one.nodes),
                check=one.check,
                result=one.result,
                message=one.message,
                fix=one.hint or None,
            )
            for one in results
        ],
        connections=[
            report.Connection(
                source=one.source, target=one.target, port=port, result=said, listens=port in one.listens
            )
            for one in found.tried.pairs
            for port, said in sorted(one.said.items())
        ],
        speeds=[
            report.Speed(
                source=one.source,
                target=one.target,
                bits_per_second=one.rate * 8,
                round_trip_ms=one.trip / 1000,
            )
            for one in found.speeds
        ],
        repairs=[
            report.Repair(node=name, what=what, problem=why or None) for name, what, why in found.repaired
        ],
        burn_in=[
            report.Burned(
                node=name,
                part=one.part,
                value=one.value,
                unit=one.unit or None,
                errors=one.errors,
                problem=one.why or None,
            )
            for name, parts in found.burned.items()
            for one in parts
        ],
    )


def _show(run: Run, found: Found, said: report.Report) -> None:
    console = run.console
    console.print()
    report.show(console, said.results)
    console.print()
    for one in said.repairs:
        if one.problem:
            console.note(f"{one.node}: not repaired ({one.what}): {one.problem}")
        else:
            console.ok(f"{one.node}: {one.what}")
    if found.unmeasured:
        count = f"not measured: {counted(found.unmeasured, 'more pair')}"
        console.note(f"{count}; each takes its turn, and the time is limited; --full measures more of them")
    failed, warned = (sum(one.result == kind for one in said.results) for kind in (FAIL, WARN))
    hosts = handover.hosts(len({name for one in said.results for name in one.nodes}))
    if failed:
        console.bad(
            f"{failed} failed, {counted(warned, 'warning')} on {hosts}", "what to do about each is above"
        )
    else:
        console.ok(f"{hosts}, nothing failed", counted(warned, "warning"))
