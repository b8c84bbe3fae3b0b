"""A job that is followed from here: its output, its end, and a connection that is lost for a while."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.inventory import Secret
from tasks.node.journal import address
from tasks.node.operations import submit_script
from tasks.report.lines import clean
from tasks.run.failures import Stop
from tasks.run.record import GoesOn
from tasks.run.run import Run
from tasks.run.stages import Reached
from tasks.script.script import Script
from tasks.ssh import Answer, Cancelled, RemoteError

TIMEOUT = 7 * 86400.0
PATIENCE = 600.0  # seconds without a connection
PAUSE = 3.0  # seconds between two tries to connect
STOP_TIMEOUT = 120.0
OWN_FAULT = 3  # status of a driver that has failed by itself, and not with its host
MARK = "\x01"  # before a line of the driver itself
WAY_OUT = "fab logs --component dashboard,driver says what the job server did"
OVER = ("succeeded", "failed", "stopped")
GONE = "job {} is gone: the head has restarted without its state"


@dataclass(frozen=True)
class Asked:
    """A job as it was asked for.

    :param arguments: its program with the arguments.
    :param folder: goes along; None: the current one, where the command names something in it.
    :param needs: what its entry point needs, as arguments of ``submit_job`` of Ray's client.
    :param env: its environment variables.
    """

    arguments: Sequence[str]
    folder: Path | None = None
    needs: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, Secret] = field(default_factory=dict)


class Job:
    """One job of the head's job server.

    :param sure: it was certainly submitted.
    :ivar end: succeeded, failed or stopped; gone where Ray does not know it; '' while it is not known.
    """

    def __init__(self, run: Run, head: Reached, id_: str, *, sure: bool = False) -> None:
        self.run, self.head, self.id, self.sure = run, head, id_, sure
        self.end = ""
        self.shown = 0  # lines of its output
        self._blank = False
        self._lost: float | None = None
        self._note = re.compile(rf"job {re.escape(id_)}(?: (submitted|succeeded|followed)|: (\w+))(?:: .*)?")

    def spec(self, do: str, **more: Any) -> dict[str, Any]:
        """What the driver is asked to do."""
        return {"do": do, "address": address(self.head.host), "job": self.id, **more}

    def script(self, spec: Mapping[str, Any], **more: Any) -> Script:
        return submit_script(self.head.host, self.run.cluster.name, spec, sudo=self.head.sudo, **more)

    def goes_on(self) -> GoesOn:
        """What is said of it where this command ends before it."""
        stop = (f"jobs stop {self.id}", "stop it")
        if not self.sure:
            return GoesOn(f"job {self.id} may have been submitted", (("jobs", "whether it is there"), stop))
        follow = (f"jobs logs {self.id} --follow", "its output")
        return GoesOn(f"job {self.id} goes on on the cluster", (follow, stop))

    def follow(self, script: Script | None = None, **secrets: Secret | None) -> Answer | None:
        """Shows the job's output until it ends; a lost connection is made again.

        :param script: what submits it; None: it is there.
        :returns: the answer to that script, if it ended without the job's end.
        :raises Stop: the job's end is not known.
        """
        self.run.record.goes_on = self.goes_on()
        first = script is not None
        while True:
            spec = self.spec("follow", shown=self.shown, sure=self.sure)
            try:
                answer = self._asked(script if first else self.script(spec), **(secrets if first else {}))
                problem = answer.error or "what follows the job on the head has ended"
            except Cancelled:
                raise
            except RemoteError as error:
                answer, problem = None, str(error)
            if self.end:
                self.run.record.goes_on = None
                return None
            if answer and (answer.status == OWN_FAULT or (first and not self.sure) or answer.status == 0):
                if first and (answer.status == 0 or not self.sure):
                    return answer
                raise Stop(f"the end of job {self.id} is not known", WAY_OUT)
            first = False
            self._wait(problem)

    def stop(self) -> bool:
        """Stops the job; whether it has ended, or is not there."""
        self.end = ""
        self._asked(self.script(self.spec("stop")), timeout=STOP_TIMEOUT)
        if self.end:
            self.run.record.goes_on = None
        return bool(self.end)

    def say_end(self) -> None:
        """:raises Stop: it has not succeeded."""
        if self.end == "gone" and not self.sure:
            raise Stop("no job was submitted: the connection broke before", "fab submit submits it")
        if self.end == "gone":
            raise Stop(GONE.format(self.id), f"fab jobs logs {self.id} shows its log")
        if self.end != "succeeded":
            raise Stop("the job did not succeed", "see its output above")

    def interrupted(self, ends: Callable[[], bool] | None) -> None:
        """After Ctrl-C: asks where somebody can be asked, and stops the job if that is the answer."""
        self.head.connection.close()
        if self.end or ends is None or not ends():
            return
        try:
            if self.stop():
                self.run.did(self.head, f"job {self.id} {self.end}")
        except RemoteError as error:
            self.run.console.bad(str(error), error.hint)

    def _asked(self, script: Script, timeout: float = TIMEOUT, **secrets: Secret | None) -> Answer:
        self._blank = False
        return self.run.try_ask(self.head, script, timeout=timeout, on_line=self._line, **secrets)

    def _line(self, line: str) -> None:
        if self.run.console.gone:
            what = f"the job {self.id} goes on" if self.sure else "the job may have been submitted"
            raise Stop("the output is no longer read", what)
        # a script ends with an empty line of its own
        blank, self._blank = self._blank, not line
        if blank:
            print(flush=True)
            self.shown += 1
        if not line:
            return
        before, mark, note = line.partition(MARK)
        if before or not mark:
            print(before if sys.stdout.isatty() else clean(before), flush=True)
        if not mark:
            self.shown += 1
        elif found := self._note.fullmatch(note):
            self._learn(found[1] or found[2], clean(note))
        else:
            print(clean(note), flush=True)

    def _learn(self, what: str, said: str) -> None:
        if what == "followed":
            if self._lost is not None:
                self.run.console.ok(f"job {self.id} is followed again")
            self._lost = None
            return
        if what == "submitted":
            self.sure = True
            self.run.record.goes_on = self.goes_on()
        if what in OVER or what == "gone":
            self.end = what
        if what != "gone":
            print(said, flush=True)

    def _wait(self, problem: str) -> None:
        """Before another try. :raises Stop: there were enough of them."""
        now = time.monotonic()
        if self._lost is None:
            self._lost = now
            minutes = f"{PATIENCE / 60:g} min"
            self.run.console.note(f"{problem}: tried again for {minutes}; Ctrl-C ends the waiting")
        if now - self._lost > PATIENCE:
            raise Stop(
                f"{problem}, and did so for {PATIENCE / 60:g} min",
                "a second fab submit would be a second job: look at this one first",
            )
        time.sleep(PAUSE)
        self.head.connection.close()
