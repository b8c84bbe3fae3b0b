"""The scripts with which a host serves the files of its store to the other hosts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.node.names import IDLE_SECONDS, basics
from tasks.script import files
from tasks.script.script import Script, render


def serve_script(cluster: str, env_id: str, address: str, ports: Sequence[int]) -> Script:
    """Serves the store of a host that has its environment; the answer has the ``port``.

    :param ports: tried in this order before any free port.
    """
    values = {
        **basics(cluster),
        "ENV_ID": env_id,
        "ADDRESS": address,
        "PORTS": " ".join(map(str, [*ports, 0])),
        "IDLE": IDLE_SECONDS,
        "SERVE": _driver(),
    }
    title = "serve the packages to the others"
    return render(title, "store_serve", values, secrets=("RF_SEED",))


def clean_script(cluster: str) -> Script:
    """Stops the server."""
    return render("end the serving", "store_clean", basics(cluster))


@cache
def _driver() -> str:
    return files.text("drivers", "serve")
