"""The files of the operator's machine that a hosts file names: its keys, certificates, archives and installers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.problems import Problem
from tasks.inventory.sections import LocalFile

KEY, CA = "key", "mirrors.ca"


@dataclass(frozen=True)
class Named:
    """A file, and where the hosts file names it.

    :param where: the dotted path of the key in the hosts file; ``line`` counts from 1.
    """

    where: str
    line: int
    file: LocalFile


def of_host(host: Host) -> Iterator[LocalFile]:
    """The files that one host needs, each with the dotted path of its key below the host."""
    if host.key and host.connection != "local":
        yield LocalFile(KEY, host.key)
    if host.mirrors.ca:
        yield LocalFile(CA, host.mirrors.ca)
    for one in getattr(host, host.runtime).local_files():
        yield one._replace(key=f"{host.runtime}.{one.key}")


def missing_keys(cluster: Cluster) -> list[Problem]:
    """Private keys that no login can use, whatever is done on the hosts."""
    return list(_problems(cluster, (one for one in cluster.files if _is_key(one))))


def missing_files(cluster: Cluster, *, installs: bool) -> list[Problem]:
    """All other files that cannot be read.

    :param installs: whether this run may install anything.
    """
    return list(
        _problems(
            cluster,
            (one for one in cluster.files if not _is_key(one) and (installs or not one.file.installs)),
        )
    )


def _is_key(one: Named) -> bool:
    return one.where.rpartition(".")[2] == KEY


def _problems(cluster: Cluster, files: Iterable[Named]) -> Iterator[Problem]:
    for one in dict.fromkeys(files):
        path = Path(one.file.path).expanduser()
        # as in ssh, the public half serves where the agent holds the private one
        # os.path, since pathlib's tests raise an error for what lies in a folder that may not be read
        held = _is_key(one) and os.path.isfile(f"{path}.pub")
        made = one.file.made and os.path.isdir(path.parent) and not os.path.exists(path)
        if not held and not made and (why := _unusable(path, one.file.made)):
            yield Problem(cluster.path, one.line, one.where, why)


def _unusable(path: Path, made: bool) -> str:
    try:
        if path.is_dir():
            return f"{path} is a folder, not a file"
        with path.open("rb"):
            return ""
    except FileNotFoundError:
        return f"there is no folder {path.parent}" if made else f"there is no file {path}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        return f"{path} cannot be read: {reason}"
