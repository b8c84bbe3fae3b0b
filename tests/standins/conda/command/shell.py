"""What `conda activate` is made of: text that a shell evaluates."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import places
from .places import ROOT, CondaError

# what `conda init` and etc/profile.d/conda.sh put into a shell
HOOK = """
export CONDA_EXE=@EXE@
conda() {
    case "$1" in
        activate|deactivate) eval "$("$CONDA_EXE" shell.posix "$@")" ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}
"""


def run(kind: str, words: Sequence[str]) -> int:
    """`conda shell.posix hook | activate [ENV] | deactivate`."""
    if kind not in ("posix", "bash", "zsh", "dash"):
        raise CondaError("ArgumentError", f"the stand-in knows no shell {kind}", 2)
    action, *rest = words or ["hook"]
    if action == "hook":
        print(HOOK.replace("@EXE@", shlex.quote(str(ROOT / "bin/conda"))))
    elif action == "activate":
        _print(variables(_environment(rest[0] if rest else "base")))
    elif action == "deactivate":
        path = [
            word for word in os.environ["PATH"].split(":") if word != f"{os.environ.get('CONDA_PREFIX')}/bin"
        ]
        _print({"PATH": ":".join(path)})
        print("unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER")
    else:
        raise CondaError("ArgumentError", f"invalid command: {action}", 2)
    return 0


def _environment(what: str) -> Path:
    return places.existing(None, what) if "/" in what else places.existing(what, None)


def variables(prefix: Path) -> Mapping[str, str]:
    """How an active environment looks to programs."""
    named = prefix == ROOT or prefix.parent in places.envs_dirs()
    name = "base" if prefix == ROOT else prefix.name if named else str(prefix)
    before = [
        word
        for word in os.environ.get("PATH", "").split(":")
        if word != f"{os.environ.get('CONDA_PREFIX')}/bin"
    ]
    return {
        "PATH": ":".join([f"{prefix}/bin", *before]),
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": name,
        "CONDA_PROMPT_MODIFIER": f"({name}) ",
        "CONDA_SHLVL": "1",
    }


def _print(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
