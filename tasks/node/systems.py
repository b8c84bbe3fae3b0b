"""What has to be said where Ray itself runs on macOS or Windows, outside a container."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.subject import Subject


def multi_node_note(subjects: Sequence[Subject], nodes: int) -> str:
    """One line for the whole cluster, '' where it need not be said.

    :param subjects: the nodes that are about to start.
    :param nodes: how many the hosts file lists.
    """
    names = [s.name for s in subjects if s.facts.system != "Linux" and not s.in_container]
    if not names or nodes < 2:
        return ""
    return (
        f"{', '.join(names)}: Ray officially supports multi-node clusters only on Linux; macOS and Windows nodes are "
        "at your own risk; with runtime: docker, Ray runs on Linux there too"
    )
