"""What the user should know if Ray itself runs on macOS or Windows."""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.node.subject import Subject


def multi_node_note(subjects: Sequence[Subject], nodes: int) -> str:
    """One line for the whole cluster, '' if there is nothing to report.

    :param subjects: the nodes that are about to start.
    :param nodes: how many the hosts file lists.
    """
    names = [s.name for s in subjects if runtimes.of(s.host).system(s.facts) != "Linux"]
    if not names or nodes < 2:
        return ""
    return (
        f"{', '.join(names)}: Ray officially supports multi-node clusters only on Linux; macOS and Windows nodes are "
        "at your own risk; with runtime: docker, Ray runs on Linux there too"
    )
