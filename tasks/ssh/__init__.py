"""Logging in to hosts and working on them: Fabric connections, host keys, scripts, files, many hosts at once."""

from tasks.script.answer import Answer
from tasks.ssh.base import BaseConnection
from tasks.ssh.connection import Connection, connect, connection_to
from tasks.ssh.errors import (
    AuthFailed,
    Cancelled,
    CarryFailed,
    ConfigProblem,
    ConnectionLost,
    HostKeyProblem,
    PortTaken,
    RemoteError,
    StepTimeout,
    TunnelRefused,
    Unfinished,
    Unreachable,
)
from tasks.ssh.fanout import Interrupted, Outcome, fan_out
from tasks.ssh.fleet import Fleet
from tasks.ssh.local import LocalConnection
from tasks.ssh.openssh import openssh_argv
from tasks.ssh.target import Settings, Target

__all__ = [
    "Answer",
    "AuthFailed",
    "BaseConnection",
    "Cancelled",
    "CarryFailed",
    "ConfigProblem",
    "Connection",
    "ConnectionLost",
    "Fleet",
    "HostKeyProblem",
    "Interrupted",
    "LocalConnection",
    "Outcome",
    "PortTaken",
    "RemoteError",
    "Settings",
    "StepTimeout",
    "Target",
    "TunnelRefused",
    "Unfinished",
    "Unreachable",
    "connect",
    "connection_to",
    "fan_out",
    "openssh_argv",
]
