"""The files that keep a node alive on Windows itself: environment, loop, and the tasks that the Scheduler takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from xml.sax.saxutils import escape

from tasks.node.names import node_dir
from tasks.script.files import text
from tasks.text.quoting import powershell as quote

ME = "@ME@"  # the host puts its user's own id there
PAUSE = 3
# as `conda activate` has them: most of what lies there are libraries, which Windows looks for on the PATH
FOLDERS = ("", r"\Library\mingw-w64\bin", r"\Library\usr\bin", r"\Library\bin", r"\Scripts", r"\bin")


def folder(home: str, cluster: str) -> str:
    """This cluster's folder, as Windows writes it."""
    return node_dir(home, cluster).replace("/", "\\")


def temp_dir(home: str, cluster: str) -> str:
    """Ray's own folder: one for each cluster, since nothing else there would tell whose a session is."""
    return folder(home, cluster) + r"\ray"


def program(env_dir: str, name: str) -> str:
    """A program of the environment's; Python itself lies at its top."""
    return f"{env_dir}\\{name}" if name.startswith("python") else f"{env_dir}\\Scripts\\{name}"


def _environment(
    home: str, cluster: str, env_dir: str, environment: Mapping[str, str], token: bool
) -> dict[str, str]:
    # output into a pipe or a file would be in the system's code page
    out = {"CONDA_PREFIX": env_dir, "PYTHONIOENCODING": "utf-8", "PYTHONNOUSERSITE": "1"}
    out |= {"RAY_TMPDIR": folder(home, cluster), **environment}
    if token:
        out["RAY_AUTH_TOKEN_PATH"] = folder(home, cluster) + r"\token"
    return out


def env_ps1(home: str, cluster: str, env_dir: str, environment: Mapping[str, str], *, token: bool) -> str:
    """What a command needs to be in the node's environment: entries of the table for new processes."""
    known = _environment(home, cluster, env_dir, environment, token)
    path = ";".join(env_dir + more for more in FOLDERS) + ";"
    lines = [f"$Surroundings[{quote(name)}] = {quote(value)}" for name, value in known.items()]
    return "\n".join([*lines, f"$Surroundings['PATH'] = {quote(path)} + $env:PATH"]) + "\n"


@cache
def loop_py() -> str:
    """The program that starts Ray again whenever it ends."""
    return text("drivers", "loop")


def loop_json(
    home: str,
    cluster: str,
    env_dir: str,
    environment: Mapping[str, str],
    start_words: Sequence[str],
    *,
    token: bool,
) -> str:
    """What the loop is told."""
    spec = {
        "words": [program(env_dir, f"{start_words[0]}.exe"), *start_words[1:], "--block"],
        "environment": _environment(home, cluster, env_dir, environment, token),
        "path": [env_dir + more for more in FOLDERS],
        "home": home.replace("/", "\\"),
        "pause": PAUSE,
    }
    return json.dumps(spec, indent=1) + "\n"


def task_xml(home: str, cluster: str, env_dir: str, *, boot: bool) -> str:
    """A task for the Task Scheduler. :param boot: from the boot on, which only administrators may; else from a login.

    Priority 5: what a task gets by default is below that of everything else.
    """
    trigger = "<BootTrigger/>" if boot else f"<LogonTrigger><UserId>{ME}</UserId></LogonTrigger>"
    settings = {
        "MultipleInstancesPolicy": "IgnoreNew",
        "DisallowStartIfOnBatteries": "false",
        "StopIfGoingOnBatteries": "false",
        "StartWhenAvailable": "true",
        "ExecutionTimeLimit": "PT0S",
        "Priority": "5",
    }
    lines = [
        '<?xml version="1.0" encoding="UTF-16"?>',
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
        f"  <RegistrationInfo><Description>Ray node of the cluster {escape(cluster)}</Description></RegistrationInfo>",
        f"  <Triggers>{trigger}</Triggers>",
        '  <Principals><Principal id="Author">',
        f"    <UserId>{ME}</UserId><LogonType>{'S4U' if boot else 'InteractiveToken'}</LogonType>",
        "    <RunLevel>LeastPrivilege</RunLevel>",
        "  </Principal></Principals>",
        "  <Settings>",
        *(f"    <{name}>{value}</{name}>" for name, value in settings.items()),
        "    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>",
        "  </Settings>",
        '  <Actions Context="Author"><Exec>',
        f"    <Command>{escape(program(env_dir, 'pythonw.exe'))}</Command>",
        f'    <Arguments>"{escape(folder(home, cluster))}\\loop.py"</Arguments>',
        "  </Exec></Actions>",
        "</Task>",
    ]
    return "\n".join(lines) + "\n"


def files(
    home: str,
    cluster: str,
    env_dir: str,
    environment: Mapping[str, str],
    start_words: Sequence[str],
    *,
    token: bool,
) -> dict[str, str]:
    """Everything of these, by the name of the value that a script gets."""
    return {
        "ENV_PS1": env_ps1(home, cluster, env_dir, environment, token=token),
        "LOOP_PY": loop_py(),
        "LOOP_JSON": loop_json(home, cluster, env_dir, environment, start_words, token=token),
        "TASK_BOOT": task_xml(home, cluster, env_dir, boot=True),
        "TASK_LOGON": task_xml(home, cluster, env_dir, boot=False),
    }
