"""The node that a host should run, as its runtime renders it, with a hash of all that must cause a restart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.node.gcs_store import HeadState
from tasks.node.names import RAY_DIR


@dataclass(frozen=True)
class Versions:
    """The versions that run on one host.

    :param ray: version of Ray; empty while unknown.
    :param python: full version of Python; empty while unknown.
    :param python_path: the host's own interpreter; None if the runtime installs its own.
    :param lock: every package with its version; empty if the runtime has no such list.
    :param env_id: name of the environment; the same packages on the same Python have the same name.
    :param image: id of the image; its name while the image is not on the host.
    :param image_user: ``uid:gid`` of the image's user.
    """

    ray: str
    python: str
    python_path: str | None = None
    lock: str = ""
    env_id: str = ""
    image: str = ""
    image_user: str = ""


@dataclass(frozen=True)
class Desired:
    """One node, ready to be started.

    :param kind: the kind of service that keeps it alive, see ``sh/kind_*.sh``.
    :param arguments: ``ray start`` with its arguments, or of the program that runs it.
    :param token: whether the node authenticates with the cluster's token.
    :param temp_dir: Ray's own folder, as the host sees it.
    :param spill_dir: the node's own folder for spilled objects, as the host sees it; '' for none.
    :param user: ``uid:gid`` to which a container that starts as root changes.
    :param runs_as: ``uid:gid`` of Ray in a container; empty while unknown.
    :param files: texts of files, by the name of the script value that holds each.
    :param direct: what extends ``NO_PROXY``; not in the hash, since one more worker must not restart the others.
    :param runtime: its name; not in the hash.
    :param asked: what the hosts file asked for, by the key's path; not in the hash.
    :param trying: it takes the place of another node, which is kept until this one has run a task; not in the hash.
    :param head_state: for a head: whether it keeps its state.
    :param store: what may read that state, see :func:`tasks.node.gcs_store.belongs_to`; '' where none is kept.
    :param start: what the host remembers of this start, see :mod:`tasks.node.remembered`.
    """

    name: str
    role: str
    kind: str
    node_ip: str
    head_address: str
    versions: Versions
    hash: str
    arguments: tuple[str, ...]
    token: bool
    temp_dir: str = RAY_DIR
    spill_dir: str = ""
    user: str = ""
    runs_as: str = ""
    direct: str = ""
    head_state: HeadState | None = None
    store: str = ""
    files: dict[str, str] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    runtime: str = ""
    asked: dict[str, str | None] = field(default_factory=dict)
    trying: bool = False

    def state(self, token_fingerprint: str, request: str) -> dict[str, Any]:
        """The state that is stored on the host, for the next run to compare with.

        :param request: a digest of the request for which the versions were chosen.
        """
        head_state = asdict(self.head_state) if self.head_state else None
        return {
            **({"head_state": head_state, "store": self.store} if head_state else {}),
            "hash": self.hash,
            "role": self.role,
            "service": self.kind,
            "ray": self.versions.ray,
            "python": self.versions.python,
            "env": self.versions.env_id,
            "image": self.versions.image,
            "node_ip": self.node_ip,
            "head": self.head_address,
            "token": token_fingerprint,
            "request": request,
            "start": self.start,
        }


def version_changes(state: Mapping[str, Any], desired: Desired) -> list[str]:
    """The changed versions of Ray and Python, as ``Ray old -> new``; both if nothing was installed before."""
    out = []
    for name, old, new in (
        ("Ray", state.get("ray"), desired.versions.ray),
        ("Python", state.get("python"), desired.versions.python),
    ):
        if new and not old:
            out.append(f"{name} {new}")
        elif new and old != new:
            out.append(f"{name} {old} -> {new}")
    return out


def digest(value: Any) -> str:
    """A short hash of any value that JSON can hold; equal values have equal hashes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(token: str) -> str:
    """A short hash by which two tokens can be compared without revealing them; '' for no token."""
    return hashlib.sha256(b"rayfab token " + token.encode()).hexdigest()[:12] if token else ""
