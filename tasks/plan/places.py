"""What the folders of a host mean for a node there: too full, in memory, without programs, cleaned, of another user."""

from __future__ import annotations

from collections.abc import Iterator

from tasks import runtimes
from tasks.node.names import RAY_DIR
from tasks.node.places import IN_MEMORY, Room, mount_of
from tasks.node.subject import Subject
from tasks.node.temp import IN_IT, temp_dir
from tasks.text.wording import counted, size

MIB, GIB = 1 << 20, 1 << 30
TOO_FULL = 95  # percent: above it Ray creates no objects
LEAST, ENOUGH = 20 * MIB, GIB  # for sockets and the first logs; for a working node
FEW_FILES = 10_000
ELSEWHERE = "ray.temp_dir: a folder on another disk"
SPILL_ELSEWHERE = "ray.spill_dir: a folder on another disk"
OBJECTS = 0.3  # of the memory: what Ray gives to objects
Problem = tuple[str, str]


def folder_of(subject: Subject) -> str:
    """Ray's own folder on this host."""
    return temp_dir(subject.host, subject.facts.home, runtimes.of(subject.host).temp_dir(subject.host))


def problems(subject: Subject) -> Iterator[Problem]:
    """What keeps Ray from using its folder at all."""
    facts, places, folder = subject.facts, subject.facts.places, folder_of(subject)
    if facts.system == "Windows":
        if subject.host.ray.temp_dir:
            yield "ray.temp_dir is not available on Windows yet", "leave it out on that host"
        if subject.host.ray.spill_dir:
            yield "ray.spill_dir is not available on Windows yet", "leave it out on that host"
        return
    room = places.rooms.get(mount_of(places.near, places.rooms))
    longest = runtimes.of(subject.host).longest_temp_dir(facts)
    if longest is not None and len(folder.encode()) > longest:
        most = longest + IN_IT
        why = f"{folder} is too long: the names of Ray's sockets in it would have more than {most} bytes"
        yield why, f"ray.temp_dir: a path of at most {longest} bytes"
    if "ro" in places.temp.options:
        yield f"{folder} lies on a file system that is read-only ({places.temp.at})", ELSEWHERE
    elif folder == RAY_DIR and not facts.tmp_writable:
        yield "/tmp is not writable, and Ray keeps its sockets and logs there", "chmod 1777 /tmp"
    elif not places.writable and not facts.can_root and not places.foreign:
        way = f"as root: install -d -m 1777 {folder}; or ray.temp_dir: a folder that {facts.user} may make"
        yield f"{facts.user} may not make {folder}", way
    elif room and room.free < LEAST:
        yield f"{folder} has no room: {_of(room)}", f"free some space, or {ELSEWHERE}"
    yield from _spill_problems(subject)


def _spill_problems(subject: Subject) -> Iterator[Problem]:
    facts, places, folder = subject.facts, subject.facts.places, subject.host.ray.spill_dir
    room = _spill_room(subject)
    if not folder:
        return
    if "ro" in places.spill.options:
        yield f"{folder} lies on a file system that is read-only ({places.spill.at})", SPILL_ELSEWHERE
    elif not places.spill_writable and not facts.can_root:
        way = f"as root: install -d -m 1777 {folder}; or ray.spill_dir: a folder that {facts.user} may make"
        yield f"{facts.user} may not make {folder}", way
    elif room and room.free < LEAST:
        yield f"{folder} has no room: {_of(room)}", f"free some space, or {SPILL_ELSEWHERE}"


def _spill_room(subject: Subject) -> Room | None:
    places = subject.facts.places
    return places.rooms.get(mount_of(places.spill_near, places.rooms)) if places.spill_near else None


def _spill_notes(subject: Subject) -> Iterator[Problem]:
    places, folder, room = subject.facts.places, subject.host.ray.spill_dir, _spill_room(subject)
    if not folder or not places.spill_near:
        return
    if places.spill.kind in IN_MEMORY:
        yield (
            f"{folder} lies in memory ({places.spill.kind}), which spilled objects are to make room in",
            SPILL_ELSEWHERE,
        )
    elif places.spill.kind.startswith("nfs"):
        yield f"{folder} lies on a file server ({places.spill.kind}): spilling will be slow", SPILL_ELSEWHERE
    # Ray's own folder says it where both are on one file system
    if room and room.free >= LEAST and room.used >= TOO_FULL and places.spill.at != places.temp.at:
        why = f'{folder} has little room: {_of(room)}; above {TOO_FULL} % Ray refuses objects ("Local disk is full")'
        yield why, f"free some space, or {SPILL_ELSEWHERE}"
    memory = subject.memory
    if room and memory and places.spill.kind not in IN_MEMORY and LEAST <= room.free < memory * OBJECTS:
        why = f"{folder} has room for fewer objects ({size(room.free)}) than the memory ({size(int(memory * OBJECTS))})"
        yield why, f"free some space, or {SPILL_ELSEWHERE}"


def notes(subject: Subject) -> Iterator[Problem]:
    """What goes wrong later, and when."""
    facts, places, folder = subject.facts, subject.facts.places, folder_of(subject)
    if facts.system != "Linux" or "ro" in places.temp.options:
        return
    room = places.rooms.get(mount_of(places.near, places.rooms))
    files = places.inodes.get(mount_of(places.near, places.inodes))
    if room and room.free >= LEAST and (room.free < ENOUGH or room.used >= TOO_FULL):
        why = f'{folder} has little room: {_of(room)}; above {TOO_FULL} % Ray refuses objects ("Local disk is full")'
        yield why, f"free some space, or {ELSEWHERE}"
    if files is not None and files < FEW_FILES:
        yield (
            f"{folder} has room for only {counted(files, 'more file')} (inodes)",
            f"remove some, or {ELSEWHERE}",
        )
    yield from _spill_notes(subject)
    if facts.active:
        return
    if places.temp.kind in IN_MEMORY:
        much = f" of {size(room.size)}" if room else ""
        yield (
            f"{folder} lies in memory ({places.temp.kind}{much}): logs and spilled objects take it up",
            ELSEWHERE,
        )
    if "noexec" in places.temp.options:
        why = 'compiled packages of a job\'s runtime_env do not load ("failed to map segment")'
        way = f"{ELSEWHERE}, or as root: mount -o remount,exec {places.temp.at}"
        yield f"{folder} lies on a file system without programs (noexec): {why}", way
    if places.cleaner and not (facts.can_root and facts.systemd):
        line = f"echo 'x {folder}/*' >/etc/tmpfiles.d/ray.conf"
        if not places.cleaner.startswith("systemd"):
            line = f"leave {folder} out, in the settings of {places.cleaner}"
        why = f"{places.cleaner.partition(',')[0]} removes old files there{places.cleaner.partition(',')[2]}"
        yield f"{folder} is cleaned: {why}, and a node without them runs no tasks", f"as root: {line}"


def hung(subject: Subject) -> Iterator[Problem]:
    """Programs that gave no answer; the host goes on without what they know."""
    ways = {
        "nvidia-smi": "a reboot, or the driver again; gpus: 0 does without",
        "sudo": "see its log, and the servers of names and users that it asks",
        "df": "a file server that is gone? umount -l its folder",
    }
    for program, seconds in subject.facts.hung:
        way = ways.get(program, f"try {program} on that host")
        yield f"{program} gave no answer within {seconds} s, so what it knows is left out", way


def _of(room: Room) -> str:
    return f"{size(room.free)} of {size(room.size)} are free"
