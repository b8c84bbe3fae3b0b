"""Every kind of script and of file that is rendered for a host, by the name under which it is kept here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tasks.node import (
    alerts,
    gcs_store,
    head_files,
    health,
    journal,
    kept,
    metrics,
    operations,
    sync,
)
from tasks.node.gcs_store import HeadState
from tasks.node.hold import Hold, hold_script
from tasks.node.hook import hook_script
from tasks.node.logfiles import Query, patterns
from tasks.node.start import token_script
from tasks.node.subject import Subject
from tasks.runtimes.conda import scripts as conda
from tasks.runtimes.conda.facts import Conda
from tasks.runtimes.docker.engine.choice import engine_for
from tasks.runtimes.docker.engine.facts import EngineFacts
from tasks.runtimes.docker.engine.install import engine_script
from tasks.runtimes.docker.image import scripts as images
from tasks.runtimes.facts import facts_script
from tasks.runtimes.packages import seed_script as conda_seed
from tasks.runtimes.packages.environments import lock_script, trial_script
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.uv.scripts import uv_script
from tasks.script.script import Script
from tests.runtimes.packages.kits import kit_of
from tests.script import samples

PIECES = [("0" * 64, 7_000_000), ("1" * 64, 1234)]
HOLDER = "alice@laptop (process 42) since 2026-01-02 03:04:05 UTC: deploy-cluster"
# RHEL with SELinux, two GPUs and NVIDIA's toolkit
GPUS = ("NVIDIA L4", "NVIDIA L4")
GPU_ENGINE = EngineFacts(hook=True, nofile=524288, options=frozenset({"seccomp", "selinux"}))
# a Mac of 16 GiB whose Docker Desktop has 4 CPUs and 7.75 GiB
MAC = {
    "system": "Darwin",
    "arch": "arm64",
    "home": "/Users/alice",
    "user": "alice",
    "uid": 501,
    "os_id": "macos",
    "systemd": False,
    "memory": 16 << 30,
    "hostname": "mac-mini.lab",
}
MAC_ENGINE = EngineFacts(cpus=4, memory=8321515520, system="Docker Desktop", arch="aarch64")

# what a conda host is made of, one file of each kind
PYTHON_BUILD = Item(
    "python", "cpython-3.11.2-linux-64.tar.gz", "4" * 64, 30_000_000, "https://b.example/cpython"
)
ITEMS = [
    Item("installer", "Miniconda3-py39_24.1.2-0-Linux-x86_64.sh", "0" * 64, 130_000_000, "-"),
    Item("tool", "uv-0.9.0-py3-none-manylinux_2_17_x86_64.whl", "1" * 64, 20_000_000, "https://m.example/uv"),
    Item("conda", "python-3.7.16-h7a1cb2a_0.conda", "2" * 64, 12_000_000, "https://c.example/main/python"),
    Item(
        "wheel", "ray-2.7.2-cp37-cp37m-manylinux2014_x86_64.whl", "3" * 64, 60_000_000, "https://p.example/r"
    ),
    Item("sdist", "gpustat-1.0.0.tar.gz", "4" * 64, 90_000, "https://p.example/g?a=1&b=%20"),
]
CONDA_HOST = samples.host("worker", samples.CONDA)

SCRAPED = [
    metrics.Scraped("head", "head", "10.0.0.1:20004"),
    metrics.Scraped("one", "worker", "[fd00::2]:20004"),
]
APT_MIRROR = "mirrors: {apt: 'https://mirror.example/debian'}\n"
DOCKER_MIRROR = "mirrors: {docker: 'https://mirror.example/docker-ce/linux'}\n"


def up(
    role: str,
    *,
    kind: str,
    token: bool = True,
    network: str = "auto",
    runtime: str = "uv",
    kept: bool = False,
    **facts: object,
) -> Script:
    known = {"system": {}, "user": {"uid": 1000, "user_systemd": True}, "loop": {"systemd": False}}
    known |= {"agent": MAC, "daemon": {**MAC, "sudo": "password"}}
    text = samples.DOCKER if kind == "docker" else samples.CONDA if runtime == "conda" else samples.UV
    text = text.replace("docker: {", f"docker: {{network: {network}, ")
    text = text.replace("gpus: 0, ", "") if "gpus" in facts else text
    of = samples.subject(role, text=text, **{**known.get(kind, {}), **facts})
    more = {"ray": "2.60.0"} if kept else {}
    if kept:
        of = replace(of, host=gcs_store.decided(of.host, HeadState(True)))
    wanted = samples.desired(
        of, versions=samples.versions(image="sha256:0123abcd", image_user="1000:100", **more)
    )
    assert wanted.kind == kind
    state = wanted.state("0123456789ab", "request0")
    return samples.up_script(
        of.host, "lab", wanted, of.facts.home, state, token=token, sudo=kind in ("docker", "daemon")
    )


def _files(role: str, kind: str, **more: object) -> dict[str, str]:
    of: Subject = samples.subject(role, **more)
    wanted = samples.desired(of)
    assert wanted.kind == kind
    return wanted.files


def _uv(**more: object) -> Script:
    kit = kit_of([item for item in ITEMS if item.kind in ("wheel", "tool")], "3.11.2", "uv", ray="2.52.0")
    if more.pop("build", False):
        kit = replace(kit, locked=(PYTHON_BUILD, *kit.locked))
    known = {"env_id": "ray-2.52.0-py3.11.2-abc", "kit": kit, "items": kit.items, "uv_version": "0.9.0"}
    of = more.pop("host", samples.host())
    return uv_script(of, "lab", **{**known, "python_path": "/usr/bin/python3.11", **more})


def _conda(**more: object) -> Script:
    kit = kit_of(more.pop("items", ITEMS), "3.7.16")
    known = {"env_id": "ray-2.7.2-py3.7.16-abc", "kit": kit, "items": kit.items, "uv_version": "0.9.0"}
    return conda.conda_script(CONDA_HOST, "lab", **{**known, **more})


def _docker(**more: object):
    found = samples.host("worker", samples.DOCKER)
    return found.model_copy(update={"docker": found.docker.model_copy(update=more)})


def _mirrored():
    text = (
        samples.UV + "mirrors: {pypi: 'https://mirror.example/simple', python: 'https://mirror.example/py'}\n"
    )
    return samples.host("worker", text)


def _metrics(kind: str, **more: object) -> Script:
    folder = "/home/alice/.rayfab/lab"
    return metrics.up_script(
        samples.host("head"), "lab", SCRAPED, kind=kind, node=folder, user="alice", **more
    )


def _engine(os_id: str, tool: str, install_: str = "auto", mirrors: str = "") -> Script:
    of = samples.subject(text=samples.DOCKER + mirrors, os_id=os_id, tools=frozenset({tool}))
    wanted = of.host.docker.model_copy(update={"install": install_})
    host = of.host.model_copy(update={"docker": wanted})
    return engine_script(host, "lab", engine_for(Subject(host, of.facts)), sudo=True)


def submit(**more: object) -> Script:
    words = ["python", "job.py", "--name", "it's; $(here)"]
    head = samples.host("head")
    spec = {"do": "submit", "address": "http://127.0.0.1:8265", "job": "raysubmit_1", "user": "me@here"}
    spec |= {"wait": more.pop("wait"), "needs": {"entrypoint_num_gpus": 0.5}}
    return operations.submit_script(head, "lab", spec, arguments=words, **more)


SCRIPTS: dict[str, Callable[[], Script]] = {
    "sync-look": lambda: sync.look_script("lab", "~/my data", ["./a.txt", "./it's; $(here)"], delete=True),
    "sync-serve": lambda: sync.serve_script("lab", "10.0.0.1", (19999, 19998)),
    "sync-fetch": lambda: sync.fetch_script("lab", "10.0.0.1:19999", ["0" * 64, "1" * 64]),
    "sync-apply": lambda: sync.apply_script(
        "lab", "/data/x", ["0" * 64], ["folder\t755\t-\t./a", "link\t777\tit's; $(here)\t./b"]
    ),
    "sync-clean": lambda: sync.clean_script("lab"),
    "hook": lambda: hook_script(
        "lab",
        "after_join: script: tell.sh",
        "#!/bin/sh\necho it\n",
        {"RAYFAB_HOST": "it's; $(here)"},
        file=True,
    ),
    "facts-uv": lambda: facts_script(samples.host(), "lab", sudo_password=True),
    "facts-docker-lock": lambda: facts_script(samples.host("head", samples.DOCKER), "lab", holder=HOLDER),
    "facts-settle": lambda: facts_script(samples.host(), "lab", settle=("n1-0123abcd", HOLDER)),
    "facts-conda": lambda: facts_script(CONDA_HOST, "lab"),
    "fetch": lambda: fetch_script("lab", ITEMS, proxy="http://10.0.0.9:3128", no_proxy="mirror.lab", ca=True),
    "fetch-seed": lambda: fetch_script("lab", ITEMS, base="http://10.0.0.1:20001"),
    "install-conda": _conda,
    "install-conda-found": lambda: _conda(
        items=ITEMS[2:], conda=Conda("micromamba", "1.5.8", "/home/it's me/bin/micromamba")
    ),
    "install-uv": _uv,
    "install-uv-python": lambda: _uv(host=_mirrored(), python_path=None, build=True),
    "health": lambda: health.health_script("lab", sudo=True),
    "health-fix": lambda: health.fix_script("lab", ["clock", "name", "tmp"], sudo=True),
    "speed-take": lambda: health.speed_script("lab", token="t0", seconds=2, cap=1 << 30, listen=10002),
    "speed-send": lambda: health.speed_script(
        "lab", token="t0", seconds=0.5, cap=1 << 30, target=("fd00::1", 10002), version6=True
    ),
    "burn": lambda: health.burn_script(samples.host(), "lab", 30.0, sudo=True),
    "disk": lambda: operations.disk_script(samples.host(), "lab", "sizes", sudo=True),
    "clean": lambda: operations.disk_script(samples.host(), "lab", "clean"),
    "engine-apt": lambda: _engine("debian", "apt-get", mirrors=APT_MIRROR),
    "engine-apt-ce": lambda: _engine("debian", "apt-get", "docker-ce", DOCKER_MIRROR),
    "engine-dnf": lambda: _engine("fedora", "dnf"),
    "engine-dnf-ce": lambda: _engine("rocky", "dnf", mirrors=DOCKER_MIRROR),
    "engine-zypper": lambda: _engine("opensuse-leap", "zypper"),
    "engine-pacman": lambda: _engine("arch", "pacman"),
    "image": lambda: images.image_script(_docker(), "lab", sudo=True),
    "image-private": lambda: images.image_script(
        _docker(registry_mirror="https://mirror.example/hub", registry_user="it's me"), "lab", "aarch64"
    ),
    "image-cut": lambda: images.cut_script(_docker(), "lab", sudo=True),
    "store-serve": lambda: conda_seed.serve_script("lab", "ray-2.7.2", "10.0.0.1", [19999, 19998]),
    "store-clean": lambda: conda_seed.clean_script("lab"),
    "image-serve": lambda: images.serve_script(_docker(), "lab", "10.0.0.1", [20001, 20000]),
    "image-pieces": lambda: images.pieces_script(_docker(), "lab", PIECES, 1 << 30),
    "image-take": lambda: images.fetch_script(
        _docker(), "lab", PIECES, 1 << 30, source=("head", "fd00::1", 20001), want="sha256:abc", keep=True
    ),
    "image-load": lambda: images.fetch_script(_docker(), "lab", PIECES, 1 << 30),
    "image-clean": lambda: images.clean_script("lab"),
    "up-head-system": lambda: up("head", kind="system"),
    "up-head-kept": lambda: up("head", kind="system", kept=True),
    "up-head-docker-kept": lambda: up("head", kind="docker", kept=True),
    "up-worker-kept": lambda: up("worker", kind="loop", kept=True),
    "kill-head": lambda: operations.kill_script("lab", "gcs"),
    "outlive": lambda: operations.outlive_script("lab", "make", "10.0.0.1:6379", limit=40.0),
    "up-worker-user": lambda: up("worker", kind="user", token=False),
    "up-worker-loop": lambda: up("worker", kind="loop"),
    "up-head-docker": lambda: up("head", kind="docker"),
    "up-worker-docker": lambda: up("worker", kind="docker"),
    "up-head-bridge": lambda: up("head", kind="docker", network="bridge"),
    "up-worker-bridge": lambda: up("worker", kind="docker", network="bridge", cpus=64),
    "gpu-up-worker": lambda: up("worker", kind="docker", gpus=GPUS, engine=GPU_ENGINE),
    "macos-up-head": lambda: up("head", kind="docker", **MAC, engine=MAC_ENGINE),
    "macos-up-worker": lambda: up("worker", kind="docker", **MAC, engine=MAC_ENGINE),
    "macos-up-daemon": lambda: up("head", kind="daemon"),
    "macos-up-agent": lambda: up("worker", kind="agent"),
    "up-worker-conda": lambda: up("worker", kind="loop", runtime="conda"),
    "token": lambda: token_script("lab"),
    "stop": lambda: operations.stop_script("lab", sudo=True),
    "hold": lambda: hold_script(
        "lab", Hold("maintenance", "2026-01-02 03:04 UTC", "alice@laptop", "it's hot")
    ),
    "hold-end": lambda: hold_script("lab", None, sudo=True),
    "drain": lambda: operations.drain_script(
        "lab", "10.0.0.1:6379", [("one", "10.0.0.2", "ab12")], seconds=600, why="fab drain by alice@laptop"
    ),
    "kept-read": lambda: kept.read_script("lab"),
    "kept-settle": lambda: kept.stage_script("lab", "settle", "ray-2.60.0-py3.11.2-abc 0123\n{}"),
    "env-lock": lambda: lock_script("lab"),
    "import-packages": lambda: trial_script("lab", "ray-2.60.0-py3.11.2-abc", ["ray[default]", "emoji"]),
    "destroy": lambda: operations.destroy_script(samples.host(), "lab", sudo=True),
    "destroy-purge": lambda: operations.destroy_script(CONDA_HOST, "lab", purge=True),
    "metrics-up-system": lambda: _metrics("system"),
    "metrics-up-user": lambda: _metrics("user"),
    "metrics-up-loop": lambda: _metrics("loop", given=("prometheus", "grafana")),
    "metrics-up-here": lambda: _metrics("user", given=("dashboards",), here=True),
    "metrics-boards": lambda: metrics.boards_script("lab", sudo=True),
    "metrics-down": lambda: metrics.down_script("lab", sudo=True),
    "metrics-read": lambda: metrics.read_script("lab", SCRAPED, seconds=5.0),
    "verify": lambda: operations.verify_script(
        "lab", "10.0.0.1:6379", [("head", "10.0.0.1"), ("one", "10.0.0.2")], tasks=True, timeout=60.0
    ),
    "logs": lambda: operations.logs_script(
        samples.host(), "lab", patterns(["start", "raylet"]), 20, follow=False
    ),
    "follow": lambda: operations.logs_script(samples.host(), "lab", patterns(["all"]), 20, follow=True),
    "submit": lambda: submit(archive="/root/.rayfab/lab/job-0.tar.gz", wait=True),
    "submit-no-folder": lambda: submit(wait=False, variables=True),
    "jobs": lambda: journal.jobs_script(samples.host("head"), "lab"),
    "job-log": lambda: journal.log_script("lab", "raysubmit_1", "/tmp/ray"),
    "command": lambda: operations.command_script("lab", ["ray", "--version"]),
    "host-command": lambda: operations.host_command_script("lab", ["id", "-u"], root=True, sudo=True),
    "lock": lambda: operations.lock_script("lab", HOLDER),
    "unlock": lambda: operations.unlock_script("lab", HOLDER),
    "head-files-read": lambda: head_files.read_script("lab"),
    "head-files-write": lambda: head_files.write_script("lab", "rayfab-lock 1\nray 2.52.0\n", token=True),
    "unlock-deployed": lambda: operations.unlock_script("lab", HOLDER, '{"format": 1, "hosts": []}'),
    "unlock-history": lambda: operations.unlock_script("lab", HOLDER, history='{"format": 1, "id": "0"}'),
    "history": lambda: operations.history_script("lab"),
    "logs-pick": lambda: operations.pick_script("lab", Query(("start", "raylet.*"), 20, 600, True, "abcdef")),
    "collect": lambda: operations.collect_script("lab", "all", 1 << 20, 1 << 18, sudo=True),
    "job-ids": lambda: operations.job_ids_script("lab", "10.0.0.1:6379", "job-1", sudo=True),
    "reach": lambda: operations.reach_script(
        "lab", "one", [20000, 10002], ["head 10.0.0.1 6379 ours"], token="t0", seconds=6, expect=2
    ),
}

# Whole files, which a person may meet on a host.
FILES: dict[str, Callable[[], str]] = {
    "macos-env.sh": lambda: _files("worker", "agent", **MAC)["ENV_SH"],
    "macos-start.sh": lambda: _files("worker", "agent", **MAC)["START_SH"],
    "macos-daemon.plist": lambda: _files("head", "daemon", **MAC, sudo="nopasswd")["UNIT_TEXT"],
    "macos-agent.plist": lambda: _files("worker", "agent", **MAC)["UNIT_TEXT"],
    "start-head.sh": lambda: _files("head", "system")["START_SH"],
    "start-worker.sh": lambda: _files("worker", "system")["START_SH"],
    "env-head.sh": lambda: _files("head", "system")["ENV_SH"],
    "env-worker.sh": lambda: _files("worker", "system")["ENV_SH"],
    "env-conda.sh": lambda: _files("worker", "system", text=samples.CONDA)["ENV_SH"],
    "loop.sh": lambda: _files("worker", "loop", systemd=False)["LOOP_SH"],
    "metrics-start.sh": lambda: metrics.start_sh("/home/it's me/.rayfab/lab/metrics", 9090),
    "metrics-prometheus.yml": lambda: metrics.prometheus_yml("lab", SCRAPED),
    "metrics-rules.yml": alerts.rules,
    "system.service": lambda: _files("head", "system")["UNIT_TEXT"],
    "user.service": lambda: _files("worker", "user", uid=1000, user_systemd=True)["UNIT_TEXT"],
}
