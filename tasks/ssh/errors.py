"""What can go wrong between this machine and a host: each error says what, and its hint the way out."""

from tasks.script.answer import Answer


class RemoteError(Exception):
    """A host could not be reached or used. `str(error)` is one line; `.hint` is the way out, or ''."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigProblem(RemoteError):
    """What was asked for cannot be used: a key file that is not there, a jump host that cannot be read."""


class Unreachable(RemoteError):
    """No SSH server could be spoken to at that address and port."""


class HostKeyProblem(RemoteError):
    """The server's host key is unknown, changed, revoked or wrongly certified; nothing was sent to it."""


class AuthFailed(RemoteError):
    """The server was reached and is the right one, but let nobody in."""


class StepTimeout(RemoteError):
    """A script did not end within its time; `.step` is the last step that it announced."""

    def __init__(self, message: str, hint: str = "", step: str = "") -> None:
        super().__init__(message, hint)
        self.step = step


class Unfinished(RemoteError):
    """A script did not come to its own end; ``.answer`` is what it had answered by then."""

    def __init__(self, message: str, hint: str, answer: Answer) -> None:
        super().__init__(message, hint)
        self.answer = answer


class ConnectionLost(RemoteError):
    """The connection broke, or could not carry another channel."""


class Cancelled(RemoteError):
    """Ended from this side, by `Connection.cancel()` or `close()`."""


class CarryFailed(RemoteError):
    """A file did not arrive whole; what was there before is untouched."""


class PortTaken(RemoteError):
    """This machine cannot listen on a port."""
