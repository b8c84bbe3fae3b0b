"""The hosts' root file systems: debootstrap once, then a layer for each flavour, cached by content."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence

from tasks.testbed import machine
from tasks.testbed.engine import LABEL, LabError, Say, command, docker, ensure_packages, lock

FLAVOURS = ("bare", "python", "docker")  # the kinds of hosts
PACKAGES = ",".join(
    (
        *("systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd"),
        *("openssh-server", "sudo", "zsh", "procps", "iproute2", "iputils-ping"),
    )
)

# PID 1 of a host before systemd. Docker mounts the cgroups of the host's namespace read-only. With cgroup v1,
# systemd uses the unified hierarchy to see that a service has ended. If Docker did not give the host its own part
# of it (a root cgroup has no cgroup.type), systemd must not use it, because all hosts would share it.
INIT = """#!/bin/sh
for mount in /sys /sys/fs/cgroup /sys/fs/cgroup/*; do
    mountpoint -q "$mount" && mount -o remount,bind,rw "$mount"
done
[ -f /etc/lab/resolv.conf ] && cat /etc/lab/resolv.conf > /etc/resolv.conf
if [ ! -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /run/unified
    mount -t cgroup2 cgroup2 /run/unified
    [ -f /run/unified/cgroup.type ] || set -- systemd.legacy_systemd_cgroup_controller=yes
    umount /run/unified
fi
exec /sbin/init "$@"
"""

SSHD = "HostKey /etc/ssh/ssh_host_ed25519_key\nMaxStartups 300\n"

# Masked: units that need hardware or change the shared kernel, and apt's timers, which would hold the package
# lock during a test.
BARE = """
set -e
systemctl mask systemd-udevd.service systemd-networkd.service systemd-resolved.service systemd-pstore.service
systemctl mask getty.target console-getty.service
systemctl mask e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer
systemctl mask sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
systemctl mask systemd-sysctl.service systemd-modules-load.service apt-daily.timer apt-daily-upgrade.timer
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
touch /etc/machine-id
rm -rf /usr/share/doc /usr/share/man /usr/share/locale /usr/share/info
mkdir -p /root/.ssh
chmod 700 /root/.ssh
"""

INSTALL = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends {packages}
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man
"""

LAYERS = {
    "bare": ("base", BARE),
    # fish needs python3; polkitd lets a plain user enable lingering, as on Ubuntu Server
    "python": ("bare", INSTALL.format(packages="ca-certificates fish polkitd python3")),
    "docker": ("python", INSTALL.format(packages="docker.io iptables")),
    # for hosts without Python and curl, in tests alone
    "wget": ("bare", INSTALL.format(packages="ca-certificates wget")),
    "registry": ("python", INSTALL.format(packages="docker-registry skopeo")),  # for registry.py alone
}


def ensure_image(flavour: str, say: Say) -> str:
    """Tag of the image for a flavour (bare | python | docker), built if it does not exist."""
    if flavour not in LAYERS:
        raise LabError(f"no such flavour: {flavour} (there are {', '.join(FLAVOURS)})")
    with lock("image"):
        return _ensure(flavour, say)


def _ensure(name: str, say: Say) -> str:
    if name == "base":
        return _base(say)
    below, script = LAYERS[name]
    parent = _ensure(below, say)
    files = machine_files() if name == "bare" else {}
    tag = f"rayfab-lab/{name}:{digest(parent, script, *sorted(map(str, files.items())))}"
    if not exists(tag):
        say(f"building the image {name}")
        layer(parent, script, tag, files, changes=['CMD ["/lab-init"]'])
    return tag


def machine_files() -> dict[str, tuple[str, int]]:
    files = {path: (text, 0o644) for path, text in machine.settings().items()}
    return {**files, "/lab-init": (INIT, 0o755), "/etc/ssh/sshd_config.d/10-lab.conf": (SSHD, 0o644)}


def _base(say: Say) -> str:
    tag = f"rayfab-lab/base:{digest(machine.SUITE, PACKAGES)}"
    if exists(tag):
        return tag
    say("building the base system with debootstrap (about a minute, once)")
    ensure_packages({"debootstrap": "debootstrap"})
    ensure_packages({"/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring"})
    mirror = [uri for uri, suite in machine.apt_sources() if suite == machine.SUITE][:1]
    with tempfile.TemporaryDirectory(prefix="rayfab-lab-") as folder:
        root = f"{folder}/root"
        done = command(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", machine.SUITE, root, *mirror],
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise LabError(f"debootstrap failed: {' '.join(last)}")
        shutil.rmtree(f"{root}/var/cache/apt", ignore_errors=True)
        shutil.rmtree(f"{root}/var/lib/apt/lists", ignore_errors=True)
        done = command(["sh", "-c", f"tar -C {root} -c . | docker import -c 'LABEL {LABEL}=image' - {tag}"])
        if done.returncode != 0:
            raise LabError(f"docker import failed: {done.stderr.strip()}")
    return tag


def layer(
    parent: str,
    script: str,
    tag: str,
    files: Mapping[str, tuple[str | bytes, int]] | None = None,
    changes: Sequence[str] = (),
    mounts: Sequence[str] = (),
) -> None:
    """Commit `parent` + files + the effects of a shell script as `tag`.

    files: absolute path -> (content, mode); changes: Dockerfile lines; mounts: HOST:INSIDE:ro, for the build.
    Raises LabError with the script's last line.
    """
    name = f"rayfab-lab-build-{digest(tag)}"
    command(["docker", "rm", "-f", "-v", name])  # left by an interrupted build
    volumes = [word for mount in mounts for word in ("-v", mount)]
    docker("create", "-i", "--name", name, "--user", "root", *volumes, parent, "sh", "-s")
    try:
        if files:
            docker("cp", "-", f"{name}:/", stdin=archive(files))
        done = command(["docker", "start", "-ai", name], stdin=script, timeout=1800)
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise LabError(f"building {tag} failed: {' '.join(last)}")
        lines = [f"LABEL {LABEL}=image", *changes]
        docker("commit", *[word for line in lines for word in ("-c", line)], name, tag)
    finally:
        command(["docker", "rm", "-f", "-v", name])


def archive(files: Mapping[str, tuple[str | bytes, int]]) -> bytes:
    """A tar of files, owned by root. files: absolute path -> (content, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, (content, mode) in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def exists(tag: str) -> bool:
    return bool(docker("images", "-q", tag))


def purge() -> list[str]:
    """Remove all images built by labs; returns their tags."""
    tags = docker("images", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}").split()
    if tags:
        docker("rmi", "--force", *tags)
    return tags
