"""Ray's own cluster launcher with its on-prem provider (`type: local`), with the same packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import by_hand
from by_hand import Recipe
from stage import LabHost, Operator, keys

from tasks.testbed.engine import ensure_packages

AS_IT_COMES, OLD = "as it comes", "with the old autoscaler, RAY_enable_autoscaler_v2=0"
CAP = 180  # seconds; nodes that have not joined by then count as never
RAYLET = "grep -qx raylet /proc/[0-9]*/comm 2>/dev/null"


@dataclass(frozen=True)
class Reached:
    """The result of one `ray up`.

    success: seconds until it ended well, else None; joined: seconds until each host's raylet ran,
    None: never; alive: nodes in Ray's own table at the end.
    """

    variant: str
    success: float | None
    joined: tuple[float | None, ...]
    alive: int
    tail: str


def get_ray(folder: Path, version: str) -> Path:
    """The launcher itself, for this machine; and rsync, which it calls on both sides."""
    ensure_packages({"rsync": "rsync"})
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "-q", "venv", "--python", sys.executable, folder / "ray"], check=True)
    install = [*uv, "-q", "pip", "install", "--python", folder / "ray/bin/python", f"ray[default]=={version}"]
    subprocess.run(install, check=True)
    return folder / "ray/bin/ray"


def prepare(hosts: Sequence[LabHost]) -> None:
    """Installs rsync on every host; not counted."""
    for host in hosts:
        host.must("apt-get update -qq && apt-get install -y -qq --no-install-recommends rsync")


def deploy(ray: Path, who: Operator, hosts: Sequence[LabHost], recipe: Recipe, variant: str) -> Reached:
    config = who.home / "ray-up.yaml"
    install = who.home / "install.sh"
    install.write_text(recipe.install())
    config.write_text(json.dumps(_config(hosts, recipe, install, variant)))
    start = time.monotonic()
    joined: dict[str, float] = {}
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(hosts, joined, start, over), daemon=True)
    watcher.start()
    success, tail = None, ""
    try:
        done = subprocess.run(
            [ray, "up", "--yes", "--no-config-cache", config],
            # its lock and state files are named after the cluster, below Ray's own temporary folder
            env={**os.environ, **who.env(), "RAY_TMPDIR": str(who.home / "tmp")},
            capture_output=True,
            text=True,
            timeout=CAP,
            stdin=subprocess.DEVNULL,
        )
        success = time.monotonic() - start if done.returncode == 0 else None
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
    except subprocess.TimeoutExpired:
        tail = f"no end within {CAP} s"
    while len(joined) < len(hosts) and time.monotonic() - start < CAP:
        time.sleep(1)
    over.set()
    watcher.join()
    time.sleep(5)  # a raylet is in Ray's table only a moment after it starts
    alive = by_hand.alive(hosts[0]) if joined.get(hosts[0].name) else 0
    return Reached(variant, success, tuple(joined.get(host.name) for host in hosts), alive, tail)


def _watch(hosts: Sequence[LabHost], joined: dict[str, float], start: float, over: threading.Event) -> None:
    while not over.wait(1.0):
        for host in hosts:
            if host.name not in joined and host.exec(RAYLET).rc == 0:
                joined[host.name] = time.monotonic() - start


def _config(hosts: Sequence[LabHost], recipe: Recipe, install: Path, variant: str) -> dict:
    head, *workers = [host.address for host in hosts]
    old = "RAY_enable_autoscaler_v2=0 " if variant == OLD else ""
    enter = 'ulimit -n "$(ulimit -H -n)"; export PATH=~/ray/bin:$PATH; '
    as_head = " ".join([*recipe.starts[head], "--autoscaling-config=~/ray_bootstrap_config.yaml"])
    as_worker = f"ray start --address=$RAY_HEAD_IP:{recipe.port}"
    return {
        "cluster_name": "bench",
        "provider": {"type": "local", "head_ip": head, "worker_ips": workers},
        "auth": {"ssh_user": "root", "ssh_private_key": str(keys.login_key())},
        "min_workers": len(workers),
        "max_workers": len(workers),
        "upscaling_speed": 100.0,
        "idle_timeout_minutes": 60,
        "file_mounts": {"/root/install.sh": str(install)},
        "setup_commands": ["sh /root/install.sh"],
        "head_start_ray_commands": [enter + old + as_head],
        "worker_start_ray_commands": [enter + as_worker],
    }
