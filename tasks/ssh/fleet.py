"""Many hosts as one Fabric group."""

from __future__ import annotations

from typing import Any

from fabric import Connection, Group, GroupResult
from fabric.exceptions import GroupException

from tasks.ssh.fanout import fan_out


class Fleet(Group):
    """As Fabric's ThreadingGroup, but at most ``limit`` hosts at a time, and Ctrl-C ends the commands on all hosts.

    What goes wrong on one host leaves the others alone: it is that host's value in the GroupException's result.
    """

    def __init__(self, *connections: Connection, limit: int = 50) -> None:
        """:param limit: how many hosts at a time, as ``ssh.parallel`` in the hosts file."""
        super().__init__()
        self.extend(connections)
        self.limit = limit

    def _do(self, method: str, *args: Any, **kwargs: Any) -> GroupResult:
        """Calls ``method`` of every connection.

        :raises GroupException: it failed on a host or more; ``.result`` has every host's result or exception.
        :raises Interrupted: Ctrl-C. The connections cannot be used any more.
        """
        if method in ("run", "sudo"):
            # The terminal's input cannot be divided among the hosts.
            kwargs.setdefault("in_stream", False)
        outcomes = fan_out(
            self, lambda c: getattr(c, method)(*args, **kwargs), limit=self.limit, on_interrupt=self.cancel
        )
        results = GroupResult({c: o.value if o.ok else o.error for c, o in outcomes.items()})
        if all(outcome.ok for outcome in outcomes.values()):
            return results
        raise GroupException(results)

    def ask(self, *args: Any, **kwargs: Any) -> GroupResult:
        """Runs one script on every host; see :meth:`BaseConnection.ask`."""
        return self._do("ask", *args, **kwargs)

    def carry(self, *args: Any, **kwargs: Any) -> GroupResult:
        """Carries one file to every host; see :meth:`BaseConnection.carry`."""
        return self._do("carry", *args, **kwargs)

    def cancel(self) -> None:
        """Ends all that runs on any host."""
        for connection in self:
            getattr(connection, "cancel", connection.close)()
