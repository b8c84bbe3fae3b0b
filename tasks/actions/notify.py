"""Posts the result of a command to the webhook of the hosts file. It never changes how the command ends."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tasks.inventory import SecretUnavailable
from tasks.report import handover
from tasks.run.run import Run

VERSION = 1
SECONDS = 10.0  # for the whole answer


def notify(run: Run, said: Mapping[str, Any]) -> None:
    """Posts the result, or says in one line why nobody was told.

    :param said: as :func:`tasks.run.result.result` makes it.
    """
    source = run.cluster.notify.webhook
    if source is None:
        return
    body = {"version": VERSION, "text": sentence(said), **said}
    try:
        # the loader admits no source that asks
        address = source.resolve(lambda question: "").reveal()
        why = post(address, json.dumps(body, ensure_ascii=False).encode())
    except SecretUnavailable as error:
        why = str(error)
    if why:
        run.console.note(f"notify.webhook: nobody was told: {why}")


def sentence(said: Mapping[str, Any]) -> str:
    """The result in one line, for chat programs that show ``text``."""
    failed = [one for one in said["hosts"] if one["error"]]
    line = f"{said['cluster']}: {said['command']} {said['outcome']}, by {said['who']}"
    if failed:
        names = handover.names(one["host"] for one in failed)
        return f"{line}: {names}: {failed[0]['error']['message']}"
    if said["error"]:
        return f"{line}: {said['error']['message']}"
    return f"{line} ({handover.hosts(sum(bool(one['did']) for one in said['hosts']))} changed)"


def post(address: str, body: bytes) -> str:
    """Posts JSON; '' or why it could not. The address, which is a secret, is not in it."""
    try:
        if urlsplit(address).scheme not in ("http", "https"):
            return "the address is not a URL such as https://hooks.example/x"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"the server cannot be reached: {getattr(error.reason, 'strerror', None) or type(error.reason).__name__}"
    except TimeoutError:
        return f"the server did not answer within {SECONDS:.0f} s"
    except Exception as error:
        # their texts may hold parts of the address
        return f"the address or the answer is not valid ({type(error).__name__})"
