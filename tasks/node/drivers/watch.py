"""Runs `ray start --block` and sees to it that a raylet lives. Written by a deploy, run by what supervises the node.

Ray's command stays when its raylet ends in peace: after a drain, `ray stop` or SIGTERM. Then this ends the command and
itself, and the supervisor starts the node again. With "heal" it also asks the node every 20 s: after three silent
answers in a row it ends Ray. After more than three such ends within an hour Ray stays down until a deploy, a start or
a reboot. While the head cannot be reached, a worker waits for it, and nothing counts.

What it knows is in one file: see life_book.py. Its parts become one program: see tasks/script/files.py.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

from tasks.node.drivers.life_book import HOUR, Book, say
from tasks.node.drivers.probe import YOUNG, Probe, reaches, silent
from tasks.node.drivers.raylets import raylet_state, started

LOOK = 2  # seconds between two looks at the raylet
SILENT = 3  # as many silent answers in a row are a fault
START = 120  # seconds that a start may take

options, words = json.loads(sys.argv[1]), sys.argv[2:]
told = []  # the signal that told this to end
bell, ring = socket.socketpair()


def wait(seconds):
    """Until then, or until a signal comes."""
    with contextlib.suppress(OSError, ValueError):
        if select.select([bell], [], [], max(seconds, 0))[0]:
            bell.recv(4096)


def on_signal(number, frame):
    told.append(number)
    with contextlib.suppress(OSError):
        ring.send(b"x")


def on_child(number, frame):
    with contextlib.suppress(OSError):
        ring.send(b"c")


def end(ray, seconds):
    """Ends Ray's command, and waits for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if ray.poll() is None:
            with contextlib.suppress(OSError):
                ray.send_signal(number)
        until = time.monotonic() + seconds
        while ray.poll() is None and time.monotonic() < until:
            wait(0.5)


def hold(book):
    """Before the start: stays down, waits for the head, makes a pause. False if told to end meanwhile."""
    if book.known.get("phase") == "down" and options["heal"]:
        say("stays down: {}; a deploy or a start ends this".format(book.known.get("why", "")))
        while not told:
            wait(HOUR)
        return False
    fails, until = book.known.get("fails", 0), time.monotonic() + book.pause()
    if until > time.monotonic():
        book.note(phase="pause")
    while not told and time.monotonic() < until:
        wait(until - time.monotonic())
    # the first start after a deploy tries at once, so that the deploy learns what Ray says
    if options["head"] or not (book.known.get("joined") or fails):
        return not told
    while not told and not reaches(options["gcs"]):
        if book.known.get("phase") != "waiting":
            say("cannot reach the head at {}; waiting for it".format(options["gcs"]))
            book.note(phase="waiting", away=int(time.time()))
        wait(LOOK)
    return not told


def watch(book, ray):
    """Until Ray ends; what ended it: told, raylet, probe or itself."""
    begun = time.monotonic()
    probe, raylet, rounds, count = None, None, 0, 0
    while ray.poll() is None:
        if told:
            with contextlib.suppress(OSError):
                ray.send_signal(signal.SIGTERM)
            while ray.poll() is None:
                wait(LOOK)
            return "told", raylet, probe
        if raylet is None:
            raylet = started(ray.pid, "raylet")
            if raylet and options["heal"]:
                probe = Probe(options["gcs"], options["agent"], options["dashboard"])
                probe.start()
            if raylet:
                book.note(phase="running", node=raylet[1], away=None)
            wait(0.5 if time.monotonic() - begun < START else LOOK)
            continue
        state = raylet_state(raylet[0], ray.pid)
        if not state:
            # a crash is one that Ray's command sees itself
            until = time.monotonic() + 5
            while ray.poll() is None and time.monotonic() < until and not told:
                wait(0.5)
            if ray.poll() is None and not told:
                say("its raylet has ended, so the node is started again")
                book.note(ended="its raylet has ended")
                end(ray, 15)
                return "raylet", raylet, probe
            continue
        up = time.monotonic() - begun
        if probe:
            if probe.answered or (up > START and not probe.away):
                book.note(joined=True, fails=None)
            away = probe.away >= 2 and not options["head"]
            if away != ("away" in book.known):
                book.note(away=int(time.time()) if away else None)
            if probe.rounds != rounds and (probe.answered or up > START or state == "T"):
                rounds, why = probe.rounds, silent(probe, state, options["head"])
                count = count + 1 if why else 0
                if count >= SILENT and book.fault(why):
                    say(f"{why}, asked {count} times: the node is started again")
                    for process in (raylet, started(ray.pid, "gcs_server")):
                        with contextlib.suppress(OSError, TypeError):
                            os.kill(process[0], signal.SIGKILL)
                    until = time.monotonic() + 10
                    while ray.poll() is None and time.monotonic() < until:
                        wait(0.5)
                    end(ray, 15)
                    return "probe", raylet, probe
        elif up > START:
            book.note(joined=True, fails=None)
        wait(LOOK)
    return "itself", raylet, probe


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, on_signal)
    signal.signal(signal.SIGCHLD, on_child)
    bell.setblocking(False)
    ring.setblocking(False)
    book = Book(options["file"], options["box"])
    if not hold(book):
        return 0
    now = int(time.time())
    starts = [*(one for one in book.known.get("starts", []) if 0 <= now - one <= HOUR), now]
    book.note(phase="starting", since=now, starts=starts[-20:], away=None, node=None)
    begun = time.monotonic()
    try:
        ray = subprocess.Popen(words)
    except OSError as error:
        say(f"cannot run {words[0]}: {error}")
        return 127
    how, raylet, probe = watch(book, ray)
    lived = time.monotonic() - begun
    if how == "itself" and not told:
        # Ray ends a node that it cannot reach; a head that was away meanwhile is another matter
        short = raylet and book.known.get("joined") and lived < YOUNG
        if short and probe and not probe.missed and reaches(options["gcs"]):
            book.fault(f"Ray ended {lived:.0f} s after its start")
        elif not raylet or (probe and not probe.answered):
            book.note(fails=book.known.get("fails", 0) + 1, phase="ended")
    if book.known.get("phase") not in ("down", "ended"):
        book.note(phase="ended", away=None)
    status = ray.poll()
    if how in ("raylet", "probe"):
        return 1
    return 1 if status is None else 128 - status if status < 0 else status


code = main()
sys.stdout.flush()
# not for the thread, which may wait for an answer
os._exit(code)
