"""A command line as bash passes it: its words without quotes, and which part of the last one bash replaces."""

from __future__ import annotations

import string
from collections import namedtuple

_SAFE = frozenset(string.ascii_letters + string.digits + "-_.:@%+/=,~")


def safe(text: str) -> bool:
    """Whether a candidate needs no quoting in any shell: a hosts file may come from anywhere."""
    return bool(text) and all(char in _SAFE or (char > "\x7f" and char.isalnum()) for char in text)


class Current(namedtuple("Current", "text raw starts replaced")):
    """The word at the cursor.

    `text` is the word without quotes, `raw` what was typed. `starts` has the index in `raw` of each character of
    `text`, and that of the next one. `replaced` is the index in `raw` from which bash will replace.
    """

    def put(self, lead: int, text: str) -> str:
        """What bash should write so that `text` follows the word's first `lead` characters.

        These keep the backslashes that the user typed.
        """
        if self.replaced <= self.starts[lead]:
            return self.raw[self.replaced : self.starts[lead]] + text
        kept = sum(start < self.replaced for start in self.starts[lead:])
        return text[kept:]


def plain(text: str) -> Current:
    """A word that the shell has unquoted already."""
    return Current(text, text, range(len(text) + 1), 0)


def split(line: str, breaks: str) -> tuple[list[str], Current]:
    """The words before the cursor, and the one at it.

    :param breaks: COMP_WORDBREAKS; readline replaces only what follows the last of them.
    """
    words: list[str] = []
    text, begin, starts, replaced, quote = "", None, [], 0, ""
    at = 0
    while at < len(line):
        char, here = line[at], at
        at += 1
        if begin is None:
            if char.isspace():
                continue
            begin, text, starts, replaced = here, "", [], here
        if quote:
            if char == quote:
                quote = ""
                replaced = at if char in breaks else replaced
                continue
            if char == "\\" and quote == '"' and line[at : at + 1] in ("\\", '"', "$", "`"):
                char, at = line[at], at + 1
        elif char in "'\"":
            # readline starts at the opening quote, whatever the breaks are
            quote, replaced = char, at
            continue
        elif char == "\\":
            char, at = line[at : at + 1], at + 1
        elif char.isspace():
            words.append(text)
            begin = None
            continue
        elif char in breaks:
            # readline replaces these two as well
            replaced = here if char in "$@" else at
        starts.append(here)
        text += char
    if begin is None:
        return words, Current("", "", [0], 0)
    raw = line[begin:]
    starts = [start - begin for start in [*starts, len(line)]]
    return words, Current(text, raw, starts, replaced - begin)
