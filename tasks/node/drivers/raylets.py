"""Ray's processes as the kernel shows them, a part of ``watch.py``."""

import contextlib
import os
import subprocess


def program(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
    return ""


def standing(pid):
    """State and parent of a process as the kernel shows them; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else (state, int(parent))


def started(parent, name):
    """Process id and node id of the raylet or gcs_server that this process has started; None if there is none yet."""
    if os.path.isdir("/proc/self"):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if program(pid) == name and (standing(pid) or ("", 0))[1] == parent:
                with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as file:
                    return int(pid), node_id(file.read().split("\0"))
        return None
    asked = subprocess.run(["ps", "-axwwo", "pid=,ppid=,command="], stdout=subprocess.PIPE)
    for line in asked.stdout.decode(errors="replace").splitlines():
        pid, above, *said = line.split()
        if above == str(parent) and said and os.path.basename(said[0]) == name:
            return int(pid), node_id(said)
    return None


def node_id(arguments):
    found = [one for one in arguments if one.startswith("--node_id=")]
    return found[0].partition("=")[2] if found else ""


def raylet_state(pid, parent):
    """T: stopped; '': gone."""
    if os.path.isdir("/proc/self"):
        found = standing(pid)
        return found[0] if found and found[1] == parent else ""
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "R"
