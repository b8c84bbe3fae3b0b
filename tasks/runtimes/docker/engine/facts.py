"""What Docker's engine on a host can provide to a container, and the options of `docker run` that depend on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.inventory import Host

OPEN_FILES = (65536, 524288)  # soft and hard, as the systemd unit of the other runtimes has it


@dataclass(frozen=True)
class EngineFacts:
    """What an engine reports about itself; all is empty if no engine answers.

    :param cpus: CPUs of the machine that containers run in; with Docker Desktop it is a virtual machine.
    :param memory: bytes of memory of that machine.
    :param options: security options such as ``selinux``, ``rootless``, ``userns``.
    :param nofile: the engine's own hard limit for open files.
    :param own_tmp: it sees another /tmp than the host: as a snap, or as a unit with PrivateTmp.
    :param root: its folder for images and volumes. :param root_kind: of the file system there; '' if unknown.
    """

    cpus: int | None = None
    memory: int | None = None
    system: str = ""
    arch: str = ""
    options: frozenset[str] = frozenset()
    runtimes: frozenset[str] = frozenset()
    nofile: int | None = None
    own_tmp: bool = False
    hook: bool = False
    cdi: bool = False
    root: str = ""
    root_kind: str = ""

    @property
    def gives_gpus(self) -> bool:
        """Whether the engine can use NVIDIA's container toolkit in one of its forms; Docker Desktop includes it."""
        return self.hook or self.cdi or "nvidia" in self.runtimes or self.system == "Docker Desktop"


def parse_engine(values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> EngineFacts:
    """Parses the answer of ``docker_gives``."""
    said: dict[str, list[str]] = {}
    for line in texts.get("engine", ()):
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value.strip())
    nofile = (values.get("engine_nofile") or [""])[-1].strip()
    return EngineFacts(
        cpus=_number(said.get("cpus")),
        memory=_number(said.get("memory")),
        system=(said.get("system") or [""])[0],
        arch=(said.get("arch") or [""])[0],
        # name=seccomp,profile=default
        options=frozenset(o.split(",")[0].removeprefix("name=") for o in said.get("option", ())),
        runtimes=frozenset(said.get("runtime", ())),
        nofile=int(nofile) if nofile.isdigit() else None,
        own_tmp="engine_tmp" in values or "/snap/" in (said.get("root") or [""])[0],
        root=(said.get("root") or [""])[0],
        root_kind=(values.get("engine_root") or [""])[-1].strip().lower(),
        hook="gpu_hook" in values,
        cdi=(values.get("gpu_cdi") or [""])[-1].strip() not in ("", "null", "[]"),
    )


def _number(values: Sequence[str] | None) -> int | None:
    return int(values[0]) if values and values[0].isdigit() and values[0] != "0" else None


def option_values(run_args: Sequence[str], *options: str) -> list[str]:
    """The values of these options in ``run_args``, written as ``--option value`` or ``--option=value``."""
    after = [*run_args[1:], ""]
    return [
        after[n] if word in options else word.partition("=")[2]
        for n, word in enumerate(run_args)
        if word in options or word.startswith(tuple(option + "=" for option in options))
    ]


def has_option(run_args: Sequence[str], option: str, part: str = "") -> bool:
    """Whether ``run_args`` contain an option with ``part`` in its value."""
    return any(part in value for value in option_values(run_args, option))


def gpus_in(run_args: Sequence[str]) -> bool:
    """Whether ``run_args`` select GPUs."""
    return has_option(run_args, "--gpus") or has_option(run_args, "--device", "nvidia.com/gpu")


def run_options(host: Host, engine: EngineFacts, found: int, shm_bytes: int) -> list[str]:
    """Options of ``docker run`` that depend on the engine; those in ``run_args`` are left out.

    :param found: how many GPUs the host has.
    :param shm_bytes: size of the container's /dev/shm.
    """
    own = host.docker.run_args
    out = [] if has_option(own, "--shm-size") else [f"--shm-size={shm_bytes}"]
    if not has_option(own, "--ulimit", "nofile"):
        out += _open_files(engine)
    if (
        "selinux" in engine.options
        and not has_option(own, "--security-opt", "label")
        and "--privileged" not in own
    ):
        # not :z, which would relabel the host's files permanently, and would be lost if a boot cleans /tmp
        out += ["--security-opt", "label=disable"]
    if not gpus_in(own):
        # a shared or divided GPU counts more than once for Ray
        everything = host.gpus is None or host.gpus > found
        out += _gpus(engine, found if host.gpus is None else min(host.gpus, found), all_=everything)
    return out


def _open_files(engine: EngineFacts) -> list[str]:
    if engine.nofile is None or "rootless" in engine.options:
        return []
    soft, hard = (min(limit, engine.nofile) for limit in OPEN_FILES)
    return ["--ulimit", f"nofile={soft}:{hard}"]


def _gpus(engine: EngineFacts, count: int, *, all_: bool) -> list[str]:
    if not count or not engine.gives_gpus:
        return []
    if engine.hook or "nvidia" in engine.runtimes or not engine.cdi:
        return ["--gpus", "all" if all_ else str(count)]
    names = ["all"] if all_ else [str(n) for n in range(count)]
    return [word for name in names for word in ("--device", f"nvidia.com/gpu={name}")]
