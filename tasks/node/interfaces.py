"""The addresses of a host's interfaces, from what `ip`, `ifconfig` or the kernel says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Bridges and switches for containers and virtual machines on one host. A bridge br-lan, br0 or vmbr0 may have the
# host's own address: Docker names its bridges by 12 hex digits.
_VIRTUAL = (
    "br-[0-9a-f]{12}|docker|veth|virbr|vboxnet|vmnet|vmenet|bridge1|lxc|lxdbr|incusbr|podman|cni|flannel|cali|cilium|"
    # On Windows a virtual switch may have the host's own address, but these never do.
    r"weave|kube|nodelocaldns|vxlan|vEthernet_\(WSL|vEthernet_\((Default_Switch|DockerNAT|nat)\)"
)
_VPN = "tun|tap|wg|tailscale|utun|ppp|zt[0-9a-z]{8}|nebula|ipsec|xfrm|gpd|cscotun|nordlynx|proton"


@dataclass(frozen=True)
class Address:
    """One address of a host, and its network."""

    interface: str
    ip: str
    prefix: int

    @property
    def virtual(self) -> bool:
        """True for bridges and other interfaces that other machines can't reach."""
        return bool(re.match(_VIRTUAL, self.interface))

    @property
    def vpn(self) -> bool:
        """True for the host's end of a tunnel."""
        return bool(re.match(_VPN, self.interface))

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network(f"{self.ip}/{self.prefix}", strict=False)


def addresses_of(texts: Mapping[str, Sequence[str]]) -> list[Address]:
    out = []
    for line in texts.get("ip_addr", ()):
        got = re.match(r"\d+:\s+(\S+)\s+inet6?\s+([0-9a-fA-F.:]+)(?:/(\d+))?", line)
        if got and "scope link" not in line:
            full = 128 if ":" in got.group(2) else 32
            out.append(Address(got.group(1).split("@")[0], got.group(2), int(got.group(3) or full)))
    interface = ""
    for line in texts.get("ifconfig", ()):
        if line and not line[0].isspace():
            interface = re.split(r"[:\s]", line)[0]
        got = re.match(r"\s+inet (?:addr:)?([\d.]+).*?(?:netmask|Mask:)\s*(0x[0-9a-f]+|[\d.]+)", line)
        if got:
            out.append(Address(interface, got.group(1), _prefix(got.group(2))))
    out += [Address("", line.strip(), 32) for line in texts.get("fib", ()) if line.strip()]
    return out


def _prefix(mask: str) -> int:
    number = int(mask, 16) if mask.startswith("0x") else int(ipaddress.IPv4Address(mask))
    return bin(number).count("1")


def default_interface(texts: Mapping[str, Sequence[str]]) -> str | None:
    best: tuple[int, str] | None = None
    for line in texts.get("route", ()):
        parts = line.split()
        if len(parts) > 7 and parts[1] == "00000000" and parts[7] == "00000000":
            best = min(best or (1 << 31, ""), (int(parts[6]), parts[0]))
    for line in texts.get("route_default", ()):
        if line.strip().startswith("interface:"):
            return line.split(":")[1].strip()
    return best[1] if best else None
