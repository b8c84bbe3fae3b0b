"""The program's own Python environment: made on first use, and extended where a task needs more.

Standard library only: on first use nothing else is there yet.
"""

from __future__ import annotations


class Failed(Exception):
    """The environment, or something in it, cannot be had. ``hint`` is the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
