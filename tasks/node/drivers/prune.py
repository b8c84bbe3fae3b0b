"""Keeps Ray's folders on a host small: removes what is over, and what no process uses. Runs as Ray's user.

    python prune.py MODE BYTES DAYS SPILL FOLDER...

MODE: prune keeps to the limits, BYTES for all logs and DAYS for each; clean removes all that is over; list says what
clean would remove; sizes says how much there is. SPILL: the folder for spilled objects, or ''. FOLDER: Ray's own.
Each line of the answer: the kind (logs, sessions, spill), the state (used, old, removed, left), bytes, and the path.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time

# A living Ray writes into its session's logs every 10 s, also one that this process cannot see.
QUIET = 300
SESSION = re.compile(r"session_\d")
ROTATED = re.compile(r"\.\d+(\.(out|err|log|txt))?$")
# Logs of which there is one for each worker, job or environment; those of Ray's own parts stay.
FINISHED = re.compile(
    r"(worker-|python-core-worker-|job-driver-|python-core-driver-|io-worker-|runtime_env_setup-|ray_client_server_)"
)


def words_of_processes():
    """The arguments of all processes except this one, as one text."""
    if os.path.isdir("/proc/self"):
        found = []
        for pid in os.listdir("/proc"):
            if pid.isdigit() and int(pid) != os.getpid():
                try:
                    with open("/proc/" + pid + "/cmdline", "rb") as file:
                        found.append(file.read())
                except OSError:
                    pass
        return b"\n".join(found).decode("utf-8", "replace")
    listed = subprocess.run(["ps", "-axwwo", "command="], stdout=subprocess.PIPE, check=False).stdout
    return listed.decode("utf-8", "replace")


def open_files():
    """The files that this user's processes have open; None where nobody says so.

    Not those of Ray's log monitor: it goes on reading the logs of workers that have ended, up to 200 of them.
    """
    found = set()
    if not os.path.isdir("/proc/self"):
        try:
            asked = ["lsof", "-nP", "-F", "n", "-u", str(os.getuid())]
            listed = subprocess.run(
                asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
            ).stdout
        except OSError:
            return None
        return {line[1:] for line in listed.decode("utf-8", "replace").splitlines() if line.startswith("n/")}
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open("/proc/" + pid + "/cmdline", "rb") as file:
                if b"log_monitor.py" in file.read():
                    continue
            for number in os.listdir("/proc/" + pid + "/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink("/proc/" + pid + "/fd/" + number))
        except OSError:
            pass
    return found


def files_below(folder):
    """(path, status) of each file."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):
                yield path, os.lstat(path)


def size_of(path):
    return sum(found.st_size for _, found in files_below(path))


def changed(folder):
    """When something in a folder was last written."""
    times = [found.st_mtime for _, found in files_below(folder)]
    with contextlib.suppress(OSError):
        times.append(os.lstat(folder).st_mtime)
    return max(times, default=0)


def mine(path):
    """A folder of this user, and no link to one."""
    try:
        return os.path.isdir(path) and not os.path.islink(path) and os.lstat(path).st_uid == os.getuid()
    except OSError:
        return False


def listed(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


class Ray:
    """Ray's folders, and what is in use there."""

    def __init__(self, spill, folders):
        self.spill, self.folders, self.now = spill, folders, time.time()
        self.words = words_of_processes()
        self.sessions = list(self._sessions())

    def _sessions(self):
        """(path, whether it is over) of each session. The latest one stays: people read the logs of what has ended."""
        for folder in self.folders:
            latest = os.path.basename(os.path.realpath(os.path.join(folder, "session_latest")))
            for name in listed(folder):
                path = os.path.join(folder, name)
                if SESSION.match(name) and mine(path):
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
                if name.startswith("ray_spilled_objects") and mine(path):
                    node = name[len("ray_spilled_objects_") :]
                    # without a node's id in its name nobody can tell whose it is
                    yield path, bool(node) and not self.uses(node) and self.quiet(path)

    def logs(self):
        """(path, status) of each log in the sessions that are not over."""
        for session, over in self.sessions:
            if not over:
                yield from files_below(os.path.join(session, "logs"))

    def finished(self):
        """The same of those that nobody writes any more."""
        used = open_files()
        if used is None:
            return
        for path, found in self.logs():
            name = os.path.basename(path)
            moved = os.path.basename(os.path.dirname(path)) == "old" or ROTATED.search(name)
            if not moved and (not FINISHED.match(name) or found.st_mtime > self.now - QUIET):
                continue
            # a session is known by several paths: in a container, and through the link to the latest one
            if found.st_uid == os.getuid() and path not in used and os.path.realpath(path) not in used:
                yield path, found


class Removal:
    """:param dry: only say what would be removed."""

    def __init__(self, dry):
        self.dry = dry

    def __call__(self, kind, path):
        """The bytes that are gone."""
        size = size_of(path) if os.path.isdir(path) else os.path.getsize(path)
        if not self.dry:
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                # who still reads it keeps the file, but not its bytes
                os.truncate(path, 0)
                os.unlink(path)
            if os.path.exists(path):
                print(kind, "left", size_of(path), path)
                return 0
        print(kind, "old" if self.dry else "removed", size, path)
        return size


def keep_to_limits(ray, remove, most, days, sessions):
    """:param sessions: of those that are over, the ones that are still there."""
    oldest = ray.now - days * 86400
    known = [(changed(path), size_of(path), "sessions", path) for path in sessions]
    known += [(found.st_mtime, found.st_size, "logs", path) for path, found in ray.finished()]
    total = sum(one[1] for one in known if one[2] == "sessions") + sum(
        found.st_size for _, found in ray.logs()
    )
    for written, _, kind, path in sorted(known):
        if written >= oldest and total <= most:
            break
        # Ray itself may have rotated it meanwhile
        with contextlib.suppress(OSError):
            total -= remove(kind, path)


def main(mode, most, days, spill, *folders):
    os.nice(10)
    ray = Ray(spill, [one for one in dict.fromkeys(folders) if os.path.isdir(one)])
    if mode == "sizes":
        spilled = [(path, size_of(path), over) for path, over in ray.spilled()]
        for path, over in ray.sessions:
            inside = sum(size for one, size, _ in spilled if one.startswith(path + "/"))
            print("sessions old" if over else "logs used", size_of(path) - inside, path)
        for path, size, over in spilled:
            print("spill", "old" if over else "used", size, path)
        return
    remove = Removal(dry=mode == "list")
    sessions = [path for path, over in ray.sessions if over]
    if mode != "prune":
        for path in sessions:
            remove("sessions", path)
        sessions = []
    for path, over in list(ray.spilled()):
        if over:
            remove("spill", path)
    keep_to_limits(ray, remove, int(most), int(days), sessions)


if __name__ == "__main__":
    main(*sys.argv[1:])
