"""The script that adds files to a host's store: downloaded, copied from this machine, or taken from another host."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.names import basics
from tasks.runtimes.packages.items import Item, once
from tasks.script import files
from tasks.script.script import Script, Value, render


def fetch_values(
    items: Sequence[Item], *, base: str = "", proxy: str = "", no_proxy: str = "", ca: bool = False
) -> dict[str, Value]:
    """What the fragment ``fetch`` reads; see :func:`fetch_script`."""
    plain = [f"{i.kind} {i.file} {i.sha256} {i.size} {i.url.partition('#')[0]}" for i in once(items)]
    return {
        "ITEMS": "\n".join(plain),
        "BASE": base.rstrip("/"),
        "PROXY": proxy,
        "NO_PROXY_FOR": no_proxy,
        "CA": ca,
        "FETCHER": files.text("drivers", "fetch"),
    }


def fetch_script(
    cluster: str,
    items: Sequence[Item],
    *,
    base: str = "",
    proxy: str = "",
    no_proxy: str = "",
    ca: bool = False,
) -> Script:
    """Fetches the files that are not in the store. Files that it cannot get are in the answer's ``missing``.

    Files that were copied there as ``FILE.part`` are checked and used without a download.

    :param items: the URL is "-" for a file that the host cannot download.
    :param base: ``http://address:port`` of a host that serves its store; the secret part of its path is sent
        with the script, as RF_SEED.
    :param proxy: URL of a proxy for the addresses of vendors and mirrors; it is not used for a seed.
    :param no_proxy: names that need no proxy, separated by commas.
    :param ca: certificate authorities were copied to ``~/.rayfab/.ca.pem``.
    """
    values = fetch_values(items, base=base, proxy=proxy, no_proxy=no_proxy, ca=ca)
    secrets = ("RF_SEED",) if base else ()
    return render("fetch packages", "fetch", {**basics(cluster), **values}, secrets=secrets)
