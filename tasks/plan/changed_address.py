"""Whether a host still has the address under which its node was started."""

from __future__ import annotations

import ipaddress

from tasks.node.subject import Subject


def old_address(subject: Subject) -> str:
    """The address of the host's node if the host does not have it any more; else ''.

    An address that the hosts file sets may be another machine's, which passes everything on.
    """
    address = str(subject.state.get("node_ip") or "")
    has = {one.ip for one in subject.facts.addresses}
    if not address or not has or address == subject.host.node_ip:
        return ""
    try:
        kept = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return "" if kept.is_loopback or str(kept) in has or address in has else address
