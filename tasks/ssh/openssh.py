"""The command line of OpenSSH's client that reaches a Target as this package does."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.ssh.sshconfig import split_address
from tasks.ssh.target import Settings, Target
from tasks.text.quoting import posix_line

_STRICT = {"strict": "yes", "accept-new": "accept-new", "off": "no"}


def openssh_argv(
    target: Target, settings: Settings, command: Sequence[str] = (), *, terminal: bool = False
) -> list[str]:
    """`ssh ...` for os.execvp. Settings that the Target lacks come from ssh's own configuration.

    :param command: a program and its arguments, quoted here for the host's shell; an empty one opens a shell.
    :param terminal: give the command a terminal; a shell always has one.
    """
    host, user, port = split_address(target.host)
    user, port = target.user or user, target.port or port
    argv = [settings.ssh_client or "ssh"]
    argv += ["-F", str(settings.ssh_config)] if settings.ssh_config else []
    argv += ["-p", str(port)] if port else []
    argv += ["-l", user] if user else []
    argv += ["-i", target.key] if target.key else []
    argv += ["-J", ",".join(target.jump)] if target.jump else []
    argv += ["-o", f"StrictHostKeyChecking={_STRICT[target.host_keys]}"]
    if target.host_keys == "off":
        argv += ["-o", "UserKnownHostsFile=/dev/null"]
    elif settings.known_hosts:
        argv += ["-o", f'UserKnownHostsFile="{settings.known_hosts}"']
    argv += ["-t"] if command and terminal else []
    return [*argv, "--", host, *([posix_line(command)] if command else [])]
