"""Processes as the watch of a node sees and ends them on Windows, a part of ``watch_windows.py``.

There are no signals. Ray's own psutil shows the processes: it is in each of Ray's wheels.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time

from tasks.node.drivers.rays_psutil import psutil


class Windows:
    """:param told: not empty once the loop has ended."""

    def __init__(self):
        self.told, self.bell = [], threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Until the loop ends."""
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        self.told.append(True)
        self.bell.set()

    def wait(self, seconds):
        """Until then, or until told."""
        self.bell.wait(max(seconds, 0))
        if self.told:
            # an ended process is looked for again and again
            time.sleep(min(max(seconds, 0), 0.2))

    def start(self, words):
        """Ends what has outlived the Ray before, since it would hold the ports, and starts Ray's command."""
        place = os.path.normcase(os.path.dirname(os.path.dirname(words[0])) + os.sep)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                ours = process.name().lower() in ("raylet.exe", "gcs_server.exe")
                if ours and os.path.normcase(process.exe()).startswith(place):
                    process.kill()
        return subprocess.Popen(words, stdin=subprocess.DEVNULL)

    def below(self, ray):
        """All processes that Ray's command has started: `ray.exe` starts Python, which starts the others."""
        try:
            return psutil.Process(ray.pid).children(recursive=True)
        except psutil.Error:
            return []

    def started(self, ray, name):
        """A process of this name that Ray's command has started, and the node's id; None if there is none yet."""
        for process in self.below(ray):
            with contextlib.suppress(psutil.Error, OSError):
                if process.name().lower() == name + ".exe":
                    found = [one for one in process.cmdline() if one.startswith("--node_id=")]
                    return process, found[0].partition("=")[2] if found else ""
        return None

    def state(self, process, ray):
        """'': gone."""
        return "R" if process[0].is_running() else ""

    def ask(self, ray):
        self.end(ray, 15)

    def kill(self, process):
        with contextlib.suppress(psutil.Error, OSError, TypeError):
            process[0].kill()

    def end(self, ray, seconds):
        """Ends Ray's command with all that it has started, and waits for it."""
        for process in [*self.below(ray), ray]:
            with contextlib.suppress(psutil.Error, OSError):
                process.kill()
        until = time.monotonic() + seconds
        while ray.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
