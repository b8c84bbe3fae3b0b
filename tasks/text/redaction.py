"""Takes secrets out of texts: those that are known, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
SHORTEST = 4  # characters of a known secret; a shorter one would be found everywhere

_NAMES = r"passwords?|passwd|passphrase|secrets?|token(?!s|iz)|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_LIKE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^/\s:@'\"]*):[^@\s/'\"]+@", re.IGNORECASE), rf"\1:{MASK}@"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(rf"(--[\w-]*(?:{_NAMES})[\w-]*)\s+(?!-)\S+", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(
            rf"((?<![A-Za-z])[\w.-]*(?:{_NAMES})[\w.-]*)([\"']?\s*[:=]\s*)"
            r"(\"[^\"\n]{3,}\"|'[^'\n]{3,}'|[^\s\"',;&{}\[\]()]{3,})",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|hf_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,})"), MASK),
)


class Redactor:
    """Replaces secrets by ``***``.

    :param known: the secrets, in every form in which they may be printed.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        # the longest first: one may be a part of another
        words = sorted({one for one in known if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MASK, text)
        text = _PRIVATE.sub(MASK, text)
        for pattern, instead in _LIKE:
            text = pattern.sub(instead, text)
        return text


def named_like_a_secret(name: str) -> bool:
    """Whether the value of a variable with this name is likely to be a secret."""
    return bool(re.search(rf"{_NAMES}|auth|\bkey|_key", name, re.IGNORECASE))
