"""The scripts that install and start a node, one pair for each runtime."""

from __future__ import annotations

import json

from tasks.inventory import Host
from tasks.node.names import basics, node_dir
from tasks.script.script import Script, render

START_TIMEOUT = 120


def _secrets(sudo: bool, *more: str) -> tuple[str, ...]:
    return (*(("RF_SUDO",) if sudo else ()), *more)


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
    """An environment with the locked packages. :param carried: uv has been carried there already."""
    values = {
        **basics(cluster),
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


def up_script(
    host: Host,
    cluster: str,
    desired: object,
    home: str,
    state: dict,
    *,
    sudo: bool = False,
    token: bool = False,
) -> Script:
    """Starts (or starts over) the node that ``desired`` describes and waits until Ray says so."""
    kind, files, words = desired.kind, desired.files, desired.words
    title = f"start the {host.role}"
    values = {**basics(cluster), "STATE": json.dumps(state, sort_keys=True), "START_TIMEOUT": START_TIMEOUT}
    values |= {"TEMP_DIR": desired.temp_dir}
    secrets = _secrets(sudo, *(("RF_TOKEN",) if token else ()))
    if kind == "docker":
        values |= {"RUN": list(words), "CONTAINER_USER": desired.user}
        values |= {"IMAGE": desired.versions.image or host.docker.image, "RAY_USER": desired.runs_as}
        return render(title, "docker_up", values, secrets=secrets)
    env_dir = f"{node_dir(home, cluster)}/envs/{desired.versions.env_id}"
    name = host.conda.env if host.runtime == "conda" else ""
    values |= {"SERVICE": kind, "ENV_DIR": env_dir, "ENV_NAME": name, **files}
    if kind == "task":
        return render(title, "task_up", values, secrets=secrets)
    return render(title, "service_up", {"UNIT_TEXT": "", "LOOP_SH": "", **values}, secrets=secrets)


def token_script(cluster: str) -> Script:
    """Keeps the head's token, or puts the offered one there; the answer holds it under ``token``."""
    return render("get the cluster's token", "token", basics(cluster), secrets=("RF_TOKEN",))
