"""The one way to a host: every script and every file goes through here, and a dry run changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tasks.inventory import Secret
from tasks.report.console import Board, Console
from tasks.report.lines import clean
from tasks.run.failures import DryRunViolation, Failure, HostFailed
from tasks.run.options import Options
from tasks.run.record import Record
from tasks.run.stages import Known, Reached
from tasks.script.script import Effect, Script
from tasks.ssh import Answer, Unfinished


class Door:
    """Runs scripts on hosts and copies files to them, with the options of one run."""

    def __init__(self, console: Console, options: Options) -> None:
        self.console, self.options, self.record = console, options, Record()

    def ask(
        self,
        node: Reached,
        script: Script,
        board: Board | None = None,
        *,
        timeout: float,
        **secrets: Secret | None,
    ) -> Answer:
        """Runs a script on a host.

        :param timeout: seconds for the whole script.
        :raises HostFailed: the script has failed.
        :raises RemoteError: the connection has failed.
        """
        try:
            answer = self.try_ask(node, script, board, timeout=timeout, **secrets)
        except Unfinished as error:
            answer = error.answer
        if not answer.ok:
            log = tuple(answer.texts.get("log", ()))
            raise HostFailed(Failure(clean(answer.error or "the script failed"), clean(answer.hint), log))
        return answer

    def try_ask(
        self,
        node: Reached,
        script: Script,
        board: Board | None = None,
        *,
        timeout: float,
        on_line: Callable[[str], None] | None = None,
        **secrets: Secret | None,
    ) -> Answer:
        """Like :meth:`ask`, but also returns the answer of a script that failed.

        :param on_line: called with each line of output that is not part of the answer.
        :raises Unfinished: the script was interrupted.
        :raises DryRunViolation: the script is not read-only, and this is a dry run. Nothing is sent.
        """
        self._admit(script.effect, script.title)
        # text from a host is shown, but must not control the terminal
        on_step = (lambda text: board.step(node.name, clean(text))) if board else None
        if board:
            board.step(node.name, script.title)
        # a password that sudo has refused is not tried again and again: an account may be locked for that
        refused = isinstance(node, Known) and node.facts.sudo == "refused"
        given = {"RF_SUDO": None if refused else node.passwords.sudo, **secrets}
        return node.connection.ask(
            script,
            secrets={name: secret for name, secret in given.items() if secret is not None},
            timeout=timeout,
            on_step=on_step,
            on_line=on_line,
        )

    def carry(
        self,
        node: Reached,
        source: Path | bytes,
        path: str,
        *,
        mode: int = 0o600,
        on_bytes: Callable[[int, int], None] | None = None,
        timeout: float = 3600.0,
    ) -> None:
        """Copies a file to a host, whole or not at all.

        :param path: absolute, or relative to the home folder.
        :param on_bytes: called with the bytes sent so far and their total.
        :raises DryRunViolation: this is a dry run. Nothing is sent.
        :raises RemoteError: the file could not be copied.
        """
        self._admit(Effect.CHANGES, f"copy {path}")
        node.connection.carry(source, path, mode=mode, on_bytes=on_bytes, timeout=timeout)

    def _admit(self, effect: Effect, title: str) -> None:
        if self.options.dry_run and effect is not Effect.READS:
            raise DryRunViolation(f"a dry run changes nothing, and this could: {title}")
        if effect is Effect.CHANGES:
            self.record.touched = True
