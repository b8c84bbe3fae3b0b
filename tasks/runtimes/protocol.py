"""The pure part of a runtime: what it decides and renders. Each runtime implements it in its ``runtime.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.inventory import Host, SecretSource
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, OwnFacts, Questions
from tasks.node.gcs_store import Place
from tasks.node.homes import folder
from tasks.node.life import Life, on_host
from tasks.node.names import RAY_DIR
from tasks.node.processes import RayProcess
from tasks.node.subject import Subject
from tasks.node.temp import longest
from tasks.script.script import Script

Problem = tuple[str, str]  # what is wrong, and how to fix it
Answers = Mapping[str, Sequence[str]]  # key -> every value of that key, in order


class Runtime:
    """One runtime. The defaults here suit a runtime that runs Ray on the host itself and has nothing to add."""

    #: the name in the hosts file
    name: str
    #: a sentence about what this runtime used and a destroy keeps on the hosts; '' if nothing
    stays: str = ""

    # The facts of a host

    def questions(self, host: Host) -> Questions:
        """The runtime's part of the facts script."""
        return Questions()

    def facts(self, values: Answers, texts: Answers) -> OwnFacts:
        """Parses the answers to :meth:`questions`."""
        return OwnFacts()

    def system(self, facts: Facts) -> str:
        """The system that Ray sees, as ``uname -s`` prints it; in a container it may differ from the host's."""
        return facts.system

    def unclear(self, facts: Facts) -> bool:
        """Whether it is unknown now if the node is running."""
        return False

    def summary(self, facts: Facts) -> str:
        """The software that would run Ray on this host, in a short phrase for `fab check`."""
        return "-"

    def temp_dir(self, host: Host) -> str:
        """Ray's own folder as the host sees it; ``~/`` stands for the user's home."""
        return host.ray.temp_dir or RAY_DIR

    def longest_temp_dir(self, facts: Facts) -> int | None:
        """How many bytes that path may have; None: Ray sees the folder under another one."""
        return longest(facts.system)

    # Problems

    def refusal(self, facts: Facts) -> Problem | None:
        """Why this runtime does not support the host's system at all; then nothing else is checked."""
        return None

    def problems(self, subject: Subject) -> Iterator[Problem]:
        """Everything that prevents a deploy on this host."""
        return iter(())

    def gpu_problems(self, subject: Subject) -> Iterator[Problem]:
        """Why Ray cannot use the host's GPUs."""
        return iter(())

    def notes(self, subject: Subject) -> Iterator[Problem]:
        """What the user should know, but does not prevent a deploy."""
        return iter(())

    def announcements(self, subjects: Sequence[Subject]) -> Iterator[str]:
        """What a deploy would install on these hosts as root, a line for each kind."""
        return iter(())

    def ports_needed(self, subject: Subject) -> dict[str, range]:
        """Ranges of ports that must be completely free, by their purpose."""
        return {}

    def owns(self, process: RayProcess, facts: Facts) -> bool:
        """Whether a Ray process on the host belongs to this runtime's node."""
        return False

    def life(self, facts: Facts) -> Life:
        """How long the node has been up, and whether it stays up."""
        return on_host(facts)

    def listens_on_host(self, subject: Subject) -> bool:
        """Whether Ray's ports are the host's own; where an engine passes them on, the host's firewall may not count."""
        return True

    def state_place(self, subject: Subject, cluster: str) -> Place:
        """Where a head could keep its state."""
        return Place(folder(subject.facts, cluster), subject.facts.places.home.kind)

    def address_problem(self, ip: str, subject: Subject) -> str:
        """Why the node cannot use this address; '' if it can."""
        return ""

    # The node

    def asked(self, host: Host) -> dict[str, str | None]:
        """The keys of the hosts file by which an upgrade says what is to run, with their values."""
        return {"ray.version": host.ray.version}

    def desire(
        self, subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str
    ) -> Desired:
        """The node that the host should run.

        :param head_address: ``ip:port`` of the head's GCS.
        """
        raise NotImplementedError

    def lacking(self, subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
        """What must be installed before the node can start: steps such as ``install Ray``, and the reasons."""
        return [], []

    def repairs_running(self, subject: Subject, desired: Desired) -> bool:
        """Whether what :meth:`lacking` repairs is replaced while the node runs, without a restart."""
        return False

    def differences(self, state: Mapping[str, Any], desired: Desired) -> list[str]:
        """The differences between the last start and the desired one, as far as the host recorded them."""
        raise NotImplementedError

    def start_notes(self, subject: Subject) -> Iterator[str]:
        """What the user should know about a node that is about to start."""
        return iter(())

    def certain_restart(self, subject: Subject) -> bool:
        """Whether a deploy restarts a running node, whatever its plan says."""
        return False

    def starts(self, desired: Desired) -> bool:
        """Whether a node that a host has kept is one of this runtime."""
        return desired.runtime == self.name

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
        """The script that starts or restarts the node, and waits until Ray has started.

        :param home: the user's home folder on the host.
        :param state: what the host remembers, see :meth:`Desired.state`.
        :param sudo: a sudo password is sent with the script.
        :param token: the cluster's token is sent with the script.
        """
        raise NotImplementedError

    def password(self, host: Host) -> SecretSource | None:
        """The password for downloading the node's software, such as a registry's; None if there is none."""
        return None
