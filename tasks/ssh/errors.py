"""What can go wrong between this machine and a host. Each error has a message, and a hint how to fix it."""

from tasks.script.answer import Answer


class RemoteError(Exception):
    """A host could not be reached or used. `str(error)` is one line; `.hint` says how to fix it.

    :cvar WAY_OUT: the hint of an error that has none of its own.
    """

    WAY_OUT = "--debug shows each script and what the host answered"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint.strip() or self.WAY_OUT


class ConfigProblem(RemoteError):
    """A setting cannot be used: a missing key file, an address that cannot be read, a password that nobody gave."""

    WAY_OUT = "correct it there; ssh -G HOST shows what ssh itself reads"


class Unreachable(RemoteError):
    """No SSH server answered at that address and port."""

    WAY_OUT = "ssh -v to the same address shows where it ends; the log of its sshd has the reason"


class HostKeyProblem(RemoteError):
    """The server's host key is unknown, changed, revoked or wrongly certified; nothing was sent to it."""

    WAY_OUT = "compare it with that of the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"


class AuthFailed(RemoteError):
    """The server was reached and its host key is right, but no login succeeded.

    :ivar allowed: the methods that the server allows.
    """

    def __init__(self, message: str, hint: str = "", allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.allowed = allowed

    WAY_OUT = "ssh -v with the same user shows what the server refuses"


class StepTimeout(RemoteError):
    """A script took longer than its timeout; `.step` is the last step that it reported."""

    WAY_OUT = "look what keeps the host busy: uptime; df -h; ps -ef. Finished work is kept"

    def __init__(self, message: str, hint: str = "", step: str = "") -> None:
        super().__init__(message, hint)
        self.step = step


class Unfinished(RemoteError):
    """A script was interrupted; ``.answer`` is what it had answered by then."""

    WAY_OUT = "something ended it there: too little memory? dmesg | tail on that host says so"

    def __init__(self, message: str, hint: str, answer: Answer) -> None:
        super().__init__(message, hint)
        self.answer = answer


class ConnectionLost(RemoteError):
    """The connection broke, or the server refused another channel."""

    WAY_OUT = "did the host restart, or the network fail? finished work is kept"


class Cancelled(RemoteError):
    """Ended on purpose, by `Connection.cancel()` or `close()`."""

    WAY_OUT = "it was ended from this side"


class CarryFailed(RemoteError):
    """A file was not copied completely; the old file is unchanged."""

    WAY_OUT = "is there space, and may its user write there? df -h; ls -ld of the folder"


class TunnelRefused(RemoteError):
    """The SSH server permits no forwarding of ports, or not to there."""

    WAY_OUT = "AllowTcpForwarding yes in its sshd_config; then PermitOpen and the key's options there"


class PortTaken(RemoteError):
    """This machine cannot listen on a port."""

    WAY_OUT = "name another port"
