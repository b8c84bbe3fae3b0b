"""Runs on the head, in the cluster's own Python (3.7 and later): one job through Ray's job server, with its output.

`ray job submit` of older Rays (2.7 and 2.30; 2.49 no more) may lose a job's last lines, and calls a job done whose
output it has only lost sight of.

argv: the server's address; where the job's folder is unpacked, '' for the temporary folder; 'folder' if that folder
comes as an archive on standard input, or ''; 'wait' or ''; who submits it; then the job's own arguments.
"""

import asyncio
import contextlib
import os
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

address, place, folder, wait, user = sys.argv[1:6]
words = sys.argv[6:]
PATIENCE = 60.0  # seconds without an answer of the job server
MUCH = 16 << 20  # characters
PREFIX = "rayfab-job-"
OLD = 86400.0  # seconds; a folder is in use for a few of them


def say(text):
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # the connection is gone; the job goes on without it
        os._exit(1)


def end_with_reader():
    """While a job writes nothing, a broken connection shows only as an error of the pipe."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    pipe.poll()
    os._exit(1)


def sweep(where):
    """Removes the folders of earlier runs that were killed while they had one."""
    for name in os.listdir(where):
        path = os.path.join(where, name)
        with contextlib.suppress(OSError):
            if name.startswith(PREFIX) and time.time() - os.lstat(path).st_mtime > OLD:
                shutil.rmtree(path)


@contextlib.contextmanager
def unpacked():
    """The job's folder, which nobody but this user can read; it is needed until Ray has its own copy."""
    where = place or tempfile.gettempdir()
    sweep(where)
    os.umask(0o077)
    work = tempfile.mkdtemp(prefix=PREFIX, dir=where)
    # Ray's client packs the folder once more
    tempfile.tempdir = work
    try:
        job = os.path.join(work, "job")
        os.mkdir(job)
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as tar:
            # the operator's own archive, of which Python 3.14 would refuse links to elsewhere
            tar.extraction_filter = lambda member, path: member
            tar.extractall(job)
        yield job
    finally:
        tempfile.tempdir = None
        shutil.rmtree(work, ignore_errors=True)


class Output:
    """What a job writes, each character shown once however often it is followed."""

    def __init__(self, client, job):
        self.client, self.job, self.shown = client, job, 0

    async def follow(self):
        at = 0
        async for text in self.client.tail_job_logs(self.job):
            say(text[max(self.shown - at, 0) :])
            at += len(text)
            self.shown = max(self.shown, at)

    def caught_up(self):
        """Shows what is missing of a job that is over; False where a whole log at once is too much to ask for."""
        if self.shown > MUCH:
            return False
        say(self.client.get_job_logs(self.job)[self.shown :])
        return True


def settle(client, job, whole):
    """The job's last status, when all its output is shown.

    :param whole: this Ray's own following ends behind the last line.
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
            # a connection that broke is not the job's end
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

    # its word of each connection that ends in order
    logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
    # Ray hands the line to a shell
    line = subprocess.list2cmdline(words) if os.name == "nt" else " ".join(map(shlex.quote, words))
    client = JobSubmissionClient(address)
    with unpacked() if folder else contextlib.nullcontext() as source:
        job = client.submit_job(
            entrypoint=line,
            runtime_env={"working_dir": source} if source else None,
            metadata={"rayfab_user": user} if user else None,
        )
    say(f"job {job} submitted\n")
    if not wait:
        return 0
    if hasattr(select, "poll"):
        threading.Thread(target=end_with_reader, daemon=True).start()
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
