"""A running operation: its hosts at their stages, and work that is done on many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tasks.inventory import Cluster
from tasks.report import events
from tasks.report.console import Board, Console
from tasks.run.door import Door
from tasks.run.failures import Failure, Stop, failure_of
from tasks.run.options import Options
from tasks.run.record import Learned
from tasks.run.stages import Listed, Reached, Stage
from tasks.ssh import BaseConnection, Settings, fan_out
from tasks.text.wording import counted

T = TypeVar("T")


class Run(Door):
    """The hosts of one operation.

    :param nodes: all hosts that it reads; with ``--limit`` it may change only some of them.
    """

    def __init__(
        self,
        cluster: Cluster,
        console: Console,
        nodes: Iterable[Listed],
        settings: Settings,
        options: Options,
    ) -> None:
        super().__init__(console, options)
        self.cluster, self.settings = cluster, settings
        self.learned = Learned()
        self._nodes = {node.name: node for node in nodes}
        self._helpers: list[BaseConnection] = []

    def every(self, stage: type[Stage] = Listed) -> list[Stage]:
        """The hosts that have reached this stage, including failed ones, in the order of the hosts file."""
        return [node for node in self._nodes.values() if isinstance(node, stage)]

    def living(self, stage: type[Stage] = Listed) -> list[Stage]:
        """The hosts that have reached this stage and have not failed."""
        return [node for node in self.every(stage) if node.name not in self.record.failures]

    def chosen(self, stage: type[Stage] = Listed) -> list[Stage]:
        """The hosts of :meth:`living` that ``--limit`` allows this run to change."""
        return [node for node in self.living(stage) if self.may_change(node)]

    def may_change(self, node: Listed) -> bool:
        """Whether ``--limit`` includes this host."""
        return self.options.limit is None or node.name in self.options.limit

    def head(self, stage: type[Stage] = Listed) -> Stage:
        """The head.

        :raises Stop: it has not reached this stage.
        """
        head = next(node for node in self._nodes.values() if node.is_head)
        if isinstance(head, stage):
            return head
        failure = self.failure(head)
        raise Stop(
            "the head is needed for everything else, and it failed",
            failure.hint if failure else "fab check says what it lacks",
        )

    def workers(self, stage: type[Stage] = Listed) -> list[Stage]:
        """The workers that have reached this stage, including failed ones."""
        return [node for node in self.every(stage) if not node.is_head]

    def now(self, node: Stage) -> Stage:
        """The same host at its current stage."""
        return self._nodes[node.name]

    def put(self, node: Listed) -> None:
        """Replaces what is known about this host."""
        self._nodes[node.name] = node

    def leave_out(self, nodes: Sequence[Listed]) -> None:
        """Takes hosts out of the run; tables still show them."""
        for node in nodes:
            del self._nodes[node.name]
            self.record.left_out.append(node)

    def fail(self, node: Listed, failure: Failure) -> None:
        """Marks a host as failed; later steps leave it out. Only its first failure is reported."""
        self.record.failures.setdefault(node.name, failure)

    def failure(self, node: Listed) -> Failure | None:
        return self.record.failures.get(node.name)

    def forgive(self, node: Listed) -> None:
        """Removes the host's failure."""
        del self.record.failures[node.name]

    @property
    def failed(self) -> list[Listed]:
        nodes = [*self._nodes.values(), *self.record.gone]
        return [node for node in nodes if node.name in self.record.failures]

    def did(self, node: Listed, what: str) -> None:
        """Records what was done on a host, such as ``started``."""
        self.record.done.setdefault(node.name, []).append(what)

    def done(self, node: Listed) -> Sequence[str]:
        """What was done on a host, in order."""
        return self.record.done.get(node.name, ())

    def each(
        self, title: str, nodes: Sequence[Stage], work: Callable[[Stage, Board], T], *, together: bool = False
    ) -> Mapping[Stage, T]:
        """Runs ``work`` on all hosts at once. If it raises, that host has failed; the others continue.

        :param together: the hosts wait for each other, so none may wait for its turn.
        :returns: the values of the hosts that succeeded.
        """
        if not nodes:
            return {}

        def one(node: Stage) -> T:
            events.emit("host_begun", step=title, host=node.name)
            began, error = board.seconds, None
            try:
                return work(node, board)
            except BaseException as raised:
                why = failure_of(raised)
                error = {"message": why.message, "hint": why.hint}
                raise
            finally:
                board.done(node.name)
                took = round(board.seconds - began, 1)
                events.emit("host_ended", step=title, host=node.name, seconds=took, error=error)

        events.emit("step_begun", step=title, hosts=[node.name for node in nodes])
        with self.console.phase(title, len(nodes)) as board:
            limit = len(nodes) if together else self.cluster.parallel
            outcomes = fan_out(list(nodes), one, limit=limit, on_interrupt=self.cancel)
        good: dict[Stage, T] = {}
        for node, outcome in outcomes.items():
            if outcome.error is None:
                good[node] = outcome.value
            else:
                self.fail(node, failure_of(outcome.error))
                failure = self.record.failures[node.name]
                board.fail(node.name, failure.message, failure.hint)
        failed = [node.name for node in nodes if node not in good]
        events.emit("step_ended", step=title, failed=failed, seconds=round(board.seconds, 1))
        count = counted(len(nodes), "host")
        if len(good) == len(nodes):
            self.console.ok(title, f"{count}, {board.seconds:.1f} s")
        else:
            self.console.bad(f"{title}  {len(good)} of {count}, {board.seconds:.1f} s")
        return good

    def grow(self, title: str, nodes: Sequence[Stage], work: Callable[[Stage, Board], Listed]) -> None:
        """Like :meth:`each`; the work returns the host at its next stage."""
        for node in self.each(title, nodes, work).values():
            self.put(node)

    def cancel(self) -> None:
        """Ends every running script, after Ctrl-C."""
        for connection in [*self._helpers, *(node.connection for node in self.every(Reached))]:
            connection.cancel()

    @contextmanager
    def helping(self, connection: BaseConnection) -> Iterator[None]:
        """A context in which :meth:`cancel` also ends what runs through this connection; then it is closed."""
        self._helpers.append(connection)
        try:
            yield
        finally:
            self._helpers.remove(connection)
            connection.close()

    def close(self) -> None:
        """Closes every connection."""
        for node in [*self.every(Reached), *self.record.left_out, *self.record.gone]:
            if isinstance(node, Reached):
                node.connection.close()
        self.settings.close()
