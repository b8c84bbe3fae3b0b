"""How a command runs on the chosen hosts: where, as whom, how many at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class How:
    """How a command runs.

    :param in_host: on the host itself, not in the node's environment or container.
    :param root: as root, on the host itself.
    :param batch: how many hosts at once, ``N`` or ``P%``; None: all.
    :param fold: equal outputs once, at the end; None: with many hosts.
    """

    in_host: bool = False
    root: bool = False
    batch: str | None = None
    fold: bool | None = None
