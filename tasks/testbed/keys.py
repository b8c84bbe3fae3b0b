"""The lab's keys: one key pair for logins, and one host key for each address, which survives every rebuild.

The next lab reuses the addresses. The same key at the same address avoids conflicts in known_hosts.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tasks.testbed.engine import LAB_DIR, LabError, command, ensure_packages, lock


def login_key() -> Path:
    """Path of the private key that every lab host accepts."""
    return _ensure(LAB_DIR / "id_ed25519", "rayfab-lab")


def host_key(address: str) -> Path:
    """Path of the private host key of the lab host with that address."""
    key = _ensure(LAB_DIR / "host_keys" / address, address)
    with lock("known_hosts"):
        _known_hosts()
    return key


def public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text()


def known_hosts() -> Path:
    """Path of a known_hosts file with the key of every address a lab has ever used."""
    return LAB_DIR / "known_hosts"


def forget(addresses: Iterable[str], known: Path | None = None) -> int:
    """Remove the lab's own keys from the user's known_hosts; returns the number of lines removed.

    Only lines with exactly the lab's key are removed, and only those that name just that address.
    """
    known = known or _users()
    if not known.exists():
        return 0
    ours = {
        public(path).split()[1]: address
        for address in addresses
        if (path := LAB_DIR / "host_keys" / address).exists()
    }
    with lock("forget"):
        lines = known.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not _is_ours(line, ours)]
        return _keep(known, lines, kept)


def supersede(address: str, known: Path | None = None) -> int:
    """Remove old entries for this lab address from the user's known_hosts; returns the number of lines.

    They belong to a lab whose keys are gone (another copy of the project, a killed run), and would make the new
    host look like an impostor. Lines that also name other hosts are kept.
    """
    known = known or _users()
    if not known.exists():
        return 0
    ours = public(host_key(address)).split()[1]
    with lock("forget"):
        numbers = {number for name in (address, f"[{address}]:2222") for number in _found(name, known)}
        lines = known.read_text().splitlines(keepends=True)
        kept = [
            line
            for number, line in enumerate(lines, 1)
            if number not in numbers or ours in line.split() or set(line.split()[0]) & set(",*?!@")
        ]
        return _keep(known, lines, kept)


def _users() -> Path:
    # OpenSSH takes the home folder from the user database, not from $HOME, and so does `fab`
    import pwd  # missing on Windows, where `fab` must still load

    return Path(pwd.getpwuid(os.getuid()).pw_dir, ".ssh", "known_hosts")


def _found(name: str, known: Path) -> set[int]:
    """The numbers of the lines for exactly that name, hashed or not."""
    said = command(["ssh-keygen", "-F", name, "-f", str(known)]).stdout
    return {int(number) for number in re.findall(r"(?m)^# Host .* found: line (\d+)", said)}


def _keep(known: Path, lines: list[str], kept: list[str]) -> int:
    if len(kept) < len(lines):  # replaced atomically: others may read it at the same time
        with tempfile.NamedTemporaryFile("w", dir=known.parent, delete=False) as new:
            new.write("".join(kept))
        os.replace(new.name, known)
    return len(lines) - len(kept)


def _is_ours(line: str, ours: dict[str, str]) -> bool:
    words = line.split()
    address = ours.get(words[2]) if len(words) > 2 else None
    if address is None:
        return False
    return all(name == address or name.startswith((f"[{address}]:", "|1|")) for name in words[0].split(","))


def _ensure(path: Path, comment: str) -> Path:
    with lock("keys"):
        if not path.exists():
            ensure_packages({"ssh-keygen": "openssh-client"})
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            done = command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
            if done.returncode != 0:
                raise LabError(f"ssh-keygen failed: {done.stderr.strip()}")
    return path


def _known_hosts() -> None:
    folder = LAB_DIR / "host_keys"
    lines = [f"{key.stem} {' '.join(key.read_text().split()[:2])}\n" for key in sorted(folder.glob("*.pub"))]
    known_hosts().write_text("".join(lines))
