"""The files in `session_latest/logs` that belong to each of Ray's components."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

COMPONENTS: dict[str, tuple[str, ...]] = {
    "start": ("start",),
    "gcs": ("gcs_server.*",),
    "raylet": ("raylet.*",),
    "dashboard": ("dashboard.*", "dashboard_*Head*"),
    "agent": ("dashboard_agent.*", "runtime_env_agent.*"),
    "runtime-env": ("runtime_env_setup-*.log",),
    "monitor": ("monitor.*", "log_monitor.*"),
    "client": ("ray_client_server*",),
    "worker": ("worker-*", "python-core-worker-*"),
    "driver": ("job-driver-*", "python-core-driver-*"),
}


def patterns(components: Sequence[str]) -> list[str]:
    """The file patterns of components; ``all`` stands for every one.

    :raises ValueError: an unknown component; the text names the nearest known one.
    """
    out: list[str] = []
    for name in components:
        name = name.strip()
        if name == "all":
            return [p for known in COMPONENTS.values() for p in known]
        if name not in COMPONENTS:
            near = difflib.get_close_matches(name, COMPONENTS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"--component: no component {name}{hint} Known: {', '.join(COMPONENTS)}, all")
        out += COMPONENTS[name]
    return out
