"""What can go wrong between this machine and a host. Each error has a message, and a hint how to fix it."""

from tasks.script.answer import Answer


class RemoteError(Exception):
    """A host could not be reached or used. `str(error)` is one line; `.hint` says how to fix it, or is ''."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigProblem(RemoteError):
    """A setting cannot be used: a missing key file, an address that cannot be read, a password that nobody gave."""


class Unreachable(RemoteError):
    """No SSH server answered at that address and port."""


class HostKeyProblem(RemoteError):
    """The server's host key is unknown, changed, revoked or wrongly certified; nothing was sent to it."""


class AuthFailed(RemoteError):
    """The server was reached and its host key is right, but no login succeeded.

    :ivar allowed: the methods that the server allows.
    """

    def __init__(self, message: str, hint: str = "", allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.allowed = allowed


class StepTimeout(RemoteError):
    """A script took longer than its timeout; `.step` is the last step that it reported."""

    def __init__(self, message: str, hint: str = "", step: str = "") -> None:
        super().__init__(message, hint)
        self.step = step


class Unfinished(RemoteError):
    """A script was interrupted; ``.answer`` is what it had answered by then."""

    def __init__(self, message: str, hint: str, answer: Answer) -> None:
        super().__init__(message, hint)
        self.answer = answer


class ConnectionLost(RemoteError):
    """The connection broke, or the server refused another channel."""


class Cancelled(RemoteError):
    """Ended on purpose, by `Connection.cancel()` or `close()`."""


class CarryFailed(RemoteError):
    """A file was not copied completely; the old file is unchanged."""


class PortTaken(RemoteError):
    """This machine cannot listen on a port."""
