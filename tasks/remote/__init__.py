"""Reaching hosts: connections, host keys, running a script and reading its answer, moving files, fan-out."""

from tasks.remote.answer import Answer
from tasks.remote.connection import Connection, connect
from tasks.remote.errors import (
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
from tasks.remote.fanout import Interrupted, Outcome, fan_out
from tasks.remote.local import LocalConnection
from tasks.remote.openssh import openssh_argv
from tasks.remote.target import Settings, Target

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
