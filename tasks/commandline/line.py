"""The parts of this process's command line that are not flags of a task."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabric import Config


@dataclass
class Line:
    """What was typed.

    :ivar remainder: the arguments after ``--``, one string each.
    :ivar lock_wait: seconds that a run waits for a lock that another run holds.
    :ivar config: Fabric's configuration with its own flags in it, such as ``--echo``; None until it is parsed.
    """

    remainder: list[str] = field(default_factory=list)
    config: Config | None = None
    lock_wait: int = 0


line = Line()
