"""What an assembled script is made of, as a short text: fragments, drivers and whole files stand there by name.

The manifest is made from the assembled text itself. All that is no known part of it stays, so nothing can hide.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.render import script as posix
from tasks.render import windows
from tasks.render.fragments import SH, TASKS, complete, fragment, read_by
from tasks.render.script import Script

DRIVERS = {path.read_text("utf-8"): f"<{path.name}>" for path in sorted(TASKS.rglob("drivers/*.py"))}


def assembled(script: Script, ending: str) -> str:
    """The whole text that a host gets."""
    return script.text if ending == SH else windows.text_of(script)


def manifest(script: Script, ending: str, files: Mapping[str, str]) -> str:
    """The manifest of a script.

    :param ending: ``sh`` or ``ps1``.
    :param files: texts of the files that are kept whole, by name.
    """
    language = posix if ending == SH else windows
    known = {**DRIVERS, **{text: f"<{name}>" for name, text in files.items()}}
    known[fragment("program").text] = "<program.sh>"
    inside = {language.quote(text)[1:-1]: name for text, name in known.items()}

    def named(text: str) -> str:
        for quoted, name in inside.items():
            text = text.replace(quoted, name)
        return text

    parts = []
    read = read_by(ending, script.body, script.named)
    for name, value in script.values.items():
        if name in read:
            line = language.assignment(name, value)
            shown = named(line)
            if isinstance(value, (list, tuple)):
                # an argument a line
                shown = "\n    ".join([f"{name}:", *(named(language.quote(word)) for word in value)])
            parts.append((line, shown))
    order = [found.name for found in complete(ending, script.body, script.named)]
    for name in (*order, *script.body):
        parts.append((fragment(name, ending).text, f"<{name}.{ending}>"))

    text, at, out = assembled(script, ending), 0, []
    for part, shown in parts:
        # an empty fragment is an empty line
        start = text.index(f"\n{part}\n", at - 1 if at else 0) + 1
        out += [text[at:start], shown + "\n"]
        at = start + len(part) + 1
    secrets = [f"secret {name}=***\n" for name in script.secrets]
    return "".join([*out, text[at:], *secrets])
