"""The script that makes an environment with conda, out of the host's store alone."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.runtimes.conda.facts import Conda, prefix_of
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
    """An environment with the locked packages, all of them out of the store.

    :param python: the full version that it must have.
    :param items: all of them, with the installer where there is no conda, and uv's own wheel.
    :param lock: kept beside the environment.
    :param conda: the one to use; None: the one in ``conda.prefix``, which is installed where it is missing.
    """
    of_kind = {item.kind: item.file for item in items}
    values = {
        **basics(cluster),
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
