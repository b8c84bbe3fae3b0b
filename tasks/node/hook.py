"""The script that runs one of the user's hooks, on a host or on the operator's machine."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.node.names import basics
from tasks.script.script import Script, render


def hook_script(
    cluster: str, title: str, text: str, facts: Mapping[str, str], *, file: bool = False, folder: str = ""
) -> Script:
    """Runs a hook; its output is not part of the answer, and its exit status is that of the script.

    :param text: a line for sh, or the content of a file.
    :param facts: environment variables.
    :param folder: in which it runs; '' is the home folder.
    """
    values = {
        **basics(cluster),
        "HOOK": text,
        "HOOK_FILE": file,
        "FOLDER": folder,
        "ENVIRONMENT": [f"{name}={value}" for name, value in facts.items()],
    }
    return render(title, "hook", values)
