"""Keeps Ray's folders on a host small: removes what is over, and what no process uses. Runs as Ray's user.

    python prune.py MODE BYTES DAYS FILES SPILL FOLDER...

MODE: prune keeps to the limits, BYTES and FILES for all logs and DAYS for each; clean removes all that is over; list
says what clean would remove; sizes says how much there is. SPILL: the folder for spilled objects, or ''. FOLDER: Ray's
own.
Each line of the answer: the kind (logs, sessions, spill), the state (used, old, removed, left), bytes, and the path.
"""

import contextlib
import os
import shutil
import subprocess
import sys

from tasks.node.drivers.keeping import main


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


class Posix:
    def words(self):
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

    def mine(self, path):
        """A folder of this user, and no link to one."""
        try:
            return os.path.isdir(path) and not os.path.islink(path) and self.owns(os.lstat(path))
        except OSError:
            return False

    def owns(self, found):
        return found.st_uid == os.getuid()

    def uses(self):
        """Says whether a process has a file open; None where nobody can say so."""
        used = open_files()
        if used is None:
            return None
        # a session is known by several paths: in a container, and through the link to the latest one
        return lambda path: path in used or os.path.realpath(path) in used

    def remove(self, path):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            # who still reads it keeps the file, but not its bytes
            os.truncate(path, 0)
            os.unlink(path)


if __name__ == "__main__":
    os.nice(10)
    main(Posix(), *sys.argv[1:])
