"""Where the files of an environment come from, seen from the operator's machine: channels, index, installers."""

from __future__ import annotations


class Unavailable(Exception):
    """Something cannot be had. ``hint`` is the way out; ``code`` the exit status that fits."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint, self.code = hint, code
