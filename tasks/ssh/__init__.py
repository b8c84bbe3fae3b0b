"""Reaching hosts: connections, host keys, running a script and reading its answer, moving files, fan-out."""

from tasks.script.answer import Answer
from tasks.ssh.connection import Connection, connect
from tasks.ssh.errors import (
    AuthFailed,
    Cancelled,
    ConfigProblem,
    ConnectionLost,
    HostKeyProblem,
    PutFailed,
    RemoteError,
    StepTimeout,
    Unreachable,
)
from tasks.ssh.fanout import Interrupted, Outcome, fan_out
from tasks.ssh.local import LocalConnection
from tasks.ssh.openssh import openssh_argv
from tasks.ssh.target import Settings, Target

__all__ = [
    "Answer",
    "AuthFailed",
    "Cancelled",
    "ConfigProblem",
    "Connection",
    "ConnectionLost",
    "HostKeyProblem",
    "Interrupted",
    "LocalConnection",
    "Outcome",
    "PutFailed",
    "RemoteError",
    "Settings",
    "StepTimeout",
    "Target",
    "Unreachable",
    "connect",
    "fan_out",
    "openssh_argv",
]
