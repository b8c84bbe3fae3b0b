"""What a runtime decides and renders, all of it pure. Each runtime fills this class in its ``runtime.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.inventory import Host, SecretSource
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, OwnFacts, Questions, RayProcess
from tasks.node.subject import Subject
from tasks.script.script import Script

Problem = tuple[str, str]  # what stands in the way, and the way out
Answers = Mapping[str, Sequence[str]]  # key -> every value of that key, in order


class Runtime:
    """One runtime. What is defined here suits one that runs Ray on the host itself and has nothing to add."""

    #: as the hosts file writes it
    name: str
    #: what a destroy leaves on the hosts although this runtime has used it, as a sentence; '' if nothing
    stays: str = ""

    # The facts of a host

    def questions(self, host: Host) -> Questions:
        """What is asked of a host beside what all hosts are asked."""
        return Questions()

    def facts(self, values: Answers, texts: Answers) -> OwnFacts:
        """The answers to the questions."""
        return OwnFacts()

    def system(self, facts: Facts) -> str:
        """The system that Ray sees, as ``uname -s`` has it; in a container that may be another than the host's."""
        return facts.system

    def unclear(self, facts: Facts) -> bool:
        """Whether nobody can tell now if the node runs."""
        return False

    def summary(self, facts: Facts) -> str:
        """What Ray would run in on this host, in a few words for `fab check`."""
        return "-"

    # What stands in the way

    def refusal(self, facts: Facts) -> Problem | None:
        """Why this runtime does not work on such a system at all; nothing else is looked at then."""
        return None

    def problems(self, subject: Subject) -> Iterator[Problem]:
        """Everything that keeps a node from being deployed on this host."""
        return iter(())

    def gpu_problems(self, subject: Subject) -> Iterator[Problem]:
        """Why GPUs that the host has cannot be given to Ray."""
        return iter(())

    def notes(self, subject: Subject) -> Iterator[Problem]:
        """What a person wants to know, and what nothing stops for."""
        return iter(())

    def announcements(self, subjects: Sequence[Subject]) -> Iterator[str]:
        """What a deploy would install on these hosts as root, a line for each kind."""
        return iter(())

    def ports_needed(self, subject: Subject) -> dict[str, range]:
        """Ranges of ports that must be free as a whole, by what they are for."""
        return {}

    def owns(self, process: RayProcess, facts: Facts) -> bool:
        """Whether a Ray process on the host belongs to this runtime's node."""
        return False

    def address_problem(self, ip: str, subject: Subject) -> str:
        """Why the node cannot have this address, '' if it can."""
        return ""

    # The node

    def desire(
        self, subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str
    ) -> Desired:
        """Everything that the node is made of.

        :param head_address: ``ip:port`` of the head's GCS.
        """
        raise NotImplementedError

    def lacking(self, subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
        """What has to be brought to the host before the node can start: steps such as ``install Ray``, and why."""
        return [], []

    def differences(self, state: Mapping[str, Any], desired: Desired) -> list[str]:
        """How the last start differs from the one that is desired, as far as the host remembers it."""
        raise NotImplementedError

    def start_notes(self, subject: Subject) -> Iterator[str]:
        """What a person wants to know about a node that is about to start."""
        return iter(())

    def certain_restart(self, subject: Subject) -> bool:
        """Whether a node that runs is restarted by a deploy, whatever else the plan finds."""
        return False

    def start_script(
        self,
        host: Host,
        cluster: str,
        desired: Desired,
        home: str,
        state: Mapping[str, Any],
        *,
        sudo: bool = False,
        token: bool = False,
    ) -> Script:
        """Starts the node, or starts it again, and waits until Ray has started.

        :param home: the user's home folder on the host.
        :param state: what the host remembers, see :meth:`Desired.state`.
        :param sudo: a sudo password goes along; :param token: the cluster's token goes along.
        """
        raise NotImplementedError

    def password(self, host: Host) -> SecretSource | None:
        """The password for fetching what the node runs from."""
        return None
