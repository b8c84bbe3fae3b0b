"""What the phases of one operation share: the nodes, what is known of them, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tasks.inventory import Cluster, Host, Secret, SecretUnavailable
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts
from tasks.node.subject import Subject
from tasks.plan.changes import Change
from tasks.report.console import Board, Console
from tasks.report.lines import clean
from tasks.runtimes.packages.bundle import Bundle
from tasks.script.script import Script
from tasks.ssh import Answer, BaseConnection, RemoteError, Settings, Unfinished, fan_out

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """Why a host is out of the run, the way out, and the lines of a log that say it."""

    message: str
    hint: str = ""
    log: tuple[str, ...] = ()


class HostFailed(Exception):
    """A step did not succeed on a host."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Stop(Exception):
    """The operation cannot go on. :param code: exit status as in the contract."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint, self.code = hint, code


@dataclass(eq=False)
class Node:
    """One host during one run."""

    host: Host
    password: Secret | None = None
    sudo_password: Secret | None = None
    registry_password: Secret | None = None
    connection: BaseConnection | None = None
    facts: Facts | None = None
    lock_text: str = ""
    image_versions: tuple[str, str, str] | None = None  # ray, python, uid:gid
    versions: Versions | None = None
    desired: Desired | None = None
    change: Change | None = None
    failure: Failure | None = None
    ray_node: dict[str, Any] | None = None
    did: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def is_head(self) -> bool:
        return self.host.role == "head"

    @property
    def subject(self) -> Subject:
        assert self.facts is not None
        return Subject(self.host, self.facts)

    @property
    def sudo(self) -> bool:
        """Whether a sudo password goes along with scripts."""
        return self.sudo_password is not None

    def text_of(self, script: Script) -> str:
        """The script in the language of this host's system; of a host that was not reached, in sh."""
        return self.connection.text_of(script) if self.connection is not None else script.text

    def secrets(self, **more: Secret | None) -> dict[str, Secret]:
        """The secrets that a script on this host may need."""
        found = {"RF_SUDO": self.sudo_password, **more}
        return {name: secret for name, secret in found.items() if secret is not None}


def refuse(lines: Sequence[str], question: str) -> None:
    """Where nobody has been given a way to agree."""
    raise Stop(
        f"{question}: there is no terminal to ask on, and nothing was changed",
        "the same command with --yes",
        2,
    )


@dataclass
class Run:
    """One operation under way."""

    cluster: Cluster
    console: Console
    nodes: list[Node]
    settings: Settings
    what: str
    dry_run: bool = False
    debug: bool = False
    limit: frozenset[str] | None = None
    holder: str = ""
    user: str = ""  # name@machine of the person
    locked: bool = False
    changing: bool = False
    needs_head: bool = True  # whether anything can be done while the head is away
    token: Secret | None = None
    token_is_new: bool = False
    request: str = ""
    head_address: str = ""
    table: list[dict[str, Any]] = field(default_factory=list)
    runtime: dict[str, str] = field(default_factory=dict)
    upgrade: bool = False  # resolve anew, whatever was locked
    bundle_path: str | None = None
    bundle: Bundle | None = None
    purge: bool = False  # remove what other clusters of this project could use too
    agree: Callable[[Sequence[str], str], None] = refuse  # raises Stop unless what the lines say may be done
    agreed: frozenset[str] = frozenset()  # hosts whose nodes may be stopped
    ends: tuple[str, ...] = ()  # what running work that ends, a line each
    left_out: list[Node] = field(default_factory=list)  # hosts that this run does not touch after all

    @property
    def head(self) -> Node:
        return next(n for n in self.nodes if n.is_head)

    @property
    def workers(self) -> list[Node]:
        return [n for n in self.nodes if not n.is_head]

    @property
    def living(self) -> list[Node]:
        """Nodes that nothing has gone wrong with."""
        return [n for n in self.nodes if n.failure is None]

    @property
    def failed(self) -> list[Node]:
        return [n for n in self.nodes if n.failure is not None]

    @property
    def chosen(self) -> list[Node]:
        """Living nodes that --limit lets this run change."""
        return [n for n in self.living if self.limit is None or n.name in self.limit]

    def leave_out(self, nodes: Sequence[Node]) -> None:
        """Takes hosts out of the run; tables still show them."""
        for node in nodes:
            self.nodes.remove(node)
            self.left_out.append(node)

    def fail(self, node: Node, failure: Failure) -> None:
        node.failure = node.failure or failure

    def each(self, title: str, nodes: Sequence[Node], work: Callable[[Node, Board], T]) -> Mapping[Node, T]:
        """``work`` on every node at once; a node whose work raises is failed, the others go on.

        :returns: the values of the nodes that succeeded.
        """
        if not nodes:
            return {}

        def one(node: Node) -> T:
            try:
                return work(node, board)
            finally:
                board.done(node.name)

        with self.console.phase(title, len(nodes)) as board:
            outcomes = fan_out(list(nodes), one, limit=self.cluster.parallel, on_interrupt=self.cancel)
        good: dict[Node, T] = {}
        for node, outcome in outcomes.items():
            if outcome.error is None:
                good[node] = outcome.value
            else:
                self.fail(node, failure_of(outcome.error))
                board.fail(node.name, node.failure.message, node.failure.hint)
        count = "1 host" if len(nodes) == 1 else f"{len(nodes)} hosts"
        if len(good) == len(nodes):
            self.console.ok(title, f"{count}, {board.seconds:.1f} s")
        else:
            self.console.bad(f"{title}  {len(good)} of {count}, {board.seconds:.1f} s")
        return good

    def ask(
        self, node: Node, script: Script, board: Board | None, *, timeout: float, **secrets: Secret | None
    ) -> Answer:
        """Runs a script on a node; a script that says no raises HostFailed."""
        try:
            answer = self.try_ask(node, script, board, timeout=timeout, **secrets)
        except Unfinished as error:
            answer = error.answer
        if not answer.ok:
            log = tuple(answer.texts.get("log", ()))
            # a host's words are shown, but do not steer the terminal
            raise HostFailed(Failure(clean(answer.error or "the script failed"), clean(answer.hint), log))
        return answer

    def try_ask(
        self, node: Node, script: Script, board: Board | None, *, timeout: float, **secrets: Secret | None
    ) -> Answer:
        """As :meth:`ask`, but a script that says no is an answer too."""
        assert node.connection is not None
        # a host's words are shown, but do not steer the terminal
        on_step = (lambda text: board.step(node.name, clean(text))) if board else None
        if board:
            board.step(node.name, script.title)
        return node.connection.ask(script, secrets=node.secrets(**secrets), timeout=timeout, on_step=on_step)

    def cancel(self) -> None:
        """Ends every script under way; used when the person interrupts."""
        for node in self.nodes:
            if node.connection is not None:
                node.connection.cancel()


def failure_of(error: BaseException) -> Failure:
    """Any exception of a host's work -> one line and a way out; never a traceback."""
    if isinstance(error, HostFailed):
        return error.failure
    if isinstance(error, (RemoteError, Stop)):
        return Failure(str(error), error.hint)
    if isinstance(error, SecretUnavailable):
        return Failure(str(error), "run it again, or name another source for it in the hosts file")
    return Failure(f"unexpected: {type(error).__name__}: {error}", "please report this; --debug shows more")
