"""Submit a job: send a folder to the head, run it through Ray's job server, show its output here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.inventory import Secret
from tasks.node import homes
from tasks.report import handover
from tasks.run.failures import Stop
from tasks.run.job import WAY_OUT, Asked, Job
from tasks.run.job_folder import named_here, only_here, pack
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.text.wording import counted


def submit(asked: Asked, *, wait: bool, ends: Callable[[], bool] | None = None) -> Step:
    """The step that runs a program as a job; it raises Stop if the job does not succeed.

    :param ends: asks after Ctrl-C whether the job ends as well; None: nobody can be asked.
    """
    return Step("Submit a job", lambda run: _submit(run, asked, wait=wait, ends=ends), changes=True)


def _submit(run: Run, asked: Asked, *, wait: bool, ends: Callable[[], bool] | None) -> None:
    head = run.head(Known)
    if not head.facts.active:
        raise Stop(
            "the head isn't running", "fab start starts what is deployed; fab deploy-cluster also installs"
        )
    archive = _send(run, head, asked.arguments, asked.folder)
    # chosen here, so that it is known whatever happens to the connection
    job = Job(run, head, f"raysubmit_{secrets.token_hex(8)}")
    spec = job.spec("submit", wait=wait, user=run.options.user, needs=dict(asked.needs))
    env = {name: value.reveal() for name, value in asked.env.items()}
    script = job.script(spec, archive=archive, arguments=list(asked.arguments), variables=bool(env))
    try:
        answer = job.follow(script, RF_JOB_ENV=Secret(json.dumps(env)) if env else None)
    except KeyboardInterrupt:
        job.interrupted(ends)
        raise
    if job.end:
        job.say_end()
        return
    if answer and "error" in answer.values:
        raise Stop(answer.values["error"], answer.hint)
    if not job.sure:
        run.record.goes_on = None
        raise Stop("no job was submitted", WAY_OUT)
    if wait:
        raise Stop(f"the end of job {job.id} is not known", WAY_OUT)
    found = job.goes_on()
    run.record.goes_on = None
    run.console.note(f"{found.what}:")
    handover.commands(run.console, found.commands)


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
    run.console.ok(f"{folder} goes along", f"{counted(count, 'file')}, {len(data) / 1e6:.1f} MB packed")
    return archive
