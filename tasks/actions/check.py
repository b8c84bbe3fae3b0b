"""What `fab check` does and prints: the hosts file and each host, as lines or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from invoke import Exit

from tasks.actions import cli
from tasks.inventory import InventoryError
from tasks.phases import operation
from tasks.phases.check_files import check_files
from tasks.phases.connect import connect_all
from tasks.phases.maintenance import leave_out_maintenance
from tasks.phases.reach import reach_all
from tasks.phases.resolve import resolve
from tasks.phases.show_hosts import announce
from tasks.plan.outcomes import FAIL, PASS, SKIP, WARN
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.run.step import Step

FORMAT = 1
FILE, FILES = "hosts-file", "files"  # the checks that are about no host
# the step with which each check begins; the steps after it belong to it, too
BEGINS = {
    check_files: FILES,
    connect_all: "connection",
    leave_out_maintenance: "host",
    announce: "runtime",
    resolve: "versions",
    reach_all: "ports",
}
OF_HOSTS = [check for check in BEGINS.values() if check != FILES]


def examine(hosts_file: str | None, limit: Sequence[str] | None, *, as_json: bool, debug: bool) -> None:
    """Prints what was found; ends with the contract's status."""
    console = Console(sys.stderr if as_json else None)
    if as_json:
        _say_mistakes(hosts_file)
    cluster = cli.read(hosts_file, console)
    if not as_json:
        count = handover.hosts(len(cluster.hosts))
        console.ok(f"{cluster.path.name} is valid", f"{count}, cluster {cluster.name}")
    cli.warn_if_shipped(cluster, cli.hosts_file(hosts_file), console)
    run = cli.make_run(cluster, console, "check", limit=limit, debug=debug, dry_run=True)
    console.quiet = as_json and not debug
    checked = Checked()
    code = 0
    try:
        cli.finish(run, checked.steps())
    except Exit as ended:
        code = ended.code
    if as_json and code != 130:
        print(json.dumps(as_data(run, checked), ensure_ascii=False), flush=True)
    if code:
        raise Exit(code=code)


def _say_mistakes(hosts_file: str | None) -> None:
    """Prints the object of a hosts file that cannot be read; of any other nothing."""
    try:
        cli.load_with_keys(cli.hosts_file(hosts_file))
    except InventoryError as error:
        results = [_result(None, FILE, FAIL, str(problem)) for problem in error.problems]
        said = {"format": FORMAT, "cluster": None, "ready": False, "results": results}
        print(json.dumps(said, ensure_ascii=False), flush=True)


@dataclass
class Checked:
    """How far a check has come.

    :param begun: the checks that have begun, the one under way last. :param done: those that came to their end.
    :param failed: the check in which each host failed, by its name.
    :param notes: the check of each of the run's notes.
    """

    begun: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def steps(self) -> tuple[Step, ...]:
        """Those of a check, each watched."""
        return tuple(replace(one, work=self._watched(one)) for one in operation.CHECK)

    def _watched(self, step: Step) -> Any:
        def work(run: Run) -> None:
            if step in BEGINS:
                self.done.update(self.begun)
                self.begun.append(BEGINS[step])
            try:
                step(run)
            finally:
                now = self.begun[-1]
                for name in run.record.failures:
                    self.failed.setdefault(name, now)
                self.notes += [now] * (len(run.record.notes) - len(self.notes))
            if step is operation.CHECK[-1]:
                self.done.update(self.begun)

        return work


def as_data(run: Run, checked: Checked) -> dict[str, Any]:
    """The object of ``fab check --json``: first what concerns no host alone, then each host with all its checks."""
    results = [_result(None, FILE, WARN, text) for text in run.cluster.warnings]
    results = results or [_result(None, FILE, PASS)]
    if FILES in checked.done:
        results.append(_result(None, FILES, PASS))
    if why := run.record.why:
        results.append(_result(None, checked.begun[-1], FAIL, why.message, why.hint))
    for host in run.cluster.hosts:
        node = next(one for one in [*run.every(), *run.record.left_out] if one.name == host.name)
        if run.may_change(node) or run.failure(node):
            results += _of_host(run, node, checked)
    return {
        "format": FORMAT,
        "cluster": run.cluster.name,
        "ready": not any(one["result"] == FAIL for one in results),
        "results": results,
    }


def _of_host(run: Run, node: Listed, checked: Checked) -> Iterator[dict[str, Any]]:
    failure, failed, left = run.failure(node), checked.failed.get(node.name), node in run.record.left_out
    for check in OF_HOSTS:
        notes = [
            note
            for note, found in zip(run.record.notes, checked.notes, strict=True)
            if (note.name, found) == (node.name, check)
        ]
        yield from (_result(node.name, check, WARN, note.message, note.hint) for note in notes)
        if check == failed and failure:
            yield _result(node.name, check, FAIL, failure.message, failure.hint)
        elif left and check != OF_HOSTS[0]:
            yield _result(node.name, check, SKIP, "the host is in maintenance")
        elif failed and OF_HOSTS.index(failed) < OF_HOSTS.index(check):
            yield _result(node.name, check, SKIP, f"not examined, since the check of the {failed} failed")
        elif check not in checked.done:
            yield _result(node.name, check, SKIP, "not examined, since the check ended before")
        elif not notes:
            yield _result(node.name, check, PASS)


def _result(host: str | None, check: str, result: str, message: str = "", hint: str = "") -> dict[str, Any]:
    return {"host": host, "check": check, "result": result, "message": message, "hint": hint or None}
