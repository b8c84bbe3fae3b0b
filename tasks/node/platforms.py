"""Names of architectures and platforms: one machine is called differently by the kernel, Docker, conda, uv and wheels.

This project uses the Linux kernel's names of architectures: ``x86_64``, ``aarch64``, ``ppc64le``. A host's facts
keep the name that its system reports (macOS: ``arm64``); every comparison goes through :func:`machine`. Fragments that
choose something before a host's facts are known (an image, a wheel of uv) read ``uname -m`` themselves.

Sources: ``uname -m``; Docker's GOARCH names; conda's subdirs; the target platforms of ``uv pip compile``; PEP 600.
"""

from __future__ import annotations

import re

X86, ARM = "x86_64", "aarch64"
_UV_KEYS = {"ppc64le": "powerpc64le"}
_MACHINES = {"amd64": X86, "arm64": ARM}

# conda's platforms that this project supports -> the system, and the architecture as that system reports it
CONDA = {
    "linux-64": ("Linux", "x86_64"),
    "linux-aarch64": ("Linux", "aarch64"),
    "linux-ppc64le": ("Linux", "ppc64le"),
    "osx-64": ("Darwin", "x86_64"),
    "osx-arm64": ("Darwin", "arm64"),
    "win-64": ("Windows", "x86_64"),
}
# The minor versions of glibc that uv knows, newest first; all 2.x. Versions older than 2.17 count as 2.17.
_UV_GLIBC = (40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28, 17)


def machine(arch: str) -> str:
    """One name for each architecture, whichever tool reported it: ``AMD64`` and ``amd64`` are ``x86_64``."""
    return _MACHINES.get(arch.lower(), arch.lower())


def is_arm(arch: str) -> bool:
    """Whether it is 64-bit ARM: ``aarch64`` or ``arm64``."""
    return machine(arch) == ARM


def uv_key(arch: str) -> str:
    """The architecture in uv's names of Python builds."""
    return _UV_KEYS.get(machine(arch), machine(arch))


def conda_name(system: str, arch: str) -> str | None:
    """Conda's name for a platform, as in ``linux-64``; None if conda has no Ray for it."""
    wanted = (system, machine(arch))
    return next((name for name, (s, a) in CONDA.items() if (s, machine(a)) == wanted), None)


def uv_name(system: str, arch: str, glibc: str = "2.17") -> str:
    """uv's name for a platform: ``x86_64-manylinux_2_36``, ``aarch64-apple-darwin``.

    :param glibc: the version of a Linux host; text around it (``glibc 2.36``) is ignored.
    """
    name = machine(arch)
    if system == "Windows":
        return f"{name}-pc-windows-msvc"
    if system == "Darwin":
        return f"{name}-apple-darwin"
    found = re.search(r"\b2\.(\d+)", glibc)
    minor = int(found.group(1)) if found else 17
    return f"{name}-manylinux_2_{next((known for known in _UV_GLIBC if known <= minor), 17)}"
