"""Runs on the head, in the cluster's own Python (3.7 and later): one job of Ray's job server, with its output.

In older versions (2.7, 2.30; not 2.49), `ray job submit` may lose a job's last lines, and reports a job as done when
only the connection to its output was lost.

argv: what to do, as JSON; the folder in which the job's folder is unpacked, '' for the temporary one; 'folder' if an
archive of the job's folder is on standard input, else ''; 'env' if a line with its variables, as JSON, comes before
that; the folder of the journal of jobs; the job's arguments.

What to do: {"do", "address", "job"}, and for "submit": "wait", "user", "needs" (arguments of submit_job); for "follow":
"shown", the lines of its output that were shown before, and "sure", whether it was certainly submitted; "stop" ends it.
A line of this program itself begins with a mark, wherever it comes in the job's output.
"""

import contextlib
import inspect
import json
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
import urllib.parse

from tasks.node.drivers.job_output import Gone, end_with_reader, settle, tell, tell_of_set_up

spec = json.loads(sys.argv[1])
place, folder, variables, journal = sys.argv[2:6]
arguments = sys.argv[6:]
address, job_id = spec["address"], spec["job"]
PATIENCE = spec.get("patience", 600.0)  # seconds without an answer of the job server
PREFIX = "rayfab-job-"
OLD = 86400.0  # seconds; a folder is used for a few seconds only, so an older one is left over


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


def note(line):
    """Writes the job into the journal, which its keeper may do 10 s later. Files of the same form: journal.py."""
    path = os.path.join(journal, urllib.parse.quote(job_id, safe="")[:200] + ".json")
    entry = {"id": job_id, "status": "PENDING", "entrypoint": line[:600], "user": spec["user"]}
    entry.update(start=time.time(), end=None, message="", exit=None, node="")
    # one that is there is the keeper's, which is newer; there may be no journal
    with contextlib.suppress(OSError), open(path, "x", encoding="utf-8") as file:
        file.write(json.dumps(entry, sort_keys=True) + "\n")


def submit(client):
    # Ray passes the line to a shell
    line = subprocess.list2cmdline(arguments) if os.name == "nt" else " ".join(map(shlex.quote, arguments))
    env = json.loads(sys.stdin.buffer.readline().decode()) if variables else {}
    needs = spec["needs"]
    lacking = [name for name in needs if name not in inspect.signature(client.submit_job).parameters]
    if lacking:
        import ray

        what = lacking[0].replace("entrypoint_", "").replace("_", " ")
        raise ValueError(f"Ray {ray.__version__} takes no {what} for the entry point of a job")
    with unpacked() if folder else contextlib.nullcontext() as source:
        runtime_env = {**({"working_dir": source} if source else {}), **({"env_vars": env} if env else {})}
        client.submit_job(
            entrypoint=line,
            runtime_env=runtime_env or None,
            metadata={"rayfab_user": spec["user"]} if spec["user"] else None,
            submission_id=job_id,
            **needs,
        )
    note(line)
    tell(f"job {job_id} submitted")


def stop(client):
    """Whether it has ended."""
    try:
        client.stop_job(job_id)
        begun = time.time()
        while not client.get_job_status(job_id).is_terminal():
            # one that waits for resources is stopped when it gets them
            if time.time() - begun > (10 if client.get_job_status(job_id) == "PENDING" else 60):
                break
            time.sleep(0.5)
        info = client.get_job_info(job_id)
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
        tell(f"job {job_id}: gone")
        return 1
    ended = info.status.is_terminal()
    tell(f"job {job_id}: {info.status.value.lower()}")
    return 0 if ended else 1


def main():
    import logging

    import ray
    from ray.job_submission import JobStatus, JobSubmissionClient

    # the message that Ray logs for each connection that was closed in order
    logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)
    client = connected(JobSubmissionClient)
    if spec["do"] == "stop":
        return stop(client)
    if spec["do"] == "submit":
        submit(client)
        if not spec["wait"]:
            return 0
    else:
        tell(f"job {job_id} followed")
    if hasattr(select, "poll"):
        threading.Thread(target=end_with_reader, daemon=True).start()
    threading.Thread(target=tell_of_set_up, args=(client, job_id), daemon=True).start()
    whole = tuple(map(int, ray.__version__.split(".")[:2])) >= (2, 49)
    try:
        status = settle(client, job_id, whole, PATIENCE, spec.get("shown", 0), spec.get("sure", True))
    except Gone:
        tell(f"job {job_id}: gone")
        return 1
    if status == JobStatus.SUCCEEDED:
        tell(f"job {job_id} succeeded")
        return 0
    # the last lines of its output were shown
    message = (client.get_job_info(job_id).message or "no reason given").partition(", last available logs")[0]
    tell(f"job {job_id}: {status.value.lower()}: {message}")
    return 1


def connected(client):
    """Ray's client, which asks the server at once; who follows waits for one that starts."""
    end = time.time() + (PATIENCE if spec["do"] == "follow" else 0)
    while True:
        try:
            return client(address)
        except Exception:
            if time.time() > end:
                raise
            time.sleep(1)


for name in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), lambda *_: sys.exit(1))
try:
    code = main()
except Exception as error:
    tell(f"{type(error).__name__}: {error}")
    code = 3
sys.exit(code)
