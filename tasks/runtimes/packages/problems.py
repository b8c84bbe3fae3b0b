"""Problems that prevent an environment with Ray on the host itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.node.places import mount_of
from tasks.node.subject import Subject
from tasks.text.wording import counted

GIB = 1 << 30
OLDEST = (2, 17)  # glibc
LEAST_PROCESSES, FEW_PROCESSES, FEW_FILES = 300, 2000, 4096
MOST_OBJECTS = 10**10  # bytes: Ray takes no more where /dev/shm has less
FILES = 15_000  # of an environment with Ray


def system(subject: Subject) -> Iterator[tuple[str, str]]:
    """Problems of the host's system, of its user's limits, and of what other users have left in Ray's folder."""
    facts, places = subject.facts, subject.facts.places
    if places.foreign:
        owner, path = places.foreign
        command = f"chmod 1777 {path}" if path == places.near else f"rm {path}"
        yield (
            f"{path} belongs to {owner}, and Ray has to write it",
            f"{owner} or root: {command}; or ray.temp_dir: a folder of {facts.user}'s own",
        )
    if facts.system != "Linux":
        return
    if facts.bits == 32:
        yield "the programs here are 32-bit, and Ray has packages for 64-bit systems only", "a 64-bit system"
    # Ray's wheels are built for glibc
    elif facts.libc == "musl" or (facts.libc == "" and facts.os_id == "alpine"):
        yield "Ray has no packages for musl (Alpine)", "runtime: docker"
    elif (found := re.fullmatch(r"glibc (\d+)\.(\d+)\S*", facts.libc)) and tuple(
        map(int, found.groups())
    ) < OLDEST:
        yield (
            f"Ray's packages need glibc 2.17 or newer, and here is {found[0]}",
            "runtime: docker, or a newer system",
        )
    if "noexec" in places.home.options:
        yield (
            f"{facts.home} lies on a file system without programs (noexec), and Ray is installed there",
            f"as root: mount -o remount,exec {places.home.at}",
        )
    if not facts.root and places.processes is not None and places.processes < LEAST_PROCESSES:
        yield (
            f"{facts.user} may have {places.processes} processes and threads (ulimit -u), and Ray needs hundreds",
            f"as root: echo '{facts.user} - nproc 65536' >/etc/security/limits.d/ray.conf",
        )


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """What a node can start with, but not work well with."""
    facts, places = subject.facts, subject.facts.places
    if facts.system != "Linux" or facts.active:
        return
    shm = places.rooms.get("/dev/shm")
    memory = facts.memory or 0
    arguments = subject.host.ray.head_args if subject.host.role == "head" else subject.host.ray.worker_args
    chosen = any(word.startswith(("--object-store-memory", "--plasma-directory")) for word in arguments)
    if shm and memory and not chosen and shm.free < (wanted := min(memory * 3 // 10, MOST_OBJECTS)):
        yield (
            f"/dev/shm has {shm.free >> 20} MiB, and Ray's objects get {wanted >> 20} MiB (30 % of the memory): "
            "they go to a slower place",
            f"as root: mount -o remount,size={(wanted >> 20) + 512}M /dev/shm; "
            'or head_args and worker_args: ["--object-store-memory=BYTES"]',
        )
    if facts.root or (facts.can_root and facts.systemd):
        return
    if places.processes is not None and LEAST_PROCESSES <= places.processes < FEW_PROCESSES:
        yield (
            f"{facts.user} may have {places.processes} processes and threads (ulimit -u), and each task takes dozens",
            f"as root: echo '{facts.user} - nproc 65536' >/etc/security/limits.d/ray.conf",
        )
    if places.files is not None and places.files < FEW_FILES:
        yield (
            f"a process may open {places.files} files (ulimit -n), and Ray needs thousands where many tasks run",
            f"as root: echo '{facts.user} - nofile 65536' >/etc/security/limits.d/ray.conf",
        )


def room(subject: Subject) -> Iterator[tuple[str, str]]:
    """A lack of disk space: an environment with Ray needs about 1 GiB."""
    facts = subject.facts
    free = facts.disk_free.get(mount_of(facts.home, facts.disk_free))
    if free is not None and free < GIB and not facts.envs:
        yield f"only {free >> 20} MiB are free for {facts.home}, 1 GiB is needed", "free some space"
    inodes = facts.places.inodes
    files = inodes.get(mount_of(facts.home, inodes))
    if files is not None and files < FILES and not facts.envs:
        yield (
            f"{facts.home} has room for only {counted(files, 'more file')} (inodes), {FILES} are needed",
            "remove some",
        )
