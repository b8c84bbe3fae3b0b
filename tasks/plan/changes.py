"""What would change on a host, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks import runtimes
from tasks.node.desired import Desired, version_changes
from tasks.node.subject import Subject

UP_TO_DATE = "up to date"
NO_RAYLET = "its raylet does not run"


@dataclass(frozen=True)
class Change:
    """What has to change on one host; all is empty if the host is up to date.

    :param install: something has to be installed.
    :param start: the node has to be started or restarted.
    :param steps: the changes for people to read, in order, such as ``install Ray``, ``restart``.
    :param why: the reasons, with ``old -> new`` where both are known.
    """

    install: bool
    start: bool
    steps: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return self.install or self.start

    @property
    def what(self) -> str:
        return ", ".join(self.steps) if self.any else UP_TO_DATE

    def __str__(self) -> str:
        return f"{self.what} ({'; '.join(self.why)})" if self.any and self.why else self.what

    def with_restart(self) -> Change:
        """The same change, with a restart in any case."""
        return self if self.start else replace(self, start=True, steps=(*self.steps, "restart"))


NONE = Change(False, False)


def change(subject: Subject, desired: Desired, *, token: str | None, head_restarts: bool = False) -> Change:
    """Compares a host with the node that it should run.

    :param token: fingerprint of the head's token; None where the head has none yet.
    """
    facts, state = subject.facts, subject.state
    steps, why = runtimes.of(subject.host).lacking(subject, desired)
    install = bool(steps)
    reasons: list[str] = []
    start = True
    if not state:
        pass
    elif state.get("hash") != desired.hash:
        reasons = _start_differs(subject, desired)
        if not facts.active:
            reasons.append("not running")
    elif not facts.active:
        reasons = ["not running"]
    elif facts.hold:
        reasons = [str(facts.hold)]
    elif runtimes.of(subject.host).life(facts).dead:
        reasons = [NO_RAYLET]
    elif facts.lost:
        reasons = [f"its files were removed from {facts.lost}"]
    elif desired.token and token is not None and state.get("token") != token:
        reasons = ["the cluster's token has changed"]
    elif head_restarts and desired.role == "worker":
        reasons = ["the head restarts"]
    else:
        # what it was started with is still right: only files of it are missing
        start = install and not runtimes.of(subject.host).repairs_running(subject, desired)
    if start:
        steps.append("restart" if facts.active else "start")
    why += [reason for reason in reasons if reason not in why]
    return Change(install, start, tuple(steps), tuple(why)) if install or start else NONE


def _start_differs(subject: Subject, desired: Desired) -> list[str]:
    """The differences between the last start and the desired one, by name as far as the host recorded them."""
    state = subject.state
    out = version_changes(state, desired)
    if state.get("role") not in (None, desired.role):
        out.append(f"{state['role']} -> {desired.role}")
    if state.get("service") not in (None, desired.kind):
        out.append(f"service {state['service']} -> {desired.kind}")
    return out + runtimes.of(subject.host).differences(state, desired) or ["start command changed"]
