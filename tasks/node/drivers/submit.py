"""Runs on the head, in the cluster's own Python (3.7 and later): one job through Ray's job server, with its output.

In older versions (2.7, 2.30; not 2.49), `ray job submit` may lose a job's last lines, and reports a job as done when
only the connection to its output was lost.

argv: the server's address; the folder in which the job's folder is unpacked, '' for the temporary one; 'folder' if an
archive of the job's folder is on standard input, else ''; 'wait' or ''; who submits it; the job's id; its arguments.
"""

import asyncio
import contextlib
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

address, place, folder, wait, user, job_id = sys.argv[1:7]
arguments = sys.argv[7:]
PATIENCE = 60.0  # seconds without an answer of the job server
MUCH = 16 << 20  # characters
PREFIX = "rayfab-job-"
OLD = 86400.0  # seconds; a folder is used for a few seconds only, so an older one is left over


def say(text):
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # the connection is lost; the job continues without it
        os._exit(1)


def end_with_reader():
    """Ends this process when nobody reads its output: while a job is silent, only polling the pipe shows that."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    pipe.poll()
    os._exit(1)


def sweep(where):
    """Removes the folders that earlier, killed runs left behind."""
    for name in os.listdir(where):
        path = os.path.join(where, name)
        with contextlib.suppress(OSError):
            if name.startswith(PREFIX) and time.time() - os.lstat(path).st_mtime > OLD:
                shutil.rmtree(path)


@contextlib.contextmanager
def unpacked():
    """The job's folder, readable by this user only; it is needed until Ray has its own copy."""
    where = place or tempfile.gettempdir()
    sweep(where)
    os.umask(0o077)
    work = tempfile.mkdtemp(prefix=PREFIX, dir=where)
    # Ray's client packs the folder into an archive again
    tempfile.tempdir = work
    try:
        job = os.path.join(work, "job")
        os.mkdir(job)
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as tar:
            # the archive is the operator's own; Python 3.14's default filter would refuse links that lead out of it
            tar.extraction_filter = lambda member, path: member
            tar.extractall(job)
        yield job
    finally:
        tempfile.tempdir = None
        shutil.rmtree(work, ignore_errors=True)


class Output:
    """A job's output. Each character is shown once, even if the log is followed several times."""

    def __init__(self, client, job):
        self.client, self.job, self.shown = client, job, 0

    async def follow(self):
        at = 0
        async for text in self.client.tail_job_logs(self.job):
            say(text[max(self.shown - at, 0) :])
            at += len(text)
            self.shown = max(self.shown, at)

    def caught_up(self):
        """Shows the rest of an ended job's output; False if the log is too large to be read at once."""
        if self.shown > MUCH:
            return False
        say(self.client.get_job_logs(self.job)[self.shown :])
        return True


def tell_of_set_up(client, job):
    """Shows what the head writes while it installs the packages of a runtime_env: Ray itself is silent until that has
    failed several times. The log is known by the driver's id, which Ray gives it when the driver connects.
    """
    logs = os.path.join(os.environ.get("RAY_TMPDIR") or "/tmp", "ray", "session_latest", "logs")
    path, at, told = "", 0, set()
    while True:
        time.sleep(2)
        with contextlib.suppress(Exception):
            number = path or client.get_job_info(job).job_id
            path = path or (number and os.path.join(logs, f"runtime_env_setup-{number}.log"))
            if not path or not os.path.exists(path):
                continue
            with open(path, encoding="utf-8", errors="replace") as file:
                file.seek(at)
                text = file.read()
                at = file.tell()
            for line in text.splitlines():
                if re.search(r"Installing (python requirements|package uv)", line):
                    line = "installing the packages of runtime_env on the head"
                elif not re.match(r"\s*(ERROR|error|cause|hint|WARNING: Retrying)\b", line):
                    continue
                if line not in told:
                    told.add(line)
                    say(line.strip() + "\n")


def settle(client, job, whole):
    """The job's last status, when all its output is shown.

    :param whole: this version of Ray follows a log to its last line.
    """
    output, heard = Output(client, job), time.time()
    while True:
        before = output.shown
        try:
            over = client.get_job_status(job).is_terminal()
            asyncio.run(output.follow())
            status = client.get_job_status(job)
            if status.is_terminal() and (over or whole or output.caught_up()):
                return status
        except Exception:
            # a lost connection doesn't mean that the job has ended
            if output.shown > before:
                heard = time.time()
            if time.time() - heard > PATIENCE:
                raise
            time.sleep(1)
            continue
        heard = time.time()
        time.sleep(0.2)


def main():
    import logging

    import ray
    from ray.job_submission import JobStatus, JobSubmissionClient

    # the message that Ray logs for each connection that was closed in order
    logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
    # Ray passes the line to a shell
    line = subprocess.list2cmdline(arguments) if os.name == "nt" else " ".join(map(shlex.quote, arguments))
    client = JobSubmissionClient(address)
    with unpacked() if folder else contextlib.nullcontext() as source:
        job = client.submit_job(
            entrypoint=line,
            runtime_env={"working_dir": source} if source else None,
            metadata={"rayfab_user": user} if user else None,
            submission_id=job_id,
        )
    say(f"job {job} submitted\n")
    if not wait:
        return 0
    if hasattr(select, "poll"):
        threading.Thread(target=end_with_reader, daemon=True).start()
    threading.Thread(target=tell_of_set_up, args=(client, job), daemon=True).start()
    status = settle(client, job, tuple(map(int, ray.__version__.split(".")[:2])) >= (2, 49))
    if status == JobStatus.SUCCEEDED:
        say(f"job {job} succeeded\n")
        return 0
    say(f"job {job}: {status.value.lower()}: {client.get_job_info(job).message or 'no reason given'}\n")
    return 1


for name in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), lambda *_: sys.exit(1))
try:
    code = main()
except Exception as error:
    say(f"{type(error).__name__}: {error}\n")
    code = 1
sys.exit(code)
