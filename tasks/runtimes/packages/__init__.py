"""The files of an environment, as the operator's machine finds and downloads them: channels, index, installers."""

from __future__ import annotations


class Unavailable(Exception):
    """Something cannot be downloaded or read. ``hint`` is the fix, ``code`` the exit status."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.hint, self.code = hint, code
