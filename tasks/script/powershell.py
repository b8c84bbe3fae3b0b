"""The same scripts for Windows: Windows PowerShell 5.1 out of quoted values and the fragments under ``ps/``.

A value enters in one way only, as an assignment ``$RF_NAME = 'quoted'`` (a list: of an array of such words).
The fragments are constant text, under the names that their POSIX twins have under ``sh/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.script import files
from tasks.script.script import Script, Value
from tasks.text.quoting import powershell as quote

# PowerShell takes the typographic ones for a single quote, too
# what sh/ has in parts, the same body or docker.ps1 has in one
IN_ONE = ("about", "image", "pull", "sums", "uv", "envs", "conda_find", "outside_conda")
# what only Windows has comes with the part that needs it
WITH = {"node": ("task", "conda", "node"), "conda": ("task", "conda")}


@cache
def fragment(name: str) -> str:
    """The constant text of ``ps/<name>.ps1``."""
    if name not in files.files("ps"):
        raise ValueError(f"there is no {name} for Windows")
    return files.text("ps", name).strip("\n")


def assignment(name: str, value: Value) -> str:
    """``$RF_NAME = 'value'``; a bool is '1' or empty, None is empty, a list becomes an array."""
    if isinstance(value, bool):
        value = "1" if value else ""
    if isinstance(value, (list, tuple)):
        return f"$RF_{name} = @({', '.join(map(quote, value))})"
    return f"$RF_{name} = {quote('' if value is None else str(value))}"


def _parts(names: Sequence[str]) -> list[str]:
    """What comes before the body, everything once."""
    # kinds of service that are not on Windows, and what is in one with another part there
    left_out = {*IN_ONE, *(set(files.beginning("sh", "kind_")) - set(files.files("ps")))}
    wanted = [part for name in names if name not in left_out for part in WITH.get(name, (name,))]
    return list(dict.fromkeys(wanted))


def text_of(script: Script) -> str:
    """The PowerShell text of a script; like the POSIX one it is read to its end before anything runs."""
    before, body = script.parts
    lines = [
        f"# rayfab: {script.title}",
        *(assignment(name, value) for name, value in script.values.items()),
        fragment("lib"),
        *(fragment(name) for name in _parts(before)),
        "try {",
        *(fragment(name) for name in body),
        "Finish 0",
        "} catch { Fail ('unexpected: ' + $_) }",
    ]
    return "\n".join(lines) + "\n"
