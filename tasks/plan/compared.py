"""What shows when hosts are compared with each other: clocks, packages, names, networks. For the doctor."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

from tasks.node.interfaces import Address
from tasks.plan.health import Patient
from tasks.plan.outcomes import FAIL, SKIP, WARN, Outcome, passed

LATE, WRONG = 2.0, 120.0  # seconds between a clock and the median
LISTED = 4  # packages that one line names


def of_all(patients: Sequence[Patient]) -> list[Outcome]:
    """The outcomes of all comparisons, passes too."""
    names = [patient.name for patient in patients]
    out = _clocks(patients)
    out += passed([*_twice(patients), *_machines(patients)], names, "machine-id", "each has its own")
    out += passed(_differing(patients, "mtu", _mtu, "MTU {}"), names, "mtu", "the same everywhere")
    out += passed(list(_packages(patients)), names, "packages", "the same everywhere")
    out += passed([*_proxies(patients), *_no_proxy(patients)], names, "proxy", _proxy_text(patients))
    drivers = _differing(patients, "gpu-driver", _driver, "NVIDIA's driver {}")
    cards = [patient.name for patient in patients if _driver(patient)]
    return out + passed(drivers, cards, "gpu-driver", "the same everywhere")


def _clocks(patients: Sequence[Patient]) -> list[Outcome]:
    known = {one.name: one.skew for one in patients if one.skew is not None}
    if len(known) < 2:
        return [Outcome(tuple(one.name for one in patients), "clock", SKIP, "there is no other clock")]
    middle = median(one.skew + one.blur / 2 for one in patients if one.skew is not None)
    found, most = [], 0.0
    for one in patients:
        if one.name not in known:
            found.append(Outcome((one.name,), "clock", SKIP, "not read"))
            continue
        # the nearest to the median that the reading allows: a slow answer is no wrong clock
        low = known[one.name] - middle
        skew = low if low > 0 else min(0.0, low + one.blur)
        if abs(skew) <= LATE:
            most = max(most, abs(skew))
            continue
        ntp = one.health.ntp if one.health else {}
        off = "; no NTP keeps it" if ntp.get("NTPSynchronized") == "no" else ""
        way = "fab doctor --fix switches NTP on; or set it: date -s '@SECONDS' as root"
        result = FAIL if abs(skew) > WRONG else WARN
        text = f"{skew:+.0f} s from the median of all hosts{off}"
        found.append(Outcome((one.name,), "clock", result, text, way, "clock"))
    return passed(found, known, "clock", f"within {max(most, 0.1):.1f} s of the median")


def _twice(patients: Sequence[Patient]) -> Iterator[Outcome]:
    """Clones: machines with one id, which are told apart by their boots."""
    owners: dict[str, list[Patient]] = {}
    for one in patients:
        if one.subject.facts.machine_id:
            owners.setdefault(one.subject.facts.machine_id, []).append(one)
    for clones in owners.values():
        if len(clones) > 1:
            way = "on all but one, as root: rm /etc/machine-id && systemd-machine-id-setup, then a reboot"
            names = tuple(one.name for one in clones)
            yield Outcome(names, "machine-id", WARN, "the same on all of them, as on copied machines", way)


def _machines(patients: Sequence[Patient]) -> Iterator[Outcome]:
    owners: dict[str, list[str]] = {}
    for one in patients:
        owners.setdefault(one.subject.facts.hostname, []).append(one.name)
    for hostname, names in owners.items():
        if hostname and len(names) > 1:
            way = "as root, on all but one: hostnamectl set-hostname ANOTHER"
            yield Outcome(tuple(names), "hostname", WARN, f"all of them call themselves {hostname}", way)


def _differing(
    patients: Sequence[Patient], check: str, of: Callable[[Patient], str], text: str
) -> list[Outcome]:
    """Those that differ from what most hosts have."""
    values = {one.name: of(one) for one in patients if of(one)}
    if len(set(values.values())) < 2:
        return []
    usual = Counter(values.values()).most_common(1)[0][0]
    ways = {
        "mtu": f"as root: ip link set dev INTERFACE mtu {usual}, and in the network's configuration",
        "gpu-driver": "the same driver on all hosts: from the distribution, then a reboot",
    }
    return [
        Outcome((name,), check, WARN, f"{text.format(value)} here, {usual} on most hosts", ways[check])
        for name, value in values.items()
        if value != usual
    ]


def _mtu(patient: Patient) -> str:
    """The MTU of the interface with the node's address."""
    sizes = patient.health.mtu if patient.health else {}
    found: Sequence[Address] = patient.subject.facts.addresses
    own = next((one.interface for one in found if one.ip == patient.address), None)
    return str(sizes.get(own or patient.subject.facts.default_interface or "", "") or "")


def _driver(patient: Patient) -> str:
    cards = patient.health.gpus if patient.health else ()
    return cards[0].driver if cards else ""


def _installed(patient: Patient) -> Mapping[str, str]:
    """What the environment contains, or else what was locked for it."""
    if patient.health and patient.health.packages:
        return patient.health.packages
    lines = (
        re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line) for line in patient.lock.splitlines()
    )
    return {re.sub(r"[-_.]+", "-", one.group(1)).lower(): one.group(2) for one in lines if one}


def _packages(patients: Sequence[Patient]) -> Iterator[Outcome]:
    """Packages of which a host has another version than most, or none; compared within one runtime and system."""
    alike: dict[tuple[str, ...], dict[str, Mapping[str, str]]] = {}
    for one in patients:
        facts = one.subject.facts
        if found := _installed(one):
            alike.setdefault((one.subject.host.runtime, facts.system, facts.arch), {})[one.name] = found
    for hosts in alike.values():
        if len(hosts) < 2:
            continue
        counts: dict[str, Counter[str]] = {}
        for found in hosts.values():
            for package, version in found.items():
                counts.setdefault(package, Counter())[version] += 1
        first = next(iter(hosts.values()))
        usually = {
            package: _usual(versions, len(hosts), first.get(package, "none"))
            for package, versions in counts.items()
        }
        for name, found in hosts.items():
            odd = []
            for package, usual in sorted(usually.items()):
                here = found.get(package, "none")
                if here != usual:
                    odd.append(f"{package} {here} ({usual})")
            if odd:
                more = f" and {len(odd) - LISTED} more" if len(odd) > LISTED else ""
                text = f"differs from the others, whose versions are in brackets: {', '.join(odd[:LISTED])}{more}"
                way = "fab deploy-cluster installs what the hosts file says"
                yield Outcome((name,), "packages", WARN, text, way)


def _usual(versions: Counter[str], hosts: int, first: str) -> str:
    """What most hosts have, ``none`` included; of two that are as frequent that of the first host, the head."""
    counts = Counter({**versions, "none": hosts - sum(versions.values())})
    most = max(counts.values())
    return first if counts[first] == most else next(one for one, count in counts.items() if count == most)


def _settings(patient: Patient) -> str:
    found = patient.health.proxies if patient.health else {}
    return ", ".join(f"{key}={value}" for key, value in sorted(found.items()) if key != "no_proxy")


def _proxies(patients: Sequence[Patient]) -> Iterator[Outcome]:
    looked = {one.name: _settings(one) for one in patients if one.health}
    if len(set(looked.values())) < 2:
        return
    usual = Counter(looked.values()).most_common(1)[0][0]
    for name, own in looked.items():
        if own != usual:
            text = f"{own or 'no proxy'} here, {usual or 'none'} on most hosts"
            yield Outcome((name,), "proxy", WARN, text, "mirrors.proxy in the hosts file is the same for all")


def _no_proxy(patients: Sequence[Patient]) -> Iterator[Outcome]:
    """Raylets whose jobs would send what is for the head through a proxy."""
    head = next((one.address for one in patients if one.subject.host.role == "head"), "")
    for one in patients:
        found = one.health.ray_proxies if one.health else {}
        direct = found.get("no_proxy", "").split(",")
        if head and set(found) - {"no_proxy"} and not {head, "*"} & {word.strip() for word in direct}:
            text = f"Ray's processes use a proxy, also for the head ({head})"
            yield Outcome((one.name,), "proxy", WARN, text, "fab restart passes on which addresses need none")


def _proxy_text(patients: Sequence[Patient]) -> str:
    found = {_settings(one) for one in patients if one.health} - {""}
    return f"{found.pop()} everywhere" if len(found) == 1 else "none"
