"""Every script that is rendered for a Windows host, by the name of its golden copy."""

from __future__ import annotations

from collections.abc import Callable

from tasks.remote.windows import BOOTSTRAP
from tasks.render import images, install, operations, windows
from tasks.render.facts import Address, facts_script
from tasks.render.logfiles import patterns
from tasks.render.script import Script
from tests.golden.kinds import HOLDER, submit, up
from tests.render import samples

NODES = ["10.0.0.1", "10.0.0.2"]
FACTS = {
    "system": "Windows",
    "hostname": "WINBOX",
    "user": "me",
    "uid": -1,
    "home": "C:/Users/me",
    "systemd": False,
    "addresses": (Address("Ethernet_2", "10.0.0.2", 24),),
}
HOME = "C:/Users/me/.rayfab/lab"

SCRIPTS: dict[str, Callable[[], Script]] = {
    "facts-lock": lambda: facts_script(samples.host("head", samples.DOCKER), "lab", holder=HOLDER),
    "image": lambda: images.image_script(samples.host("worker", samples.DOCKER), "lab"),
    "up-head": lambda: up("head", kind="docker", **FACTS),
    "up-worker": lambda: up("worker", kind="docker", **FACTS),
    "token": lambda: install.token_script("lab"),
    "stop": lambda: operations.stop_script("lab"),
    "destroy": lambda: operations.destroy_script(samples.host(), "lab"),
    "verify": lambda: operations.verify_script("lab", "10.0.0.1:6379", NODES, tasks=True, timeout=60.0),
    "logs": lambda: operations.logs_script(
        samples.host(), "lab", patterns(["start", "raylet"]), 20, follow=False
    ),
    "follow": lambda: operations.logs_script(samples.host(), "lab", patterns(["all"]), 20, follow=True),
    "submit": lambda: submit(archive=f"{HOME}/job-0.tar.gz", wait=True),
    "command": lambda: operations.command_script("lab", ["ray", "--version"]),
    "lock": lambda: operations.lock_script("lab", HOLDER),
    "unlock": lambda: operations.unlock_script("lab", HOLDER),
    "reach": lambda: operations.reach_script("lab", "10.0.0.1", [6379, 20000]),
}

WINDOWS: dict[str, Callable[[], str]] = {
    "windows/bootstrap.ps1": lambda: BOOTSTRAP,
    **{f"windows/{name}.ps1": lambda make=make: windows.text_of(make()) for name, make in SCRIPTS.items()},
}
