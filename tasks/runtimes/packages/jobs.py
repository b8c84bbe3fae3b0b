"""The packages that a node's environment needs besides those that were asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tasks.inventory import ray_versions


def needed(ray: str, python: str, asked: Sequence[str], *, has_pip: bool = False) -> list[str]:
    """Requirements that Ray does not declare: for its own processes, and for the packages of jobs.

    :param asked: the requirements in the hosts file; what is named there is not added.
    :param has_pip: the environment gets a pip in another way.
    """
    names = {_name(one) for one in asked} | ({"pip"} if has_pip else set())
    by_jobs = [one for one in needed_by_jobs(ray, python) if _name(one) not in names]
    return [*ray_versions.companions(ray), *by_jobs]


def needed_by_jobs(ray: str, python: str) -> list[str]:
    """What Ray runs on a node for ``runtime_env={"pip": [...]}`` and ``{"uv": [...]}``.

    Ray copies the node's environment and runs ``python -m pip`` in the copy, also to install a missing uv. An
    environment that uv made has no pip of its own.
    Source: ``ray/_private/runtime_env/pip.py`` and ``uv.py`` of Ray 2.7.2 to 2.60.0.

    :param ray: version of Ray.
    :param python: version of Python.
    :returns: requirements as pip takes them.
    """
    has_uv = ray_versions.has_uv_plugin(ray) and ray_versions.parse(python) >= (3, 8)
    return ["pip", *(["uv"] if has_uv else [])]


def lacking(ray: str, python: str, files: Iterable[str]) -> list[str]:
    """The packages of :func:`needed_by_jobs` that none of an environment's files is."""
    there = {file.partition("-")[0].lower() for file in files}
    return [name for name in needed_by_jobs(ray, python) if name not in there]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0].lower()
