"""What a burn-in has found, each host compared with the median of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tasks.plan.outcomes import FAIL, PASS, SKIP, WARN, Outcome
from tasks.text.wording import counted

LOW = 0.8  # of the median
WAYS = {
    "cpu": "cpupower frequency-info, temperatures, other load on it (top)",
    "memory": "dmidecode -t memory: as many modules as the others? other load on it",
    "disk": "smartctl -a DEVICE, other load on it (iostat)",
    "network": "ethtool INTERFACE (speed, duplex, errors), its cable or switch port",
    "gpu": "nvidia-smi -q -d PERFORMANCE,ECC: throttled or with errors?",
}


@dataclass(frozen=True)
class Part:
    """One result of one host. :param value: None if it was not tried; then ``why``. :param errors: wrong results."""

    part: str
    value: float | None
    unit: str
    errors: int = 0
    why: str = ""

    @property
    def kind(self) -> str:
        """cpu, memory, disk, network or gpu."""
        return next(kind for kind in WAYS if self.part.startswith(kind))


def parse_parts(lines: Sequence[str]) -> list[Part]:
    """``cpu 812.30 MiB/s 0``, ``gpu - - why``."""
    out = []
    for line in lines:
        part, value, unit, rest = [*line.split(" ", 3), "", "", "", ""][:4]
        if not any(part.startswith(kind) for kind in WAYS):
            continue
        if value == "-":
            out.append(Part(part, None, "", why=rest))
        elif rest.isdigit():
            out.append(Part(part, float(value), unit, int(rest)))
    return out


def judge(burned: Mapping[str, Sequence[Part]]) -> list[Outcome]:
    """A fail for wrong results, a warning for less than most of the median, and a pass for the others."""
    values: dict[str, dict[str, float]] = {}
    units: dict[str, str] = {}
    out = []
    for name, parts in burned.items():
        for one in parts:
            if one.value is None:
                hint = "a package for it in the hosts file, or leave it at that"
                out.append(Outcome((name,), one.part, SKIP, one.why, hint))
                continue
            values.setdefault(one.part, {})[name] = one.value
            units[one.part] = one.unit
            if one.errors:
                text = counted(one.errors, "wrong result")
                hint = "this host computes or stores wrongly: take it out (fab drain), and test its hardware"
                out.append(Outcome((name,), one.part, FAIL, text, hint))
    for part, of_hosts in values.items():
        middle, unit = median(of_hosts.values()), units[part]
        way = next(way for kind, way in WAYS.items() if part.startswith(kind))
        good = []
        for name, value in of_hosts.items():
            if value < middle * LOW:
                share = f"{value * 100 / middle:.0f} %" if middle else "-"
                text = f"{value:.5g} {unit}, {share} of the median of {middle:.5g} {unit}"
                out.append(Outcome((name,), part, WARN, text, way))
            elif not any(one.check == part and name in one.nodes for one in out):
                good.append(name)
        if good:
            alone = "; there is no other host to compare it with" if len(of_hosts) == 1 else ""
            verb = "" if len(of_hosts) == 1 else "median "
            out.append(Outcome(tuple(good), part, PASS, f"{verb}{middle:.5g} {unit}, no wrong result{alone}"))
    return out
