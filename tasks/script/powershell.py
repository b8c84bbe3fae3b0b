"""Scripts for Windows: PowerShell 5.1, assembled from quoted values and the fragments ``*.ps1``.

A value enters in one way only, as an assignment ``$RF_NAME = 'quoted'`` (a list: as an array of quoted strings).
"""

from __future__ import annotations

from tasks.script.fragments import PS, complete, fragment, read_by
from tasks.script.script import Script, Value
from tasks.text.quoting import powershell as quote


def assignment(name: str, value: Value) -> str:
    """``$RF_NAME = 'value'``; a bool is '1' or empty, None is empty, a list becomes an array."""
    if isinstance(value, bool):
        value = "1" if value else ""
    if isinstance(value, (list, tuple)):
        return f"$RF_{name} = @({', '.join(map(quote, value))})"
    return f"$RF_{name} = {quote('' if value is None else str(value))}"


def text_of(script: Script) -> str:
    """The PowerShell text of a script; like the POSIX one it is read completely before anything runs.

    :raises ScriptError: a fragment has no version for Windows.
    """
    before, read = (known(PS, script.body, script.named) for known in (complete, read_by))
    lines = [
        f"# rayfab: {script.title}",
        *(assignment(name, value) for name, value in script.values.items() if name in read),
        *(found.text for found in before),
        "try {",
        *(fragment(name, PS).text for name in script.body),
        "Finish 0",
        "} catch { Fail ('unexpected: ' + $_) }",
    ]
    return "\n".join(lines) + "\n"
