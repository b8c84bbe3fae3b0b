"""The script that creates an environment with conda, from the files in the host's store only."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.runtimes.conda.facts import Conda, prefix_of
from tasks.runtimes.packages.environments import made_values
from tasks.runtimes.packages.items import Item, once
from tasks.script.script import Script, render


def conda_script(
    host: Host,
    cluster: str,
    *,
    env_id: str,
    python: str,
    items: Sequence[Item],
    lock: str,
    uv_version: str,
    conda: Conda | None = None,
    proxy: str = "",
    no_proxy: str = "",
) -> Script:
    """Creates an environment with the locked packages, all from the store.

    :param python: the full version of the environment's Python.
    :param items: all files, including uv's own wheel, and the installer if there is no conda.
    :param lock: the lock's text, which is stored with the environment.
    :param conda: path of the conda to use; None: the one in ``conda.prefix``, which is installed if it is missing.
    """
    of_kind = {item.kind: item.file for item in items}
    values = {
        **basics(cluster),
        **made_values(),
        "ITEMS": "\n".join(f"{i.kind} {i.file} {i.sha256} {i.size}" for i in once(items)),
        "PREFIX": prefix_of(host),
        "INSTALLER": of_kind.get("installer", ""),
        "CONDA": conda.path if conda else "",
        "CONDA_KIND": conda.kind if conda else "conda",
        "ENV_ID": env_id,
        "PYTHON_VERSION": python,
        "INDEX": host.mirrors.pypi,
        "UV_VERSION": uv_version,
        "UV_WHEEL": of_kind.get("tool", ""),
        "ACCEPT_TERMS": "yes" if host.conda.accept_terms else "no",
        "LOCK": lock,
        "PROXY": proxy,
        "NO_PROXY_FOR": no_proxy,
    }
    return render("install Ray with conda", "conda_install", values)
