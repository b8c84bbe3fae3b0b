"""Words of messages: a value as a message names it, a count, the known word that was probably meant, a list."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def shown(value: object, typed: str | None = None) -> str:
    """A value for an error message: short, on one line, without control characters.

    :param typed: how a number, true or false is written in the file.
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value) if typed is None or isinstance(value, str) else typed
    if len(text) > 60:
        text = text[:57] + "..."
    return text if text.isprintable() and text.strip() == text != "" else ascii(text)


def printable(text: str, limit: int = 500) -> str:
    """A message without control characters, whatever it quotes of a file; longer ones are cut."""
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that is most similar, or None."""
    found = difflib.get_close_matches(
        str(word)[:100].lower(), sorted({str(word) for word in known}), n=1, cutoff=0.6
    )
    return found[0] if found else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``; did you mean X?``, or nothing; the end of a message."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def counted(count: float | str, what: str) -> str:
    """``1 file``, ``2 files``, ``no files``. :param what: one of them; its plural ends in an s more."""
    return f"{count} {what}" if str(count) == "1" else f"{count} {what}s"


def size(count: int) -> str:
    """Bytes as ``1.5 GiB``, ``20 MiB``, ``3 KiB``."""
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{-(-count // 1024)} KiB"
