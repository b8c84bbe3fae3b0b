"""Signals and processes as the watch of a node uses them on Linux and macOS, a part of ``watch.py``."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time

from tasks.node.drivers.raylets import raylet_state, started


class Posix:
    """:param told: the signal that told the watch to end."""

    def __init__(self):
        self.told = []
        self.bell, self.ring = socket.socketpair()
        self.bell.setblocking(False)
        self.ring.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGTERM:
                signal.signal(number, self.on_signal)
        signal.signal(signal.SIGCHLD, self.on_child)

    def on_signal(self, number, frame):
        self.told.append(number)
        with contextlib.suppress(OSError):
            self.ring.send(b"x")

    def on_child(self, number, frame):
        with contextlib.suppress(OSError):
            self.ring.send(b"c")

    def wait(self, seconds):
        """Until then, or until a signal comes."""
        with contextlib.suppress(OSError, ValueError):
            if select.select([self.bell], [], [], max(seconds, 0))[0]:
                self.bell.recv(4096)

    def start(self, words):
        return subprocess.Popen(words)

    def started(self, ray, name):
        """A process of this name that Ray's command has started, and the node's id; None if there is none yet."""
        return started(ray.pid, name)

    def state(self, process, ray):
        """T: stopped; '': gone."""
        return raylet_state(process[0], ray.pid)

    def ask(self, ray):
        """Tells Ray's command to end."""
        with contextlib.suppress(OSError):
            ray.send_signal(signal.SIGTERM)

    def kill(self, process):
        with contextlib.suppress(OSError, TypeError):
            os.kill(process[0], signal.SIGKILL)

    def end(self, ray, seconds):
        """Ends Ray's command, and waits for it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if ray.poll() is None:
                with contextlib.suppress(OSError):
                    ray.send_signal(number)
            until = time.monotonic() + seconds
            while ray.poll() is None and time.monotonic() < until:
                self.wait(0.5)
