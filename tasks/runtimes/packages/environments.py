"""An environment that this project creates on a host: whether it is missing, and how the last start differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.node.desired import Desired, version_changes
from tasks.node.remembered import differences
from tasks.node.subject import Subject


def lacking(subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
    """The step that creates the environment, and the reasons; empty if the environment exists and is complete."""
    state, wanted = subject.state, desired.versions.env_id
    if wanted in subject.facts.envs:
        return [], []
    changes = version_changes(state, desired)
    if wanted == state.get("env"):
        return ["repair Ray"], changes
    return ["install Ray"], changes or (["packages"] if state else [])


def differs(state: Mapping[str, Any], desired: Desired) -> list[str]:
    """The differences between the last start and the desired one."""
    start = state.get("start")
    return differences(start, desired.start) if isinstance(start, dict) and start else []
