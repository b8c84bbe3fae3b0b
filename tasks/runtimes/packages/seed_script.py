"""The scripts by which a host hands the files of its store on to the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.node.names import IDLE_SECONDS, basics
from tasks.script import files
from tasks.script.script import Script, render


def serve_script(cluster: str, env_id: str, address: str, ports: Sequence[int]) -> Script:
    """On a host whose environment is there: serves its store; the answer holds the ``port``.

    :param ports: tried in this order before a free one is taken.
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
    """Ends the serving."""
    return render("end the serving", "store_clean", basics(cluster))


@cache
def _driver() -> str:
    return files.text("drivers", "serve")
