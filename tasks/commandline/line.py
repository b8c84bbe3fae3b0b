"""What was typed and is not a flag of a task: the program behind ``--``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Line:
    """The command line of this process. :ivar remainder: the arguments behind ``--``, one string each."""

    remainder: list[str] = field(default_factory=list)


line = Line()
