"""Why a host has failed, and why an operation ends early."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.inventory import SecretUnavailable
from tasks.ssh import RemoteError

# Every failure in the sources names its own; this one stands for what a host leaves open.
WAY_OUT = "--debug shows each script and what the host answered"


@dataclass(frozen=True)
class Failure:
    """Why a host has failed, how to fix it, and the log lines that explain it."""

    message: str
    hint: str = ""
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.hint.strip():
            object.__setattr__(self, "hint", WAY_OUT)


class HostFailed(Exception):
    """A step failed on a host."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Stop(Exception):
    """The operation cannot continue.

    :param code: the exit status: 1 a host failed, 2 wrong command line or hosts file, 3 locked.
    """

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint, self.code = hint.strip() or WAY_OUT, code


class DryRunViolation(Exception):
    """A step of a dry run tried to change a host. This is a bug in this program."""


def failure_of(error: BaseException) -> Failure:
    """Any exception from work on a host as one line and its fix; never a traceback."""
    if isinstance(error, HostFailed):
        return error.failure
    if isinstance(error, (RemoteError, Stop)):
        return Failure(str(error), error.hint)
    if isinstance(error, SecretUnavailable):
        return Failure(str(error), "give it once more, or name another source for it in the hosts file")
    return Failure(f"unexpected: {type(error).__name__}: {error}", "please report this; --debug shows more")
