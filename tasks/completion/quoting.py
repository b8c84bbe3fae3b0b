"""A command line as bash has it: its words without quotes, and how much of the last one bash replaces."""

from __future__ import annotations

import string
from collections import namedtuple

_SAFE = frozenset(string.ascii_letters + string.digits + "-_.:@%+/=,~")


def safe(text: str) -> bool:
    """A candidate that means itself in every shell: a hosts file may come from anywhere."""
    return bool(text) and all(char in _SAFE or (char > "\x7f" and char.isalnum()) for char in text)


class Current(namedtuple("Current", "text raw starts replaced")):
    """The word at the cursor.

    `text` is what it means, `raw` what was typed, `starts` where in `raw` each character of `text` begins (and
    where the next would); `replaced`, an index of `raw`, is where that part begins which bash will replace.
    """

    def put(self, lead: int, text: str) -> str:
        """What bash is to write where `text` follows the word's first `lead` characters.

        Those stay as they were typed, with the user's own backslashes.
        """
        if self.replaced <= self.starts[lead]:
            return self.raw[self.replaced : self.starts[lead]] + text
        kept = sum(start < self.replaced for start in self.starts[lead:])
        return text[kept:]


def plain(text: str) -> Current:
    """A word that the shell has unquoted itself."""
    return Current(text, text, range(len(text) + 1), 0)


def split(line: str, breaks: str) -> tuple[list[str], Current]:
    """The words before the cursor, and the one at it.

    :param breaks: COMP_WORDBREAKS; readline replaces only what stands behind the last of them.
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
            # readline begins at the opening quote, whatever the breaks are
            quote, replaced = char, at
            continue
        elif char == "\\":
            char, at = line[at : at + 1], at + 1
        elif char.isspace():
            words.append(text)
            begin = None
            continue
        elif char in breaks:
            # readline takes these two along
            replaced = here if char in "$@" else at
        starts.append(here)
        text += char
    if begin is None:
        return words, Current("", "", [0], 0)
    raw = line[begin:]
    starts = [start - begin for start in [*starts, len(line)]]
    return words, Current(text, raw, starts, replaced - begin)
