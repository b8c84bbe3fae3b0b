"""The script that creates an environment with uv, from the files in the host's store only."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.runtimes.packages.installing import install_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.script.script import Script


def uv_script(
    host: Host,
    cluster: str,
    *,
    env_id: str,
    kit: Kit,
    items: Sequence[Item],
    uv_version: str,
    python_path: str | None,
) -> Script:
    """Creates an environment with the locked packages.

    :param items: the files of the kit, with the URLs for this host.
    :param python_path: the host's interpreter; None: the kit's build of Python is unpacked.
    """
    build = next((item.file for item in kit.locked if item.kind == "python"), "")
    values = {"PYTHON": python_path, "PYTHON_FILE": "" if python_path else build}
    return install_script(
        "uv", host, cluster, env_id=env_id, kit=kit, items=items, uv_version=uv_version, **values
    )
