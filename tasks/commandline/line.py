"""The command line of this process, as far as it is no flag of a task."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabric import Config


@dataclass
class Line:
    """What was typed.

    :ivar remainder: the arguments after ``--``, one string each.
    :ivar config: Fabric's configuration with its own flags in it, such as ``--echo``; None before it is known.
    """

    remainder: list[str] = field(default_factory=list)
    config: Config | None = None


line = Line()
