"""The folder of this program's files, and the folder of the user's files."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent


def in_checkout() -> bool:
    """Whether this runs from a checkout; otherwise pip, pipx or uv installed it."""
    return (TOP / "fab").is_file()


def user_folder() -> Path:
    """The folder of the hosts file: the checkout, or the current folder if the program is installed."""
    if in_checkout():
        return TOP
    try:
        return Path.cwd()
    except FileNotFoundError:  # the current folder was deleted; no file will be found there
        return Path()
