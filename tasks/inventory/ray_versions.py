"""What each version of Ray can do and needs: the one place, besides the drivers, which run inside that Ray.

Source: Ray's release notes, ``ray start --help`` of each version, and its wheels on PyPI.
"""

from __future__ import annotations

import re

# The newest Ray for a Python (major, minor); a Python that is not listed gets the newest of all.
NEWEST_FOR_PYTHON = {(3, 7): "2.7.2", (3, 8): "2.10.0", (3, 9): "2.51.2"}
# The first Ray for a Python (major, minor) that is newer than the ones Ray 2.7 was made for.
FIRST_FOR_PYTHON = {(3, 12): (2, 31), (3, 13): (2, 45), (3, 14): (2, 55)}
# The oldest and the newest Python for which current releases of Ray are made.
CURRENT_PYTHONS = ((3, 10), (3, 14))
FIRST_FOR_CURRENT_PYTHONS = (2, 52)  # 2.51 was the last one for Python 3.9
# The Python that hosts get where they have none in common: Ray and most packages have had wheels for it for long.
DEFAULT_PYTHON = (3, 12)

_FOR_RAY_BEFORE_2_10 = ["setuptools<81", "protobuf<5", "pydantic<2", "async-timeout"]


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


def keeps_head_state(ray: str) -> bool:
    """The GCS on RocksDB works with Ray 2.57 and newer: 2.56 has it, but its packages are without RocksDB."""
    return parse(ray) >= (2, 57)


def has_uv_plugin(ray: str) -> bool:
    """``runtime_env={"uv": [...]}`` came with Ray 2.40."""
    return parse(ray) >= (2, 40)


# what is said where a host should have one; {} is the version
NO_SPILL_DIR = "Ray {} has no folder of each host for spilled objects, which came with 2.55"


def has_own_spill_dir(ray: str) -> bool:
    """``--object-spilling-directory`` came with Ray 2.45, and until 2.55 workers used the head's."""
    return parse(ray) >= (2, 55)


def has_drain(ray: str) -> bool:
    """``ray drain-node`` and a drain with a deadline came with Ray 2.10."""
    return parse(ray) >= (2, 10)


def runs_ray(python: str, ray: str | None) -> bool:
    """Whether a Python can run a Ray. :param ray: None: any version that has a package for that Python."""
    key = parse(python)[:2]
    if ray is not None and parse(ray) < FIRST_FOR_PYTHON.get(key, ()):
        return False
    if ray is None or parse(ray) >= FIRST_FOR_CURRENT_PYTHONS:
        oldest, newest = CURRENT_PYTHONS
        return oldest <= key <= newest or (ray is None and key in NEWEST_FOR_PYTHON)
    last = NEWEST_FOR_PYTHON.get(key)
    return key >= (3, 7) and (last is None or parse(ray) <= parse(last))


def companions(ray: str) -> list[str]:
    """Packages that an older Ray needs besides its own requirements, which no longer limit them enough.

    Found by what its processes import: newer setuptools have no ``pkg_resources``, and Ray before 2.10 uses interfaces
    that later versions of protobuf and pydantic removed.

    :returns: requirements as pip takes them; empty for a current Ray.
    """
    if parse(ray) >= (2, 50):
        return []
    return ["setuptools<81"] if parse(ray) >= (2, 10) else _FOR_RAY_BEFORE_2_10
