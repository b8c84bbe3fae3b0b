"""Home folders that several hosts share, as in universities and HPC labs: who lives there, and what is whose.

In a home of one host everything is in ``~/.rayfab/CLUSTER``. Where several hosts have the same home, environments stay
there for all of them, and each host has a folder ``hosts/NAME-MACHINE`` of its own. A link in place of that folder
stands for the host that had the home alone before: its files stay where they are.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tasks.node.facts import Facts
from tasks.node.names import node_dir


def host_id(facts: Facts) -> str:
    """The name of a host among those of its home; ``host_id`` of lib.sh makes the same."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", facts.hostname)
    return f"{name}-{(facts.machine_id or 'none')[:8]}"


def folder(facts: Facts, cluster: str) -> str:
    """The folder of what belongs to this host alone."""
    return facts.node or node_dir(facts.home, cluster)


def crowded(everyone: Mapping[str, Facts]) -> list[list[str]]:
    """Groups of hosts that seem to have the same home and have no folders of their own yet.

    Cloned machines may look alike; their nodes differ, so a host whose state is another one's is left alone.
    """
    groups: dict[tuple, list[str]] = defaultdict(list)
    for name, facts in everyone.items():
        if facts.home_files and not facts.home_hosts and facts.system != "Windows":
            groups[facts.home, facts.home_files, repr(facts.state)].append(name)
    return [names for names in groups.values() if len(names) > 1]


def own_paths(everyone: Sequence[tuple[Facts, str | None]]) -> list[str]:
    """What is added to the name of each host's environment, which holds the path of its Python.

    Nothing, except where hosts have the same home and their Pythons are not at the same path: then those that differ
    from the first get environments of their own.

    :param everyone: the facts of each, and the path of its own Python; None for a build that is shared too.
    """
    first: dict[frozenset[str], str | None] = {}
    out = []
    for facts, path in everyone:
        expected = first.setdefault(facts.home_hosts, path) if facts.home_hosts else path
        out.append("" if path == expected else "-" + hashlib.sha256(str(path).encode()).hexdigest()[:6])
    return out
