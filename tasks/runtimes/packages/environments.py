"""An environment that this project makes on a host: what is missing of it, and how the last start differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.node.desired import Desired, version_changes
from tasks.node.remembered import differences
from tasks.node.subject import Subject


def lacking(subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
    """The step that makes the environment, and why; nothing where it is there and whole."""
    state, wanted = subject.state, desired.versions.env_id
    if wanted in subject.facts.envs:
        return [], []
    changes = version_changes(state, desired)
    if wanted == state.get("env"):
        return ["repair Ray"], changes
    return ["install Ray"], changes or (["packages"] if state else [])


def differs(state: Mapping[str, Any], desired: Desired) -> list[str]:
    """How the last start differs from the one that is desired."""
    start = state.get("start")
    return differences(start, desired.start) if isinstance(start, dict) and start else []
