"""What differs between the runtimes that install packages: where Python comes from, and how its environment is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.inventory import Host
from tasks.report.console import Board
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Resolved
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.kit import Kit
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.packages.web import Web
from tasks.script.script import Script

if TYPE_CHECKING:
    from tasks.runtimes.packages.section import PackagesSection


@dataclass(frozen=True)
class Asked:
    """The environment that a lock is made for.

    :param platform: conda's name, as in ``linux-64``.
    :param request: see :meth:`Recipe.request_of`.
    :param glibc: the oldest glibc among its hosts.
    :param ray: the exact version; None: the newest that supports the Python.
    :param python: the full version; '': the recipe chooses it.
    """

    platform: str
    request: str
    glibc: str
    ray: str | None = None
    python: str = ""


class Recipe:
    """How one runtime makes its environments."""

    #: the runtime's name, which is also its section of the hosts file
    name: str
    #: the keys of the hosts file that must be the same on all hosts of one platform
    same: str

    def section(self, host: Host) -> PackagesSection:
        """The runtime's section of the hosts file."""
        return getattr(host, self.name)

    def request_of(self, host: Host) -> str:
        """See :meth:`tasks.runtimes.steps.Steps.request_of`."""
        raise NotImplementedError

    def make_lock(self, run: Run, node: Listed, asked: Asked, board: Board) -> Lock:
        """Chooses every file of an environment.

        :raises Unavailable: there is none that fits, or an index or a channel does not answer.
        """
        raise NotImplementedError

    def complete(self, host: Host, nodes: Sequence[Known], lock: Lock) -> Lock:
        """Adds to a lock what these hosts need in addition.

        :param nodes: hosts of the lock's platform; empty: any may come.
        :raises Unavailable: it is not available.
        """
        return lock

    def tool(self, host: Host, platform: str, web: Web) -> Item | None:
        """The program that installs Python on a host without it; None if there is no such program.

        :raises Unavailable: it is not available.
        """
        return None

    def needs_tool(self, node: Known) -> bool:
        """Whether a host needs :meth:`tool`."""
        return False

    def needs(self, node: Resolved, item: Item) -> bool:
        """Whether a host needs this file of its lock."""
        return True

    def script(self, run: Run, node: Resolved, kit: Kit, items: Sequence[Item]) -> Script:
        """The script that fetches the files and installs from the store.

        :param items: the files of the kit; the URL is "-" where the host cannot download one.
        """
        raise NotImplementedError
