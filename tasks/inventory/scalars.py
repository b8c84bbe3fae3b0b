"""What a scalar without quotes means: the core schema of YAML 1.2 (section 10.3.2 of its specification).

Everything that is not null, true, false or a number is text. ``yes``, ``on``, ``1_000``, ``12:30:45`` and
dates are therefore text, although YAML 1.1 and PyYAML's own loaders read them as something else.
"""

from __future__ import annotations

import re
from typing import Any

TAG = "tag:yaml.org,2002:"

# kind -> its pattern, and the characters that such a scalar can start with ("" stands for an empty scalar)
FORMS: dict[str, tuple[re.Pattern[str], tuple[str, ...]]] = {
    kind: (re.compile(rf"(?:{pattern})\Z"), first)
    for kind, pattern, first in (
        ("null", r"~|null|Null|NULL|", ("", *"~nN")),
        ("bool", r"true|True|TRUE|false|False|FALSE", (*"tTfF",)),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", (*"-+0123456789",)),
        (
            "float",
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
            (*"-+.0123456789",),
        ),
        ("merge", r"<<", ("<",)),  # not in the core schema; YAML 1.1's merge key is in wide use
    )
}
_BASES = {"0o": 8, "0x": 16}
MAX_DIGITS = 600  # of an integer; Python can refuse to print more than 640


def value(kind: str, text: str) -> Any:
    """The Python value of a scalar.

    :param kind: a key of `FORMS`, or ``str``.
    :raises ValueError: the text is not of this kind, as in ``!!int abc``.
    """
    if kind in ("str", "merge"):
        return text
    if not FORMS[kind][0].match(text):
        raise ValueError(f"not of the kind {kind}")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "float":
        return float(re.sub(r"\.(?=[inIN])", "", text))
    if len(text) > MAX_DIGITS:
        return text
    return int(text.removeprefix("0o").removeprefix("0x"), _BASES.get(text[:2], 10))
