"""Where this program's own files are, and where its user's are."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent


def in_checkout() -> bool:
    """Whether it runs from a checkout; else pip, pipx or uv installed it."""
    return (TOP / "fab").is_file()


def user_folder() -> Path:
    """The folder of the hosts file: the checkout; of an installed program the current folder."""
    if in_checkout():
        return TOP
    try:
        return Path.cwd()
    except FileNotFoundError:  # the folder is gone, and no file is found there either
        return Path()
