"""The program's own Python environment: created on first use, and extended when a task needs more.

Standard library only: on first use nothing else is installed yet.
"""

from __future__ import annotations


class Failed(Exception):
    """The environment, or a package for it, could not be installed. ``hint`` is the fix."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
