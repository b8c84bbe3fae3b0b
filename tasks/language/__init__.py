"""The reader's language: English, or Chinese from the catalogue beside this file.

Messages are written in English where they arise, compared and stored in English, and translated where they are shown.
What a program reads (JSON, events, logs, scripts, what hosts print) never comes here. In English nothing is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

_chosen: dict[str, Callable[[str, bool], str] | None] = {}


def wants_chinese(environment: Mapping[str, str]) -> bool:
    """Whether messages are shown in Chinese: ``RAYFAB_LANG``, else the locale of messages, in POSIX's order."""
    names = ("RAYFAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    language, _, territory = (
        locale.partition(".")[0].partition("@")[0].replace("-", "_").lower().partition("_")
    )
    return language == "zh" and territory.partition("_")[0] in ("", "cn", "sg", "hans")


def said(text: str, *, own: bool = True) -> str:
    """A message in the reader's language; one that the catalogue lacks stays English.

    :param own: False for a text that may be a host's: it is only translated if a whole sentence is one of ours.
    """
    translate = _chosen["with"] if "with" in _chosen else _choose()
    return translate(text, own) if translate else text


def in_english() -> bool:
    """Whether :func:`said` returns its text."""
    return (_chosen["with"] if "with" in _chosen else _choose()) is None


def forget() -> None:
    """Look at the environment again, at the next message."""
    _chosen.clear()


def _choose() -> Callable[[str, bool], str] | None:
    translate = None
    if wants_chinese(os.environ) and _can_show("中"):
        from tasks.language.catalogue import load

        translate = load().translate
    _chosen["with"] = translate
    return translate


def _can_show(text: str) -> bool:
    """Whether standard output's encoding has these characters; in ASCII each would become a question mark."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
