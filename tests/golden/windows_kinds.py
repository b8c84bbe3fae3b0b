"""Every kind of script and of file for a Windows host, by the name under which it is kept here."""

from __future__ import annotations

from collections.abc import Callable

from tasks.node import head_files, operations
from tasks.node.hold import Hold, hold_script
from tasks.node.interfaces import Address
from tasks.node.logfiles import patterns
from tasks.node.start import token_script
from tasks.runtimes.conda import scripts as conda
from tasks.runtimes.docker.image import scripts as images
from tasks.runtimes.facts import facts_script
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.script.script import Script
from tasks.ssh.windows import BOOTSTRAP
from tests.golden.kinds import CONDA_HOST, HOLDER, submit, up
from tests.runtimes.packages.kits import kit_of
from tests.script import samples

NODES = [("head", "10.0.0.1"), ("one", "10.0.0.2")]
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
ITEMS = [
    Item("installer", "Miniconda3-py39_24.9.2-0-Windows-x86_64.exe", "0" * 64, 80_000_000, "-"),
    Item("tool", "uv-0.9.0-py3-none-win_amd64.whl", "1" * 64, 20_000_000, "https://m.example/uv"),
    Item("conda", "python-3.7.16-h6244533_0.conda", "2" * 64, 16_000_000, "https://c.example/python"),
    Item("wheel", "ray-2.7.2-cp37-cp37m-win_amd64.whl", "3" * 64, 25_000_000, "https://p.example/r"),
]
KIT = kit_of(ITEMS, "3.7.16", platform="win-64")
CONDA = {"env_id": "ray-2.7.2-py3.7.16-abc", "kit": KIT, "items": KIT.items, "uv_version": "0.9.0"}

SCRIPTS: dict[str, Callable[[], Script]] = {
    "facts-lock": lambda: facts_script(samples.host("head", samples.DOCKER), "lab", holder=HOLDER),
    "image": lambda: images.image_script(samples.host("worker", samples.DOCKER), "lab"),
    "up-head": lambda: up("head", kind="docker", **FACTS),
    "up-worker": lambda: up("worker", kind="docker", **FACTS),
    "facts-uv": lambda: facts_script(samples.host(), "lab"),
    "facts-conda": lambda: facts_script(CONDA_HOST, "lab"),
    "fetch": lambda: fetch_script("lab", ITEMS, proxy="http://10.0.0.9:3128", no_proxy="mirror.lab"),
    "fetch-seed": lambda: fetch_script("lab", ITEMS, base="http://10.0.0.1:20001"),
    "install-conda": lambda: conda.conda_script(CONDA_HOST, "lab", **CONDA),
    "up-head-conda": lambda: up("head", kind="task", runtime="conda", **FACTS),
    "destroy-purge": lambda: operations.destroy_script(CONDA_HOST, "lab", purge=True),
    "token": lambda: token_script("lab"),
    "disk": lambda: operations.disk_script(samples.host(), "lab", "clean"),
    "stop": lambda: operations.stop_script("lab"),
    "hold": lambda: hold_script("lab", Hold("drain", "2026-01-02 03:04 UTC", "alice@laptop")),
    "hold-end": lambda: hold_script("lab", None),
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
    "head-files-read": lambda: head_files.read_script("lab"),
    "head-files-write": lambda: head_files.write_script("lab", "rayfab-lock 1\nray 2.52.0\n", token=True),
    "unlock-deployed": lambda: operations.unlock_script("lab", HOLDER, '{"format": 1, "hosts": []}'),
    "unlock-history": lambda: operations.unlock_script("lab", HOLDER, history='{"format": 1, "id": "0"}'),
    "history": lambda: operations.history_script("lab"),
    "reach": lambda: operations.reach_script(
        "lab", "one", [20000], ["head 10.0.0.1 6379 ours"], token="t0", seconds=6
    ),
}


def _node(name: str) -> str:
    return str(SCRIPTS["up-head-conda"]().values[name])


FILES: dict[str, Callable[[], str]] = {
    "bootstrap.ps1": lambda: BOOTSTRAP,
    "env.ps1": lambda: _node("ENV_PS1"),
    "loop.json": lambda: _node("LOOP_JSON"),
    "task-boot.xml": lambda: _node("TASK_BOOT"),
    "task-logon.xml": lambda: _node("TASK_LOGON"),
}
