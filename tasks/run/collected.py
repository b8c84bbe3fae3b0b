"""What one host has said for `fab collect`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.report.lines import Line


@dataclass
class Collected:
    """What one host has said.

    :ivar texts: the lines of each file, by ``system/NAME`` or ``logs/SESSION/NAME``.
    :ivar lines: those that tell of failures.
    :ivar behind: seconds by which its clock is behind this machine's.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    behind: float | None = None
