"""Fabric connections to the hosts of the hosts file, for a user's own tasks.

.. code-block:: python

    from tasks.hosts import hosts

    hosts().run("uptime")                # all hosts at once
    for c in hosts(limit="gpu*"):        # one after the other
        c.run("nvidia-smi")

They log in as every task of this project does: with user, port, key, jump hosts and passwords of the hosts file, with
ssh's own configuration and agent, and only after the host's key was checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a file of own tasks is read for `fab --list` too, which is to be quick
    from tasks.inventory import Cluster
    from tasks.ssh import Fleet


def hosts(limit: str | Sequence[str] | None = None, hosts_file: str | None = None) -> Fleet:
    """Connections to the hosts: a list, and a Fabric group with ``run``, ``sudo``, ``put`` and ``get``.

    Each connects when it is first used and stays open until the program ends. Passwords are fetched or asked for
    when they are needed, each once.

    :param limit: only these: names, addresses, globs, ranges, ``@failed``; with commas or as a list. None: all.
    :param hosts_file: its path; default: ``$RAY_HOSTS_FILE``, else my_hosts.yml or hosts.yml beside the fabfile.
    :raises Exit: with status 2 and a line for each mistake: in the hosts file, or a limit that fits no host.
    """
    from tasks.actions import cli
    from tasks.actions.connections import session
    from tasks.run.target import target_of
    from tasks.ssh import Fleet

    found = cluster(hosts_file)
    names = None if limit is None else cli.selected(found, limit, "limit")
    chosen = [host for host in found.hosts if names is None or host.name in names]
    return Fleet(*(session.kept(target_of(host)) for host in chosen), limit=found.parallel)


def cluster(hosts_file: str | None = None) -> Cluster:
    """The checked content of the hosts file: ``cluster().head.host``, ``cluster().workers``.

    :param hosts_file: as for :func:`hosts`.
    :raises Exit: with status 2 and a line for each mistake in the hosts file.
    """
    from invoke import Exit

    from tasks.actions import cli
    from tasks.inventory import InventoryError

    try:
        return cli.load_with_keys(cli.hosts_file(hosts_file))
    except InventoryError as error:
        raise Exit("\n".join(f"✗ {problem}" for problem in error.problems), code=2) from None
