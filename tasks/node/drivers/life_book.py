"""The book of a node's watch, a part of ``watch.py``: what it knows, in one file, as one line of JSON.

See tasks/node/watched.py.
"""

import contextlib
import json
import os
import subprocess
import time

BUDGET = 3  # as many faults within an hour lead to a new start
HOUR = 3600
PAUSES = (0, 10, 30, 60, 120, 300)  # seconds before a start, by the number of ends before it


def say(text):
    print("rayfab: " + text, flush=True)


def boot(before):
    """What changes with each boot; '' if unknown. :param before: what it was, as far as it is known."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], stdout=subprocess.PIPE, timeout=10)
        return said.stdout.decode().strip()
    # Windows has no name for it; the clock may be set a little
    began = int(time.time() - time.monotonic())
    return before if before.isdigit() and abs(int(before) - began) <= 60 else str(began)


def put_in_place(new, path):
    """On Windows a file cannot be replaced while somebody reads it."""
    for rest in range(9, -1, -1):
        try:
            return os.replace(new, path)
        except PermissionError:
            if not rest:
                raise
            time.sleep(0.05)


def fresh(path):
    """Whether this is the first start in this container; a file within it tells."""
    if not path or os.path.exists(path):
        return False
    with contextlib.suppress(OSError), open(path, "w"):
        pass
    return True


class Book:
    """The file; `kept` is false where it cannot be written."""

    def __init__(self, path, box):
        self.path, self.kept, self.known = path, True, {}
        if not fresh(box):
            with contextlib.suppress(OSError, ValueError), open(path) as file:
                self.known = dict(json.load(file))
        now, this = time.time(), boot(str(self.known.get("boot", "")))
        if self.known.get("boot") != this:
            self.known = {"boot": this, "joined": self.known.get("joined", False)}
        faults = [one for one in self.known.get("faults", []) if 0 <= now - one[0] <= HOUR]
        self.known["faults"] = faults
        self.known.pop("away", None)

    def note(self, **changes):
        """Writes what is not None, and forgets what is; `since` is when the phase has begun."""
        if "phase" in changes and changes["phase"] != self.known.get("phase"):
            changes.setdefault("since", int(time.time()))
        after = {key: value for key, value in {**self.known, **changes}.items() if value is not None}
        if after == self.known and self.kept:
            return
        self.known = after
        new = self.path + ".new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
                file.write(json.dumps(after, sort_keys=True) + "\n")
            put_in_place(new, self.path)
            self.kept = True
        except OSError as error:
            if self.kept:
                say(f"cannot write {self.path}: {error}")
            self.kept = False

    def fault(self, why):
        """Counts a fault; whether the node is to be started again."""
        faults = [one for one in self.known["faults"] if time.time() - one[0] <= HOUR]
        faults = [*faults, [int(time.time()), why]]
        if len(faults) > BUDGET:
            self.note(faults=faults, phase="down", why=why, away=None)
        else:
            self.note(faults=faults, why=why)
        return self.kept

    def pause(self):
        """Seconds to wait before the next start."""
        ends = max(len(self.known["faults"]), self.known.get("fails", 0))
        return PAUSES[min(max(ends - 1, 0), len(PAUSES) - 1)]
