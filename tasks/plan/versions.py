"""Checks that the whole cluster has one version of Ray and of Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from tasks.node.subject import Finding


def group(values: Mapping[str, str]) -> str:
    """``{"a": "3.11.2", "b": "3.12.1"}`` -> ``3.11.2 on a; 3.12.1 on b``."""
    by_value: dict[str, list[str]] = defaultdict(list)
    for name, value in values.items():
        by_value[value].append(name)
    return "; ".join(f"{value} on {', '.join(names)}" for value, names in by_value.items())


def agree(versions: Mapping[str, tuple[str, str]]) -> list[Finding]:
    """A finding for each host if the hosts differ in Ray or in the full version of Python.

    :param versions: host name -> (version of Ray, full version of Python); '' where it is not known before the
        image is there.
    """
    out = []
    for what, index in (("Ray", 0), ("Python", 1)):
        values = {name: v[index] for name, v in versions.items() if v[index]}
        if len(set(values.values())) > 1:
            hint = "all nodes need the same: choose one image, ray.version and Python for the cluster"
            out += [
                Finding(n, f"{what} {v} here; the cluster has {group(values)}", hint)
                for n, v in values.items()
            ]
    return out
