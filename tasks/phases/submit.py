"""Submit a job: send a folder to the head, run it through Ray's job server, show its output here."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.node import homes
from tasks.node.addresses import join
from tasks.node.dashboard import answers_at
from tasks.node.operations import submit_script
from tasks.report import handover
from tasks.report.lines import clean
from tasks.run.failures import Stop
from tasks.run.job_folder import named_here, only_here, pack
from tasks.run.record import GoesOn
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.ssh import RemoteError
from tasks.text.quoting import printed

TIMEOUT = 7 * 86400.0


def submit(arguments: Sequence[str], *, wait: bool, folder: Path | None = None) -> Step:
    """The step that runs a program as a job; it raises Stop if the job fails.

    :param folder: goes along; None: the current one, where the command names something in it.
    """
    return Step("Submit a job", lambda run: _submit(run, arguments, wait=wait, folder=folder), changes=True)


def _submit(run: Run, arguments: Sequence[str], *, wait: bool, folder: Path | None) -> None:
    head = run.head(Known)
    if not head.facts.active:
        raise Stop(
            "the head isn't running", "fab start starts what is deployed; fab deploy-cluster also installs"
        )
    archive = _send(run, head, arguments, folder)
    address = f"http://{join(answers_at(head.host.ray.dashboard_host)[0], head.host.ray.dashboard_port)}"
    # chosen here, so that it is known whatever happens to the connection
    job = f"raysubmit_{secrets.token_hex(8)}"
    script = submit_script(
        head.host,
        run.cluster.name,
        address,
        archive,
        list(arguments),
        job=job,
        wait=wait,
        user=run.options.user,
        sudo=head.sudo,
    )
    said: list[str] = []

    def on_line(line: str) -> None:
        if found := re.search(rf"job {job} (submitted|succeeded)$", line):
            said.append(found.group(1))
            run.record.goes_on = _goes_on(run, job, address)
        if run.console.gone:
            raise Stop("the output is no longer read", f"the job {job} goes on")
        print(line if sys.stdout.isatty() else clean(line), flush=True)

    run.record.goes_on = _perhaps(run, job, address)
    try:
        answer = run.try_ask(head, script, timeout=TIMEOUT, on_line=on_line)
    except RemoteError as error:
        raise Stop(str(error), "a second fab submit would be a second job: look at this one first") from error
    run.record.goes_on = None
    if "error" in answer.values:
        raise Stop(answer.values["error"], answer.hint)
    if answer.status:
        raise Stop("the job did not succeed", "see its output above")
    if said[-1:] != ["succeeded" if wait else "submitted"]:
        run.record.goes_on = _goes_on(run, job, address) if said else None
        raise Stop("no job was submitted" if not said else f"the end of job {job} is not known", WAY_OUT)
    if not wait:
        found = _goes_on(run, job, address)
        run.console.note(f"{found.what}:")
        handover.commands(run.console, found.commands)


WAY_OUT = "fab logs --component dashboard,driver says what the job server did"


def _send(run: Run, head: Known, arguments: Sequence[str], folder: Path | None) -> str:
    """Sends the job's folder and says so; the path of the archive on the head, '' for none."""
    if head.host.connection != "local":
        for path in only_here(arguments):
            run.console.note(f"{path} is a path of this machine, and the job looks for it on the head")
    folder = folder or (Path.cwd() if named_here(arguments, Path.cwd()) else None)
    if folder is None:
        run.console.print("no folder goes along: --working-dir FOLDER sends one")
        return ""
    archive = f"{homes.folder(head.facts, run.cluster.name)}/rayfab-job-{secrets.token_hex(4)}.tar.gz"
    with run.console.phase("Send the folder", 1) as board:
        board.step(head.name, "packing")
        data, count = pack(folder)

        def on_bytes(done: int, size: int) -> None:
            board.step(head.name, f"{done / 1e6:.1f} of {size / 1e6:.1f} MB")

        run.carry(head, data, archive, on_bytes=on_bytes)
    files = "1 file" if count == 1 else f"{count} files"
    run.console.ok(f"{folder} goes along", f"{files}, {len(data) / 1e6:.1f} MB packed")
    return archive


def _goes_on(run: Run, job: str, address: str) -> GoesOn:
    ask, where = f"exec --limit {printed(run.head().name)} -- ray job", f"--address {address} {job}"
    return GoesOn(
        f"job {job} goes on on the cluster",
        ((f"{ask} logs --follow {where}", "its output"), (f"{ask} stop {where}", "stop it")),
    )


def _perhaps(run: Run, job: str, address: str) -> GoesOn:
    ask, where = f"exec --limit {printed(run.head().name)} -- ray job", f"--address {address} {job}"
    return GoesOn(
        f"job {job} may have been submitted",
        ((f"{ask} status {where}", "whether it is there"), (f"{ask} stop {where}", "stop it")),
    )
