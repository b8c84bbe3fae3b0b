"""What goes of Ray's folders, and what stays: a part of ``prune.py`` and of ``prune_windows.py``.

What differs is ``system``: what processes use, and how something is removed.
"""

import contextlib
import os
import re
import time

# A living Ray writes into its session's logs every 10 s, also one that this process cannot see.
QUIET = 300
SESSION = re.compile(r"session_\d")
ROTATED = re.compile(r"\.\d+(\.(out|err|log|txt))?$")
# Logs of which there is one for each worker, job or environment; those of Ray's own parts stay.
FINISHED = re.compile(
    r"(worker-|python-core-worker-|job-driver-|python-core-driver-|io-worker-|runtime_env_setup-|ray_client_server_"
    r"|event_CORE_WORKER_|event_EXPORT_TASK_)"
)
# In which a node of a session says at which ports its parts listen.
PORTS = re.compile(r"\w+_port_([0-9a-f]{56})$")


def files_below(folder):
    """(path, status) of each file."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):
                yield path, os.lstat(path)


def size_of(path):
    return sum(found.st_size for _, found in files_below(path))


def count_of(path):
    return sum(1 for _ in files_below(path))


def changed(folder):
    """When something in a folder was last written."""
    times = [found.st_mtime for _, found in files_below(folder)]
    with contextlib.suppress(OSError):
        times.append(os.lstat(folder).st_mtime)
    return max(times, default=0)


def listed(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def latest_in(folder):
    """The name of the latest session; on Windows Ray may not be able to make the link to it."""
    link = os.path.join(folder, "session_latest")
    if os.path.lexists(link):
        return os.path.basename(os.path.realpath(link))
    return max((name for name in listed(folder) if SESSION.match(name)), default="")


class Ray:
    """Ray's folders, and what is in use there."""

    def __init__(self, system, spill, folders):
        self.system, self.spill, self.folders, self.now = system, spill, folders, time.time()
        self.words = system.words()
        self.sessions = list(self._sessions())

    def _sessions(self):
        """(path, whether it is over) of each session. The latest one stays: people read the logs of what has ended."""
        for folder in self.folders:
            latest = latest_in(folder)
            for name in listed(folder):
                path = os.path.join(folder, name)
                if SESSION.match(name) and self.system.mine(path):
                    yield path, name != latest and not self.uses(name) and self.quiet(path)

    def uses(self, name):
        """Whether a process has this name among its arguments: of a session, or of a node."""
        return re.search(re.escape(name) + r"(?![\w-])", self.words) is not None

    def quiet(self, path):
        return changed(path) < self.now - QUIET

    def spilled(self):
        """(path, whether its node is gone) of each folder with spilled objects, but those of sessions that are over."""
        kept = [path for path, over in self.sessions if not over]
        for folder in kept + ([self.spill] if self.spill else []):
            for name in listed(folder):
                path = os.path.join(folder, name)
                if name.startswith("ray_spilled_objects") and self.system.mine(path):
                    node = name[len("ray_spilled_objects_") :]
                    # without a node's id in its name nobody can tell whose it is
                    yield path, bool(node) and not self.uses(node) and self.quiet(path)

    def ports(self):
        """The files of ports of the nodes that are gone, in the sessions that are not over."""
        for session, over in self.sessions:
            for name in [] if over else listed(session):
                found, path = PORTS.match(name), os.path.join(session, name)
                if found and not self.uses(found.group(1)) and self.quiet(path):
                    yield path

    def logs(self):
        """(path, status) of each log in the sessions that are not over."""
        for session, over in self.sessions:
            if not over:
                yield from files_below(os.path.join(session, "logs"))

    def finished(self):
        """The same of those that nobody writes any more."""
        uses = self.system.uses()
        if uses is None:
            return
        for path, found in self.logs():
            name = os.path.basename(path)
            moved = os.path.basename(os.path.dirname(path)) == "old" or ROTATED.search(name)
            if not moved and (not FINISHED.match(name) or found.st_mtime > self.now - QUIET):
                continue
            if self.system.owns(found) and not uses(path):
                yield path, found


class Removal:
    """:param dry: only say what would be removed."""

    def __init__(self, system, dry):
        self.system, self.dry = system, dry

    def __call__(self, kind, path):
        """The bytes that are gone."""
        size = size_of(path) if os.path.isdir(path) else os.path.getsize(path)
        if not self.dry:
            self.system.remove(path)
            if os.path.exists(path):
                print(kind, "left", size_of(path), path)
                return 0
        print(kind, "old" if self.dry else "removed", size, path)
        return size


def keep_to_limits(ray, remove, most, days, files, sessions):
    """:param sessions: of those that are over, the ones that are still there."""
    oldest = ray.now - days * 86400
    over = [(changed(path), count_of(path), "sessions", path) for path in sessions]
    logs = [found.st_size for _, found in ray.logs()]
    total = sum(map(size_of, sessions)) + sum(logs)
    count = sum(one[1] for one in over) + len(logs)
    known = over + [(found.st_mtime, 1, "logs", path) for path, found in ray.finished()]
    for written, number, kind, path in sorted(known):
        if written >= oldest and total <= most and count <= files:
            break
        # Ray itself may have rotated it meanwhile
        with contextlib.suppress(OSError):
            total -= remove(kind, path)
            count -= number


def main(system, mode, most, days, files, spill, *folders):
    ray = Ray(system, spill, [one for one in dict.fromkeys(folders) if os.path.isdir(one)])
    if mode == "sizes":
        spilled = [(path, size_of(path), over) for path, over in ray.spilled()]
        for path, over in ray.sessions:
            inside = sum(size for one, size, _ in spilled if one.startswith(path + os.sep))
            print("sessions old" if over else "logs used", size_of(path) - inside, path)
        for path, size, over in spilled:
            print("spill", "old" if over else "used", size, path)
        return
    remove = Removal(system, dry=mode == "list")
    sessions = [path for path, over in ray.sessions if over]
    if mode != "prune":
        for path in sessions:
            remove("sessions", path)
        sessions = []
    for path, over in list(ray.spilled()):
        if over:
            remove("spill", path)
    for path in list(ray.ports()):
        # of another user
        with contextlib.suppress(OSError):
            remove("sessions", path)
    keep_to_limits(ray, remove, int(most), int(days), int(files), sessions)
