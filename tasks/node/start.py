"""What the starting scripts of all runtimes have in common, and the cluster's token."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tasks.node.desired import Desired
from tasks.node.names import basics
from tasks.script import files
from tasks.script.fragments import fragment
from tasks.script.script import Effect, Script, Value, render

START_TIMEOUT = 120  # seconds within which Ray must start
LISTENING = "the GCS listens"  # a progress text of the head's script: from here on, workers can join


def outside_value() -> dict[str, Value]:
    """The names of the runtimes that create files outside the node's folder, see ``sh/outside_*.sh``."""
    found = files.beginning("sh", "outside_")
    return {"OUTSIDE": " ".join(name.removeprefix("outside_") for name in found)}


@cache
def kinds_value() -> dict[str, Value]:
    """The kinds of service that a host can tell by their names alone: those with a function ``KIND_there``."""
    texts = [fragment(name).text for name in files.beginning("sh", "kind_")]
    return {"KINDS": " ".join(re.findall(r"^(\w+)_there\(\)", "\n".join(texts), re.MULTILINE))}


def secrets_of(*, sudo: bool = False, token: bool = False) -> tuple[str, ...]:
    """The names of the secrets that are sent with a script."""
    return (*(("RF_SUDO",) if sudo else ()), *(("RF_TOKEN",) if token else ()))


def start_values(cluster: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Value]:
    """The values that every starting script needs.

    :param state: what the host remembers, see :meth:`Desired.state`.
    """
    return {
        **basics(cluster),
        "STATE": json.dumps(state, sort_keys=True),
        "START_TIMEOUT": START_TIMEOUT,
        "TEMP_DIR": desired.temp_dir,
        "DIRECT": desired.direct,
    }


def gcs_values(desired: Desired, state: Mapping[str, Any]) -> dict[str, Value]:
    """What the state of a head is for, and the port at which the script looks for its GCS while it starts.

    The one is empty where no state is kept, the other where the port shows nothing.
    """
    # on a bridge Docker listens in the container's place
    shown = desired.role == "head" and desired.start.get("network") != "bridge"
    return {
        "GCS_PORT": desired.head_address.rpartition(":")[2] if shown else "",
        "STORE_FOR": f"{desired.store} {state.get('token') or '-'}" if desired.store else "",
    }


def token_script(cluster: str, *, offers: bool = True) -> Script:
    """Reads the cluster's token from the head; the answer has it under ``token``.

    :param offers: offer a new token, which a head without one stores.
    """
    secrets = ("RF_TOKEN",) if offers else ()
    effect = Effect.CHANGES if offers else Effect.READS
    values = basics(cluster)
    return render("get the cluster's token", "token", values, secrets=secrets, effect=effect)
