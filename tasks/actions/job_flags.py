"""The flags of `fab submit` and `fab jobs`: what an entry point needs, its variables, and which job is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from tasks.commandline import Mistake
from tasks.inventory import Secret
from tasks.inventory.sizes import Size
from tasks.text.wording import did_you_mean, shown

FORM = "expected KEY=VALUE, or the name of a variable here"
FOR = {"--follow": ("logs",), "--all": (None,), "--json": (None,), "--yes": ("stop",)}


def needs(
    *, cpus: str | None, gpus: str | None, memory: str | None, labels: Sequence[str] | None
) -> dict[str, object]:
    """The flags as arguments of ``submit_job`` of Ray's client; those that were not given are left out."""
    out: dict[str, object] = {}
    for flag, name, text in (
        ("--cpus", "entrypoint_num_cpus", cpus),
        ("--gpus", "entrypoint_num_gpus", gpus),
    ):
        if text is not None:
            if not re.fullmatch(r"\d{1,6}(\.\d{1,4})?", text) or not float(text):
                raise Mistake(f"{flag}: expected a number such as 2 or 0.5, got {shown(text)}")
            out[name] = float(text) if "." in text else int(text)
    if memory is not None:
        try:
            out["entrypoint_memory"] = Size(memory).bytes
        except ValueError:
            raise Mistake(f"--memory: expected a size such as 4gb, got {shown(memory)}") from None
    if labels:
        out["entrypoint_label_selector"] = dict(_pair("--label", one) for one in labels)
    return out


def variables(given: Sequence[str] | None) -> dict[str, Secret]:
    """The job's environment variables: ``KEY=VALUE``, or ``KEY`` with the value that it has here."""
    out: dict[str, Secret] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # a value stays unsaid: it may be a secret
            what = f"{shown(name)} is no name of a variable" if equals else FORM
            raise Mistake(f"--env: {what}", "--env KEY=VALUE")
        if name in out:
            raise Mistake(f"--env: {name} is given twice", "give it once")
        if not equals:
            if name not in os.environ:
                raise Mistake(f"--env {name}: there is no such variable here", f"--env {name}=VALUE")
            value = os.environ[name]
        out[name] = Secret(value)
    return out


def _pair(flag: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise Mistake(
            f"{flag}: expected KEY=VALUE, got {shown(text)}", "fab submit --label zone=a -- python job.py"
        )
    return key.strip(), value.strip()


def check_words(what: str | None, job: str | None, flags: Mapping[str, bool]) -> None:
    """:raises Mistake: the words after ``jobs`` mean nothing, or a flag is for another of them."""
    for word in (what, job):
        if word and word.startswith("-"):
            raise Mistake(f"jobs has no flag {shown(word)}", "fab jobs --help")
    if what not in (None, "logs", "stop"):
        hint = f"fab jobs logs {what}" if re.fullmatch(r"raysubmit_\w+", what) else "fab jobs --help"
        near = did_you_mean(what, ("logs", "stop"))
        raise Mistake(f"jobs takes logs or stop, got {shown(what)}{near}", hint)
    if what and not job:
        raise Mistake(f"jobs {what} needs the id of a job", "fab jobs lists them")
    if job and not re.fullmatch(r"[\w.-]{1,200}", job, re.ASCII):
        raise Mistake(f"{shown(job)} is no id of a job", "fab jobs lists them")
    for flag, given in flags.items():
        if given and what not in FOR[flag]:
            of = " and ".join(f"jobs {one}" if one else "the list of jobs" for one in FOR[flag])
            raise Mistake(f"{flag} belongs to {of}", "fab jobs --help")
