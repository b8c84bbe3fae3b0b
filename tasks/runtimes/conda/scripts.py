"""The script that creates an environment with conda, from the files in the host's store only."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.runtimes.conda.facts import Conda, prefix_of
from tasks.runtimes.packages.installing import install_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.script.script import Script


def conda_script(
    host: Host,
    cluster: str,
    *,
    env_id: str,
    kit: Kit,
    items: Sequence[Item],
    uv_version: str,
    conda: Conda | None = None,
) -> Script:
    """Creates an environment with the locked packages.

    :param items: the files of the kit, with the URLs for this host.
    :param conda: the conda to use; None: the one in ``conda.prefix``, which is installed if it is missing.
    """
    values = {
        "PREFIX": prefix_of(host),
        "INSTALLER": kit.tool.file if kit.tool else "",
        "CONDA": conda.path if conda else "",
        "CONDA_KIND": conda.kind if conda else "conda",
        "ACCEPT_TERMS": "yes" if host.conda.accept_terms else "no",
    }
    return install_script(
        "conda", host, cluster, env_id=env_id, kit=kit, items=items, uv_version=uv_version, **values
    )
