"""Many hosts as one Fabric group."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Collection, Iterator
from typing import Any, TextIO

from fabric import Connection, Group, GroupResult
from fabric.exceptions import GroupException
from invoke.runners import normalize_hide

from tasks.ssh.fanout import fan_out


class Fleet(Group):
    """Like Fabric's ThreadingGroup, but with a limit, labelled output, and a Ctrl-C that ends everything.

    A failure on one host does not affect the others: it is that host's value in the GroupException's result.
    """

    def __init__(self, *connections: Connection, limit: int = 50) -> None:
        """:param limit: at most so many hosts at a time, like ``ssh.parallel`` in the hosts file."""
        super().__init__()
        self.extend(connections)
        self.limit = limit

    def _do(self, method: str, *args: Any, **kwargs: Any) -> GroupResult:
        """Calls ``method`` on every connection.

        :raises GroupException: it failed on at least one host; ``.result`` has every host's result or exception.
        :raises Interrupted: Ctrl-C. The connections cannot be used any more.
        """
        shows_output = method in ("run", "sudo")
        width = max((len(_name(c)) for c in self), default=0)

        def one(connection: Connection) -> Any:
            call = getattr(connection, method)
            if not shows_output:
                return call(*args, **kwargs)
            hidden = normalize_hide(kwargs.get("hide", connection.config.run.hide))
            with labelled(_name(connection).ljust(width), hidden) as streams:
                # in_stream: the terminal's input cannot be divided among the hosts
                return call(*args, **{"in_stream": False, **streams, **kwargs})

        outcomes = fan_out(self, one, limit=self.limit, on_interrupt=self.cancel)
        results = GroupResult({c: o.value if o.ok else o.error for c, o in outcomes.items()})
        if all(outcome.ok for outcome in outcomes.values()):
            return results
        raise GroupException(results)

    def ask(self, *args: Any, **kwargs: Any) -> GroupResult:
        """Runs one script on every host; see :meth:`tasks.ssh.base.BaseConnection.ask`."""
        return self._do("ask", *args, **kwargs)

    def carry(self, *args: Any, **kwargs: Any) -> GroupResult:
        """Copies one file to every host; see :meth:`tasks.ssh.base.BaseConnection.carry`."""
        return self._do("carry", *args, **kwargs)

    def cancel(self) -> None:
        """Ends everything that runs on any host."""
        for connection in self:
            getattr(connection, "cancel", connection.close)()


def _name(connection: Connection) -> str:
    return getattr(connection, "name", connection.host)


class Labelled(io.TextIOBase):
    """Writes whole lines only, each after a label, so that the mixed output of many hosts can be read."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label, self._rest = stream, label, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._stream.write(f"{self._label} {line}\n")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def finish(self) -> None:
        """Writes the last line, if it had no newline."""
        if self._rest:
            self.write("\n")
            self.flush()


@contextlib.contextmanager
def labelled(label: str, hidden: Collection[str]) -> Iterator[dict[str, Labelled]]:
    """Invoke's arguments ``out_stream`` and ``err_stream`` for one host.

    :param hidden: ``stdout``, ``stderr``; Invoke shows a stream that is passed to it even if ``hide`` names it.
    """
    streams = {}
    if "stdout" not in hidden:
        streams["out_stream"] = Labelled(sys.stdout, label)
    if "stderr" not in hidden:
        streams["err_stream"] = Labelled(sys.stderr, label)
    try:
        yield streams
    finally:
        for stream in streams.values():
            stream.finish()
