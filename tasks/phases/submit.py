"""Submit a job: send the current folder to the head, run it through Ray's job server, show its output here."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.node.addresses import join
from tasks.node.operations import submit_script
from tasks.report import handover
from tasks.report.lines import clean
from tasks.run.failures import Stop
from tasks.run.job_folder import pack
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.ssh import RemoteError, Unfinished
from tasks.text.quoting import printed

TIMEOUT = 7 * 86400.0


def submit(arguments: Sequence[str], *, wait: bool) -> Step:
    """The step that runs a program as a job; it raises Stop if the job fails."""
    return Step("Submit a job", lambda run: _submit(run, arguments, wait=wait), changes=True)


def _submit(run: Run, arguments: Sequence[str], *, wait: bool) -> None:
    head = run.head(Known)
    if not head.facts.active:
        raise Stop("the head isn't running", "fab deploy-cluster starts it")
    folder = Path.cwd()
    archive = ""
    if any(_is_file(folder / argument) for argument in arguments):
        archive = f"{head.facts.home}/.rayfab/{run.cluster.name}/rayfab-job-{secrets.token_hex(4)}.tar.gz"
        run.carry(head, pack(folder), archive)
    address = f"http://{join(_dashboard_ip(head), head.host.ray.dashboard_port)}"
    user = run.options.user
    script = submit_script(
        head.host, run.cluster.name, address, archive, list(arguments), wait=wait, user=user, sudo=head.sudo
    )
    submitted: list[str] = []

    def on_line(line: str) -> None:
        submitted.extend(re.findall(r"^job (\S+) submitted$", line) if not submitted else ())
        if run.console.gone:
            raise Stop("the output is no longer read")
        print(line if sys.stdout.isatty() else clean(line), flush=True)

    def say_that_it_runs() -> None:
        if submitted:
            _say_that_it_runs(run, submitted[0], address)

    try:
        answer = run.try_ask(head, script, timeout=TIMEOUT, on_line=on_line)
    except Unfinished as error:
        say_that_it_runs()
        raise Stop(str(error), "the job's result is unknown; check its output") from error
    except (RemoteError, Stop, KeyboardInterrupt):
        say_that_it_runs()
        raise
    if "error" in answer.values:
        raise Stop(answer.values["error"], answer.hint)
    if not submitted:
        raise Stop("no job was submitted", "see the output above; is the head up? fab status")
    if answer.status:
        raise Stop("the job did not succeed", "see its output above")
    if not wait:
        say_that_it_runs()


def _say_that_it_runs(run: Run, job: str, address: str) -> None:
    ask = f"exec --limit {printed(run.head().name)} -- ray job"
    where = f"--address {address} {job}"
    lines = [(f"{ask} logs --follow {where}", "its output"), (f"{ask} stop {where}", "stop it")]
    run.console.note(f"job {job} is running on the cluster:")
    handover.commands(run.console, lines)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # an argument may be a whole program, which is too long for a file name
        return False


def _dashboard_ip(head: Known) -> str:
    host = head.host.ray.dashboard_host
    return head.state.get("node_ip", "127.0.0.1") if host in ("0.0.0.0", "::") else host
