"""What a job of Ray writes, followed until it ends, and the lines that tell of it: a part of ``submit.py``.

A line of the program itself begins with MARK, wherever it comes in the job's output.
"""

import asyncio
import contextlib
import os
import re
import select
import sys
import time

MARK = "\x01"
AWAY = 15.0  # seconds without an answer after which it is reported
# Seconds for which a job must be unknown to be gone: a head that starts may not have read its state.
SURE = 6.0
PERHAPS = 40.0  # the same for a job that may be on its way
MUCH = 16 << 20  # characters


def say(text):
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # the connection is lost; the job continues without it
        os._exit(1)


def tell(text):
    """A line of this program itself."""
    say(f"{MARK}{text}\n")


def end_with_reader():
    """Ends this process when nobody reads its output: while a job is silent, only polling the pipe shows that."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    pipe.poll()
    os._exit(1)


class Output:
    """A job's output. Each character is shown once, even if the log is followed several times.

    :param lines: so many were shown by an earlier program.
    """

    def __init__(self, client, job, lines=0):
        self.client, self.job, self.shown, self.lines = client, job, 0, lines

    def show(self, text):
        while self.lines and text:
            _, end, text = text.partition("\n")
            self.lines -= bool(end)
        say(text)

    async def follow(self):
        at = 0
        async for text in self.client.tail_job_logs(self.job):
            self.show(text[max(self.shown - at, 0) :])
            at += len(text)
            self.shown = max(self.shown, at)

    def caught_up(self):
        """Shows the rest of an ended job's output; False if the log is too large to be read at once."""
        if self.shown > MUCH:
            return False
        self.show(self.client.get_job_logs(self.job)[self.shown :])
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
                    tell(line.strip())


class Gone(Exception):
    """Ray does not know the job."""


def settle(client, job, whole, patience, lines=0, sure=True):
    """The job's last status, when all its output is shown.

    :param whole: this version of Ray follows a log to its last line.
    :param patience: seconds without an answer of the job server.
    :param lines: so many of its output were shown before.
    :param sure: it was submitted.
    :raises Gone: Ray does not know it.
    """
    output, heard, unknown, told = Output(client, job, lines), time.time(), None, False
    while True:
        before = output.shown
        try:
            over = client.get_job_status(job).is_terminal()
            if told:
                tell("the job server answers again")
            unknown, told = None, False
            asyncio.run(output.follow())
            status = client.get_job_status(job)
            if status.is_terminal() and (over or whole or output.caught_up()):
                return status
        except Exception as error:
            # a lost connection doesn't mean that the job has ended
            now = time.time()
            if output.shown > before:
                heard = now
            if "does not exist" in str(error):
                heard, unknown = now, unknown or now
                if now - unknown > (SURE if sure else PERHAPS):
                    raise Gone() from None
            elif now - heard > patience:
                raise
            elif now - heard > AWAY and not told:
                told = True
                tell(f"the job server does not answer; it is asked for {patience / 60:.0f} min")
            time.sleep(1)
            continue
        heard = time.time()
        time.sleep(0.2)
