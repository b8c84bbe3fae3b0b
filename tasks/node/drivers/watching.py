"""What the watch of a node does on any system, a part of ``watch.py`` and of ``watch_windows.py``.

What differs is ``system``: see on_posix.py and on_windows.py. ``told`` is not empty once this is to end.
"""

import json
import sys
import time

from tasks.node.drivers.life_book import HOUR, Book, say
from tasks.node.drivers.probe import YOUNG, Probe, reaches, silent

LOOK = 2  # seconds between two looks at the raylet
SILENT = 3  # as many silent answers in a row are a fault
START = 120  # seconds that a start may take

options, words = json.loads(sys.argv[1]), sys.argv[2:]


def hold(system, book):
    """Before the start: stays down, waits for the head, makes a pause. False if told to end meanwhile."""
    if book.known.get("phase") == "down" and options["heal"]:
        say("stays down: {}; a deploy or a start ends this".format(book.known.get("why", "")))
        while not system.told:
            system.wait(HOUR)
        return False
    fails, until = book.known.get("fails", 0), time.monotonic() + book.pause()
    if until > time.monotonic():
        book.note(phase="pause")
    while not system.told and time.monotonic() < until:
        system.wait(until - time.monotonic())
    # the first start after a deploy tries at once, so that the deploy learns what Ray says
    if options["head"] or not (book.known.get("joined") or fails):
        return not system.told
    while not system.told and not reaches(options["gcs"]):
        if book.known.get("phase") != "waiting":
            say("cannot reach the head at {}; waiting for it".format(options["gcs"]))
            book.note(phase="waiting", away=int(time.time()))
        system.wait(LOOK)
    return not system.told


def watch(system, book, ray):
    """Until Ray ends; what ended it: told, raylet, probe or itself."""
    begun = time.monotonic()
    probe, raylet, rounds, count = None, None, 0, 0
    while ray.poll() is None:
        if system.told:
            system.ask(ray)
            while ray.poll() is None:
                system.wait(LOOK)
            return "told", raylet, probe
        if raylet is None:
            raylet = system.started(ray, "raylet")
            if raylet and options["heal"]:
                probe = Probe(options["gcs"], options["agent"], options["dashboard"])
                probe.start()
            if raylet:
                book.note(phase="running", node=raylet[1], away=None)
            system.wait(0.5 if time.monotonic() - begun < START else LOOK)
            continue
        state = system.state(raylet, ray)
        if not state:
            # a crash is one that Ray's command sees itself
            until = time.monotonic() + 5
            while ray.poll() is None and time.monotonic() < until and not system.told:
                system.wait(0.5)
            if ray.poll() is None and not system.told:
                say("its raylet has ended, so the node is started again")
                book.note(ended="its raylet has ended")
                system.end(ray, 15)
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
                    for process in (raylet, system.started(ray, "gcs_server")):
                        system.kill(process)
                    until = time.monotonic() + 10
                    while ray.poll() is None and time.monotonic() < until:
                        system.wait(0.5)
                    system.end(ray, 15)
                    return "probe", raylet, probe
        elif up > START:
            book.note(joined=True, fails=None)
        system.wait(LOOK)
    return "itself", raylet, probe


def main(system):
    """The status with which the watch ends."""
    book = Book(options["file"], options["box"])
    if not hold(system, book):
        return 0
    now = int(time.time())
    starts = [*(one for one in book.known.get("starts", []) if 0 <= now - one <= HOUR), now]
    book.note(phase="starting", since=now, starts=starts[-20:], away=None, node=None)
    begun = time.monotonic()
    try:
        ray = system.start(words)
    except OSError as error:
        say(f"cannot run {words[0]}: {error}")
        return 127
    how, raylet, probe = watch(system, book, ray)
    lived = time.monotonic() - begun
    if how == "itself" and not system.told:
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
