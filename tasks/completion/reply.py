"""Answers a shell: from the line that it passes to the candidates that it shows."""

from __future__ import annotations

import os
import sys

from tasks.completion import hosts, jobs, owner, quoting, table
from tasks.completion.words import FILES, Answer, answer

MANY = (
    1000  # with more, even zsh and fish, which match by their own rules, get only those with the typed prefix
)
SECONDS = 10.0


def reply(argv: list[str], top: str) -> str:
    """The text for the shell. Where the line means another checkout, this process becomes that one's."""
    shell = argv[0]
    if shell == "bash":
        line, rest, breaks = argv[1:4]
        words, current = quoting.split(line, breaks)
        following, last = quoting.split(rest, breaks)
        following.append(last.text)
    else:
        count = int(argv[1])
        words, following = argv[2 : count + 1], argv[count + 2 :]
        current = quoting.plain(argv[count + 1])
    mine = owner.find(words[0], os.getcwd(), top)
    if mine is None:
        found = FILES
    elif mine.program:
        found = fabrics(mine.program, [*words, current.text])
    elif mine.top != top:
        os.execv(owner.python(mine.top), [sys.executable, "-I", "-S", owner.fast(mine.top), *argv])
    else:
        own = owner.user_folder(top, os.getcwd())
        known = table.get(top, own)
        named = hosts.path([*words, current.text, *following], own)
        found = answer(
            known,
            words[1:],
            current.text,
            lambda: hosts.hosts(named, known["yaml"]),
            lambda: jobs.known(named),
        )
    return written(shell, found, current)


def written(shell: str, found: Answer, current: quoting.Current) -> str:
    """The answer in the format that the shell's script reads."""
    typed, lead = current.text, current.text[: found.lead]
    items = [(text, said) for text, said in found.items if quoting.safe(text)]
    if shell == "bash" or len(items) > MANY:
        items = [(text, said) for text, said in items if (lead + text).startswith(typed)]
    kind = "none" if found.kind in ("words", "list") and not items else found.kind
    if shell == "bash":
        return "\n".join([kind, *(current.put(found.lead, text) for text, _ in items)]) + "\n"
    lines = [f"{lead}{text}\t{' '.join(said.split())}" for text, said in items]
    return "\n".join([f"{kind}\t{found.title}\t{found.lead}", *lines]) + "\n"


def fabrics(program: str, words: list[str]) -> Answer:
    """What Fabric itself offers for another project's fabfile."""
    import subprocess  # as in table.py

    said = subprocess.run(
        [program, "--complete", "--", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
    )
    names = said.stdout.decode("utf-8", "replace").split()
    return Answer("words", "task", 0, [(name, "") for name in names]) if names else FILES
