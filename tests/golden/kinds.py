"""Every kind of file that is rendered for a host, by the name of its golden copy."""

from __future__ import annotations

from collections.abc import Callable

from tasks.node import operations
from tasks.node.logfiles import patterns
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
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.runtimes.uv.scripts import uv_script
from tasks.script.script import Script
from tests.render import samples

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

APT_MIRROR = "mirrors: {apt: 'https://mirror.example/debian'}\n"
DOCKER_MIRROR = "mirrors: {docker: 'https://mirror.example/docker-ce/linux'}\n"


def up(
    role: str,
    *,
    kind: str,
    token: bool = True,
    network: str = "auto",
    runtime: str = "uv",
    **facts: object,
) -> Script:
    known = {"system": {}, "user": {"uid": 1000, "user_systemd": True}, "loop": {"systemd": False}}
    known |= {"agent": MAC, "daemon": {**MAC, "sudo": "password"}}
    text = samples.DOCKER if kind == "docker" else samples.CONDA if runtime == "conda" else samples.UV
    text = text.replace("docker: {", f"docker: {{network: {network}, ")
    text = text.replace("gpus: 0, ", "") if "gpus" in facts else text
    of = samples.subject(role, text=text, **{**known.get(kind, {}), **facts})
    wanted = samples.desired(of, versions=samples.versions(image="sha256:0123abcd", image_user="1000:100"))
    assert wanted.kind == kind
    state = wanted.state("0123456789ab", "request0")
    return samples.up_script(
        of.host, "lab", wanted, of.facts.home, state, token=token, sudo=kind in ("docker", "daemon")
    )


def _up(role: str, **more: object) -> str:
    return up(role, **more).text


def _files(role: str, kind: str, **more: object) -> dict[str, str]:
    of: Subject = samples.subject(role, **more)
    wanted = samples.desired(of)
    assert wanted.kind == kind
    return wanted.files


def _uv(**more: object) -> str:
    known = {
        "uv_version": "0.9.0",
        "env_id": "ray-2.52.0-py3.11.2-abc",
        "python": "3.11.2",
        "lock": samples.LOCK,
    }
    of = more.pop("host", samples.host())
    return uv_script(of, "lab", **{**known, "python_path": "/usr/bin/python3.11", **more}).text


def _conda(**more: object) -> str:
    known = {
        "env_id": "ray-2.7.2-py3.7.16-abc",
        "python": "3.7.16",
        "items": ITEMS,
        "lock": "rayfab-lock 1\n",
    }
    return conda.conda_script(CONDA_HOST, "lab", **{**known, "uv_version": "0.9.0", **more}).text


def _docker(**more: object):
    found = samples.host("worker", samples.DOCKER)
    return found.model_copy(update={"docker": found.docker.model_copy(update=more)})


def _mirrored():
    text = (
        samples.UV + "mirrors: {pypi: 'https://mirror.example/simple', python: 'https://mirror.example/py'}\n"
    )
    return samples.host("worker", text)


def _engine(os_id: str, tool: str, install_: str = "auto", mirrors: str = "") -> str:
    of = samples.subject(text=samples.DOCKER + mirrors, os_id=os_id, tools=frozenset({tool}))
    wanted = of.host.docker.model_copy(update={"install": install_})
    host = of.host.model_copy(update={"docker": wanted})
    return engine_script(host, "lab", engine_for(Subject(host, of.facts)), sudo=True).text


def submit(**more: object) -> Script:
    words = ["python", "job.py", "--name", "it's; $(here)"]
    head = samples.host("head")
    return operations.submit_script(head, "lab", "http://127.0.0.1:8265", words=words, **more)


KINDS: dict[str, Callable[[], str]] = {
    "facts-uv.sh": lambda: facts_script(samples.host(), "lab", sudo_password=True).text,
    "facts-docker-lock.sh": lambda: (
        facts_script(samples.host("head", samples.DOCKER), "lab", holder=HOLDER).text
    ),
    "facts-conda.sh": lambda: facts_script(CONDA_HOST, "lab").text,
    "fetch.sh": lambda: (
        fetch_script("lab", ITEMS, proxy="http://10.0.0.9:3128", no_proxy="mirror.lab", ca=True).text
    ),
    "fetch-seed.sh": lambda: fetch_script("lab", ITEMS, base="http://10.0.0.1:20001").text,
    "install-conda.sh": _conda,
    "install-conda-found.sh": lambda: _conda(
        items=ITEMS[2:], conda=Conda("micromamba", "1.5.8", "/home/it's me/bin/micromamba")
    ),
    "install-uv.sh": _uv,
    "install-uv-carried.sh": lambda: _uv(host=_mirrored(), python_path=None, carried=True),
    "engine-apt.sh": lambda: _engine("debian", "apt-get", mirrors=APT_MIRROR),
    "engine-apt-ce.sh": lambda: _engine("debian", "apt-get", "docker-ce", DOCKER_MIRROR),
    "engine-dnf.sh": lambda: _engine("fedora", "dnf"),
    "engine-dnf-ce.sh": lambda: _engine("rocky", "dnf", mirrors=DOCKER_MIRROR),
    "engine-zypper.sh": lambda: _engine("opensuse-leap", "zypper"),
    "engine-pacman.sh": lambda: _engine("arch", "pacman"),
    "image.sh": lambda: images.image_script(_docker(), "lab", sudo=True).text,
    "image-private.sh": lambda: (
        images.image_script(
            _docker(registry_mirror="https://mirror.example/hub", registry_user="it's me"), "lab", "aarch64"
        ).text
    ),
    "image-cut.sh": lambda: images.cut_script(_docker(), "lab", sudo=True).text,
    "store-serve.sh": lambda: conda_seed.serve_script("lab", "ray-2.7.2", "10.0.0.1", [19999, 19998]).text,
    "store-clean.sh": lambda: conda_seed.clean_script("lab").text,
    "image-serve.sh": lambda: images.serve_script(_docker(), "lab", "10.0.0.1", [20001, 20000]).text,
    "image-pieces.sh": lambda: images.pieces_script(_docker(), "lab", PIECES, 1 << 30).text,
    "image-take.sh": lambda: (
        images.fetch_script(
            _docker(), "lab", PIECES, 1 << 30, source=("head", "fd00::1", 20001), want="sha256:abc", keep=True
        ).text
    ),
    "image-load.sh": lambda: images.fetch_script(_docker(), "lab", PIECES, 1 << 30).text,
    "image-clean.sh": lambda: images.clean_script(_docker(), "lab").text,
    "up-head-system.sh": lambda: _up("head", kind="system"),
    "up-worker-user.sh": lambda: _up("worker", kind="user", token=False),
    "up-worker-loop.sh": lambda: _up("worker", kind="loop"),
    "up-head-docker.sh": lambda: _up("head", kind="docker"),
    "up-worker-docker.sh": lambda: _up("worker", kind="docker"),
    "up-head-bridge.sh": lambda: _up("head", kind="docker", network="bridge"),
    "up-worker-bridge.sh": lambda: _up("worker", kind="docker", network="bridge", cpus=64),
    "gpu-up-worker.sh": lambda: _up("worker", kind="docker", gpus=GPUS, engine=GPU_ENGINE),
    "macos-up-head.sh": lambda: _up("head", kind="docker", **MAC, engine=MAC_ENGINE),
    "macos-up-worker.sh": lambda: _up("worker", kind="docker", **MAC, engine=MAC_ENGINE),
    "macos-up-daemon.sh": lambda: _up("head", kind="daemon"),
    "macos-up-agent.sh": lambda: _up("worker", kind="agent"),
    "macos-env.sh": lambda: _files("worker", "agent", **MAC)["ENV_SH"],
    "macos-start.sh": lambda: _files("worker", "agent", **MAC)["START_SH"],
    "macos-daemon.plist": lambda: _files("head", "daemon", **MAC, sudo="nopasswd")["UNIT_TEXT"],
    "macos-agent.plist": lambda: _files("worker", "agent", **MAC)["UNIT_TEXT"],
    "start-head.sh": lambda: _files("head", "system")["START_SH"],
    "start-worker.sh": lambda: _files("worker", "system")["START_SH"],
    "env-head.sh": lambda: _files("head", "system")["ENV_SH"],
    "env-worker.sh": lambda: _files("worker", "system")["ENV_SH"],
    "up-worker-conda.sh": lambda: _up("worker", kind="loop", runtime="conda"),
    "env-conda.sh": lambda: _files("worker", "system", text=samples.CONDA)["ENV_SH"],
    "loop.sh": lambda: _files("worker", "loop", systemd=False)["LOOP_SH"],
    "system.service": lambda: _files("head", "system")["UNIT_TEXT"],
    "user.service": lambda: _files("worker", "user", uid=1000, user_systemd=True)["UNIT_TEXT"],
    "token.sh": lambda: token_script("lab").text,
    "stop.sh": lambda: operations.stop_script("lab", sudo=True).text,
    "destroy.sh": lambda: operations.destroy_script(samples.host(), "lab", sudo=True).text,
    "destroy-purge.sh": lambda: operations.destroy_script(CONDA_HOST, "lab", purge=True).text,
    "verify.sh": lambda: (
        operations.verify_script(
            "lab", "10.0.0.1:6379", ["10.0.0.1", "10.0.0.2"], tasks=True, timeout=60.0
        ).text
    ),
    "logs.sh": lambda: (
        operations.logs_script(samples.host(), "lab", patterns(["start", "raylet"]), 20, follow=False).text
    ),
    "follow.sh": lambda: (
        operations.logs_script(samples.host(), "lab", patterns(["all"]), 20, follow=True).text
    ),
    "submit.sh": lambda: submit(archive="/root/.rayfab/lab/job-0.tar.gz", wait=True).text,
    "submit-no-folder.sh": lambda: submit(archive="", wait=False).text,
    "command.sh": lambda: operations.command_script("lab", ["ray", "--version"]).text,
    "lock.sh": lambda: operations.lock_script("lab", HOLDER).text,
    "unlock.sh": lambda: operations.unlock_script("lab", HOLDER).text,
    "reach.sh": lambda: operations.reach_script("lab", "10.0.0.1", [6379, 20000]).text,
}
