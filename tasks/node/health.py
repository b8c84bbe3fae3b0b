"""The scripts of the doctor: what the facts leave out, the speed between two hosts, a load, and safe repairs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.inventory import Host
from tasks.node.names import RAY_DIR, basics
from tasks.node.start import secrets_of
from tasks.script import files
from tasks.script.script import Effect, Script, render

FIELDS = ("index", "name", "driver", "ecc", "throttle", "celsius")
# what slows a GPU down that nobody has chosen: heat and power, as bits of nvidia-smi's reasons
SLOWED = {
    0x8: "hardware slowdown",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "the power supply's brake",
}


@dataclass(frozen=True)
class Gpu:
    """One GPU. :param ecc: uncorrected errors since the driver was loaded; None if it does not count them."""

    index: str
    name: str
    driver: str
    ecc: int | None = None
    slowed: tuple[str, ...] = ()
    celsius: int | None = None


@dataclass(frozen=True)
class Health:
    """What a host reported; empty or None where it could not.

    :param clock: seconds since 1970.
    :param python: a Python with which ports and speed can be tried.
    :param ntp: what timedatectl says, by its own words.
    :param mtu: by interface.
    :param own_address: of the host's own name; ``none`` if it has no address.
    :param memory: MemTotal, MemAvailable, SwapTotal, SwapFree in bytes, and ``oom_kill``, a count since the boot.
    :param limits: soft limits of the raylets by process id, such as ``open files``; None is unlimited.
    :param proxies: of this session, by variable in lower case, without user and password.
    :param ray_proxies: the same of raylets.
    :param packages: name to version of what the node's environment contains.
    :param xid: the last complaints of NVIDIA's driver in the kernel's log; None if nobody may read it.
    """

    python: str = ""
    ntp: Mapping[str, str] = field(default_factory=dict)
    mtu: Mapping[str, int] = field(default_factory=dict)
    own_address: str = ""
    memory: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
    ray_proxies: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()
    xid: tuple[str, ...] | None = ()


def health_script(cluster: str, *, sudo: bool = False) -> Script:
    """Reads what the facts leave out."""
    return render(
        "look closer", "health", basics(cluster), secrets=secrets_of(sudo=sudo), effect=Effect.READS
    )


def parse_health(values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> Health:
    """The answer of that script."""

    def one(key: str) -> str:
        return (values.get(key) or [""])[-1].strip()

    memory = {}
    for line in texts.get("memory", ()):
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            memory[words[0]] = int(words[1]) * (1024 if words[-1] == "kB" else 1)
    mtu = [line.split() for line in values.get("mtu", ())]
    xid = tuple(line.strip() for line in texts.get("xid", ()) if line.strip())
    return Health(
        python=one("python"),
        ntp=dict(line.strip().split("=", 1) for line in texts.get("ntp", ()) if "=" in line),
        mtu={name: int(size) for name, size in (words for words in mtu if len(words) == 2) if size.isdigit()},
        own_address=one("own_address"),
        memory=memory,
        limits={
            key.removeprefix("limits:"): _limits(lines)
            for key, lines in texts.items()
            if key.startswith("limits:")
        },
        proxies=_proxies(texts.get("proxies", ())),
        ray_proxies=_proxies(texts.get("ray_proxies", ())),
        packages=dict(filter(None, map(_package, texts.get("packages", ())))),
        gpus=tuple(filter(None, map(_gpu, texts.get("gpus", ())))),
        xid=None if one("xid_unread") else xid,
    )


def _limits(lines: Sequence[str]) -> dict[str, int | None]:
    """``Max open files            1024                 524288               files`` -> soft limits."""
    out: dict[str, int | None] = {}
    for line in lines:
        found = re.match(r"Max (.+?)\s{2,}(\d+|unlimited)\s", line)
        if found:
            out[found.group(1)] = int(found.group(2)) if found.group(2).isdigit() else None
    return out


def _proxies(lines: Sequence[str]) -> dict[str, str]:
    split = (line.strip().partition("=") for line in lines)
    return {name.lower(): value for name, equals, value in split if equals}


def _package(line: str) -> tuple[str, str] | None:
    name, dash, version = line.strip().removesuffix(".dist-info").rpartition("-")
    return (re.sub(r"[-_.]+", "-", name).lower(), version) if dash else None


def _gpu(line: str) -> Gpu | None:
    words = dict(zip(FIELDS, (word.strip() for word in line.split(",")), strict=False))
    if not words.get("driver"):
        return None
    ecc, celsius = words.get("ecc", ""), words.get("celsius", "")
    try:
        bits = int(words.get("throttle", "0"), 16)
    except ValueError:
        bits = 0
    return Gpu(
        words["index"],
        words["name"],
        words["driver"],
        int(ecc) if ecc.isdigit() else None,
        tuple(text for bit, text in SLOWED.items() if bits & bit),
        int(celsius) if celsius.isdigit() else None,
    )


def speed_script(
    cluster: str,
    *,
    token: str,
    seconds: float,
    cap: int,
    listen: int | None = None,
    target: tuple[str, int] | None = None,
    version6: bool = False,
) -> Script:
    """One end of a measurement.

    :param cap: bytes that are sent at most. :param listen: the port of the end that receives.
    :param target: address and port of the other end, for the one that sends.
    """
    values = {
        **basics(cluster),
        "PROGRAM": files.text("drivers", "speed"),
        "TOKEN": token,
        "LIMIT": f"{seconds:g}",
        "CAP": cap,
        "V6": version6,
        "LISTEN": listen or "",
        "TARGET": f"{target[0]} {target[1]}" if target else "",
    }
    return render("measure the speed", "speed", values, effect=Effect.READS)


def burn_script(host: Host, cluster: str, each: float, *, sudo: bool = False) -> Script:
    """Loads the host. :param each: seconds for each of CPU, memory, disk and GPU."""
    values = {**basics(cluster), "PROGRAM": files.text("drivers", "burn"), "EACH": f"{each:g}"}
    values["FOLDER"] = host.ray.temp_dir or RAY_DIR
    return render("load the host", "burn", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)


def fix_script(cluster: str, fixes: Sequence[str], *, sudo: bool = False) -> Script:
    """Repairs what can be repaired safely. :param fixes: of clock, name, tmp."""
    values = {**basics(cluster), "FIXES": " ".join(fixes)}
    return render("repair", "health_fix", values, secrets=secrets_of(sudo=sudo))
