"""The script that fetches the files of an environment into the host's store, and makes the environment from there."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.inventory import Host
from tasks.node.names import basics
from tasks.runtimes.packages.environments import made_values
from tasks.runtimes.packages.fetch import fetch_values
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.script.script import Script, Value, render


def install_script(
    runtime: str,
    host: Host,
    cluster: str,
    *,
    env_id: str,
    kit: Kit,
    items: Sequence[Item],
    uv_version: str,
    **values: Value,
) -> Script:
    """Fetches what is missing in the store, and installs. Files that it cannot get are in the answer's ``missing``.

    :param items: the files of the kit, with the URLs for this host; "-" where it cannot download one.
    :param uv_version: the version of uv that installs the packages.
    :param values: what the runtime's own fragment reads.
    """
    mirrors = host.mirrors
    every = {
        **basics(cluster),
        **made_values(),
        **fetch_values(items, proxy=mirrors.proxy or "", ca=bool(mirrors.ca)),
        "RUNTIME": runtime,
        "ENV_ID": env_id,
        "PYTHON_VERSION": kit.lock.python,
        "INDEX": mirrors.pypi,
        "UV_VERSION": uv_version,
        "UV_WHEEL": kit.uv.file if kit.uv else "",
        "LOCK": kit.lock.text,
        **values,
    }
    body = ("env_first", f"{runtime}_env", "fetch", "install_now")
    return render(f"install Ray with {runtime}", body, every)
