"""The script that brings files into a host's store, whatever their source: downloaded, carried, taken from a host."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.names import basics
from tasks.runtimes.packages.items import Item, once
from tasks.script.script import Script, render


def fetch_script(
    cluster: str,
    items: Sequence[Item],
    *,
    base: str = "",
    proxy: str = "",
    no_proxy: str = "",
    ca: bool = False,
) -> Script:
    """Fetches what is not in the store. It does not fail for what it cannot get: that is the answer's ``missing``.

    What was carried there as ``FILE.part`` is checked and taken over without a download.

    :param base: ``http://address:port`` of a host that serves its store; the secret part of its path is handed
        over beside the script, as RF_SEED.
    :param proxy: URL of a proxy for the vendors' and mirrors' addresses; a seed is asked without one.
    :param no_proxy: names that need no proxy, with commas.
    :param ca: authorities have been carried to ``~/.rayfab/.ca.pem``.
    """
    values = {
        **basics(cluster),
        "ITEMS": "\n".join(f"{i.file} {i.sha256} {i.size} {i.url.partition('#')[0]}" for i in once(items)),
        "BASE": base.rstrip("/"),
        "PROXY": proxy,
        "NO_PROXY_FOR": no_proxy,
        "CA": ca,
    }
    secrets = ("RF_SEED",) if base else ()
    return render("fetch packages", "fetch", values, secrets=secrets)
