"""The scripts of `fab sync`: what is on a host, the copy from host to host, and the change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.node.names import IDLE_SECONDS, basics
from tasks.script import files
from tasks.script.script import Effect, Script, render


def look_script(cluster: str, dest: str, paths: Sequence[str], *, delete: bool) -> Script:
    """Which of these paths are there: ``there`` and ``sum``; with ``delete`` all files of the folder: ``found``.

    :param dest: an absolute folder, or one that begins with ``~``.
    :param paths: below it, each beginning with ``./``.
    """
    values = {**_at(cluster, dest), "PATHS": "\n".join(paths), "DELETE": delete}
    return render("compare the files", "sync_look", values, effect=Effect.READS)


def serve_script(cluster: str, address: str, ports: Sequence[int]) -> Script:
    """Serves the packs of this host; the answer has the ``port``."""
    values = {
        **_at(cluster, "~"),
        "ADDRESS": address,
        "PORTS": " ".join(map(str, [*ports, 0])),
        "IDLE": IDLE_SECONDS,
        "SERVE": _server(),
    }
    return render("serve the files to the others", "sync_serve", values, secrets=("RF_SEED",))


def fetch_script(cluster: str, source: str, packs: Sequence[str]) -> Script:
    """Gets packs from another host; the answer has ``no_source`` if that failed. :param source: address and port."""
    values = {**_at(cluster, "~"), "SOURCE": source, "PACKS": " ".join(packs)}
    return render("copy the files from another host", "sync_fetch", values, secrets=("RF_SEED",))


def apply_script(cluster: str, dest: str, packs: Sequence[str], changes: Sequence[str]) -> Script:
    """Changes the files. :param changes: as :meth:`tasks.plan.sync.Change.line` makes them."""
    values = {**_at(cluster, dest), "PACKS": " ".join(packs), "CHANGES": "\n".join(changes)}
    return render("put the files in their places", "sync_apply", values)


def clean_script(cluster: str) -> Script:
    """Stops the server and removes the packs."""
    return render("remove what was on the way", "sync_clean", _at(cluster, "~"))


def _at(cluster: str, dest: str) -> dict[str, str]:
    # below the home folder as a relative path
    return {**basics(cluster), "DEST": dest.removeprefix("~").lstrip("/") if dest.startswith("~") else dest}


@cache
def _server() -> str:
    return files.text("drivers", "serve")
