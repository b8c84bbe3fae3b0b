"""The terms that a channel may want accepted, as the plugin conda-anaconda-tos asks for them."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from .places import TRUE, CondaError, truth

GUIDANCE = """For information on safely removing channels from your conda configuration,
please see the official documentation:
https://www.anaconda.com/docs/tools/working-with-conda/channels"""


def check(urls: Sequence[str], offline: bool, yes: bool) -> None:
    """Ends the command if terms are open and nobody is there to answer."""
    wanted = {} if offline else {url: terms for url in urls if (terms := published(url))}
    open_ones = [url for url, terms in wanted.items() if _answer(url) != terms["version"]]
    if not open_ones:
        return
    if truth("CONDA_PLUGINS_AUTO_ACCEPT_TOS", False) or _in_ci():
        for url in open_ones:
            accept(url, wanted[url])
        print(f"{len(open_ones)} channel Terms of Service accepted")
        return
    if not yes and sys.stdin.isatty():
        for url in open_ones:
            if input(f"Do you accept the Terms of Service (ToS) for {url}? [(a)ccept/(r)eject]: ")[:1] != "a":
                raise CondaError("CondaToSRejectedError", f"Terms of Service has been rejected: {url}")
            accept(url, wanted[url])
        return
    raise CondaError(
        "CondaToSNonInteractiveError",
        "Terms of Service have not been accepted for the following channels. "
        "Please accept or remove them before proceeding:\n"
        + "".join(f"    - {url}\n" for url in open_ones)
        + "\nTo accept these channels' Terms of Service, run the following commands:\n"
        + "".join(f"    conda tos accept --override-channels --channel {url}\n" for url in open_ones)
        + f"\n{GUIDANCE}",
    )


def published(url: str) -> dict | None:
    """What the channel says of its terms; None: it has none."""
    if not url.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(f"{url}/terms.json", timeout=10) as answer:
            found = json.load(answer)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"version", "text", "support"} <= found.keys() else None


def accept(url: str, terms: dict) -> None:
    """Keep the user's answer where the plugin keeps it."""
    _place(url).parent.mkdir(parents=True, exist_ok=True)
    _place(url).write_text(json.dumps({**terms, "base_url": url, "tos_accepted": True}))


def _answer(url: str) -> str:
    return json.loads(_place(url).read_text())["version"] if _place(url).is_file() else ""


def _place(url: str) -> Path:
    return Path.home() / ".conda/tos" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"


def _in_ci() -> bool:
    """Who runs in CI accepts, says the plugin; `CI=false` takes that back."""
    return os.environ.get("CI", "").lower() in TRUE
