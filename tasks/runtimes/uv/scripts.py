"""The script that creates an environment with uv."""

from __future__ import annotations

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.runtimes.packages.environments import made_values
from tasks.script.script import Script, render


def uv_script(
    host: Host,
    cluster: str,
    *,
    uv_version: str,
    env_id: str,
    python: str,
    python_path: str | None,
    lock: str,
    carried: bool = False,
) -> Script:
    """Creates an environment with the locked packages.

    :param python: the full version of the environment's Python.
    :param python_path: the host's interpreter; None if uv installs one.
    :param carried: uv was already copied to the host.
    """
    values = {
        **basics(cluster),
        **made_values(),
        "UV_VERSION": uv_version,
        "ENV_ID": env_id,
        "PYTHON": python_path,
        "PYTHON_VERSION": python,
        "PYTHON_MIRROR": host.mirrors.python,
        "INDEX": host.mirrors.pypi,
        "LOCK": lock,
        "UV_CARRIED": carried,
    }
    return render("install Ray with uv", "uv_install", values)
