"""The Task Scheduler on Windows: a task runs a loop, and the loop starts Ray again whenever it ends."""

from __future__ import annotations

import json
from functools import cache
from xml.sax.saxutils import escape

from tasks.node import pruning
from tasks.node.facts import Facts
from tasks.node.heal import program_for_windows
from tasks.node.names import node_dir
from tasks.node.supervisors.environment import Start
from tasks.script.files import text
from tasks.text.quoting import powershell as quote

KINDS = ("task",)
ME = "@ME@"  # the host replaces it with its user's id
WATCH, PRUNE = r"\watch.py", r"\prune.py"
DIRECT = r"\direct"  # the file with loopback and all nodes' addresses
PAUSE = 3  # seconds before the loop starts Ray again


def kind_on(facts: Facts) -> str | None:
    """The kind of service on Windows; None on other systems."""
    return "task" if facts.system == "Windows" else None


def files(kind: str, start: Start) -> dict[str, str]:
    """See :class:`tasks.node.supervisors.Supervisor`. The host tries a task at boot first, then one at login."""
    return {
        "ENV_PS1": env_ps1(start),
        "LOOP_PY": loop_py(),
        "LOOP_JSON": loop_json(start),
        "WATCH_PY": program_for_windows(),
        "PRUNE_PY": pruning.program_for_windows(),
        "TASK_BOOT": task_xml(start, boot=True),
        "TASK_LOGON": task_xml(start, boot=False),
    }


def folder(home: str, cluster: str) -> str:
    """This cluster's folder, as Windows writes it."""
    return node_dir(home, cluster).replace("/", "\\")


def temp_dir(home: str, cluster: str) -> str:
    """Ray's own folder: one for each cluster, since nothing else shows which cluster a session belongs to."""
    return folder(home, cluster) + r"\ray"


def program(env_dir: str, name: str) -> str:
    """The path of a program in the environment; Python itself is in its top folder."""
    return f"{env_dir}\\{name}" if name.startswith("python") else f"{env_dir}\\Scripts\\{name}"


def _env_dir(start: Start) -> str:
    return start.env_dir.replace("/", "\\")


def _environment(start: Start) -> dict[str, str]:
    own = folder(start.home, start.cluster)
    out = {**start.activation.variables, "RAY_TMPDIR": own, **start.variables}
    if start.token:
        out["RAY_AUTH_TOKEN_PATH"] = own + r"\token"
    return out


def _path(start: Start) -> list[str]:
    return [_env_dir(start) + more for more in start.activation.folders]


def env_ps1(start: Start) -> str:
    """The node's environment as PowerShell code, which fills the table of variables for new processes."""
    path = ";".join(_path(start)) + ";"
    lines = [f"$Surroundings[{quote(name)}] = {quote(value)}" for name, value in _environment(start).items()]
    lines += [
        "$own = [string]$Surroundings['NO_PROXY']",
        "if (-not $own) { $own = [string]$env:NO_PROXY }",
        "if ($own) { $own = $own + ',' }",
        f"$Surroundings['NO_PROXY'] = $own + (ReadText {quote(folder(start.home, start.cluster) + DIRECT)})",
    ]
    return "\n".join([*lines, f"$Surroundings['PATH'] = {quote(path)} + $env:PATH"]) + "\n"


@cache
def loop_py() -> str:
    """The program that starts Ray again whenever it ends."""
    return text("drivers", "loop")


def loop_json(start: Start) -> str:
    """The loop's settings: the watch with Ray's command, their environment, and the pause before a restart."""
    told, ray, *arguments = start.watched
    python = [program(_env_dir(start), "python.exe"), "-I"]
    own = folder(start.home, start.cluster)
    spec = {
        "words": [*python, own + WATCH, told, program(_env_dir(start), f"{ray}.exe"), *arguments],
        "prune": [*python, own + PRUNE, *start.prune],
        "environment": _environment(start),
        "path": _path(start),
        "home": start.home.replace("/", "\\"),
        "pause": PAUSE,
    }
    return json.dumps(spec, indent=1) + "\n"


def task_xml(start: Start, *, boot: bool) -> str:
    """A task for the Task Scheduler.

    :param boot: start at boot, which only administrators can set; otherwise at login.

    Priority 5: a task's default priority is below that of all other programs.
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
    about = f"Ray node of the cluster {escape(start.cluster)}"
    lines = [
        '<?xml version="1.0" encoding="UTF-16"?>',
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
        f"  <RegistrationInfo><Description>{about}</Description></RegistrationInfo>",
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
        f"    <Command>{escape(program(_env_dir(start), 'pythonw.exe'))}</Command>",
        f'    <Arguments>"{escape(folder(start.home, start.cluster))}\\loop.py"</Arguments>',
        "  </Exec></Actions>",
        "</Task>",
    ]
    return "\n".join(lines) + "\n"
