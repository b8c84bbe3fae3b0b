"""What an assembled script is made of, as a short text: fragments, drivers and whole files stand there by name.

The manifest is made from the assembled text itself. All that is no known part of it stays, so nothing can hide.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.script import powershell
from tasks.script import script as posix
from tasks.script.files import ENDINGS, text
from tasks.script.files import files as texts
from tasks.script.fragments import SH, complete, fragment, read_by
from tasks.script.packed import packed
from tasks.script.script import Script

DRIVERS = {text("drivers", name): f"<{name}.py>" for name in texts("drivers")}
DRIVERS |= {packed(whole): f"{name[:-1]}, packed>" for whole, name in DRIVERS.items()}


def assembled(script: Script, kind: str) -> str:
    """The whole text that a host gets."""
    return script.text if kind == SH else powershell.text_of(script)


def manifest(script: Script, kind: str, files: Mapping[str, str]) -> str:
    """The manifest of a script.

    :param kind: ``sh`` or ``ps``.
    :param files: texts of the files that are kept whole, by name.
    """
    language = posix if kind == SH else powershell
    known = {**DRIVERS, **{text: f"<{name}>" for name, text in files.items()}}
    known[fragment("program").text] = "<program.sh>"
    inside = {language.quote(text)[1:-1]: name for text, name in known.items()}

    def named(text: str) -> str:
        for quoted, name in inside.items():
            text = text.replace(quoted, name)
        return text

    parts = []
    read = read_by(kind, script.body, script.named)
    for name, value in script.values.items():
        if name in read:
            line = language.assignment(name, value)
            shown = named(line)
            if isinstance(value, (list, tuple)):
                # an argument a line
                shown = "\n    ".join([f"{name}:", *(named(language.quote(word)) for word in value)])
            parts.append((line, shown))
    order = [found.name for found in complete(kind, script.body, script.named)]
    for name in (*order, *script.body):
        parts.append((fragment(name, kind).text, f"<{name}{ENDINGS[kind]}>"))

    text, at, out = assembled(script, kind), 0, []
    for part, shown in parts:
        # an empty fragment is an empty line
        start = text.index(f"\n{part}\n", at - 1 if at else 0) + 1
        out += [text[at:start], shown + "\n"]
        at = start + len(part) + 1
    secrets = [f"secret {name}=***\n" for name in script.secrets]
    return "".join([*out, text[at:], *secrets])
