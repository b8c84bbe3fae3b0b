"""Problems that prevent an environment with Ray on the host itself."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.subject import Subject

GIB = 1 << 30


def system(subject: Subject) -> Iterator[tuple[str, str]]:
    """Problems of the host's system."""
    facts = subject.facts
    if facts.tmp_writable and facts.tmp_ray_foreign:
        yield (
            "/tmp/ray belongs to another user and is not accessible",
            "its owner or root: chmod 1777 /tmp/ray",
        )
    # Ray's wheels are built for glibc
    if facts.system == "Linux" and facts.libc == "" and facts.os_id == "alpine":
        yield "Ray has no packages for musl (Alpine)", "runtime: docker"


def room(subject: Subject) -> Iterator[tuple[str, str]]:
    """A lack of disk space: an environment with Ray needs about 1 GiB."""
    facts = subject.facts
    free = facts.disk_free.get(_mount(subject, facts.home))
    if free is not None and free < GIB and not facts.envs:
        yield f"only {free >> 20} MiB are free for {facts.home}, 1 GiB is needed", "free some space"


def _mount(subject: Subject, path: str) -> str:
    mounts = [m for m in subject.facts.disk_free if path == m or path.startswith(m.rstrip("/") + "/")]
    return max(mounts, key=len, default="/")
