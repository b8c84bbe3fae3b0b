"""The parts of this process's command line that are not flags of a task."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabric import Config


@dataclass
class Line:
    """What was typed.

    :ivar remainder: the arguments after ``--``, one string each.
    :ivar config: Fabric's configuration with its own flags in it, such as ``--echo``; None until it is parsed.
    """

    remainder: list[str] = field(default_factory=list)
    config: Config | None = None


line = Line()
