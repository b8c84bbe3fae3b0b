"""What each version of Ray can do. Source: Ray's release notes and `ray start --help` of each version."""

from __future__ import annotations

import re

# Newest Ray for a Python (major, minor); an absent Python gets the newest of all.
NEWEST_FOR_PYTHON = {(3, 7): "2.7.2", (3, 8): "2.10.0", (3, 9): "2.51.2"}
OF_OLD = ["setuptools<81", "protobuf<5", "pydantic<2", "async-timeout"]
PYTHONS_OF_TODAY = ((3, 10), (3, 14))


def parse(version: str) -> tuple[int, ...]:
    """``"2.60.0"`` -> ``(2, 60, 0)``; what follows the numbers (rc1, +cpu) is left out."""
    return tuple(int(n) for n in re.findall(r"\d+", version.split("+")[0])[:3])


def has_token_auth(ray: str) -> bool:
    """Token authentication came with Ray 2.52."""
    return parse(ray) >= (2, 52)


def knows_runtime_env_agent_port(ray: str) -> bool:
    """``--runtime-env-agent-port`` came with Ray 2.7.1."""
    return parse(ray) >= (2, 7, 1)


def knows_string_labels(ray: str) -> bool:
    """``--labels k=v,k=v`` came with Ray 2.45; before that it took JSON, and before 2.6 nothing."""
    return parse(ray) >= (2, 45)


def companions(ray: str) -> list[str]:
    """What a Ray of old needs beside what it asks for, now that its dependencies have moved on.

    Read from what its processes import: ``pkg_resources`` leaves setuptools, and Ray before 2.10 uses the older
    interfaces of protobuf and pydantic.
    """
    if parse(ray) >= (2, 50):
        return []
    return ["setuptools<81"] if parse(ray) >= (2, 10) else OF_OLD
