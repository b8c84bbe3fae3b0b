"""Runs `ray start --block` and sees to it that a raylet lives. Written by a deploy, run by what supervises the node.

Ray's command stays when its raylet ends in peace: after a drain, `ray stop` or SIGTERM. Then this ends the command and
itself, and the supervisor starts the node again. With "heal" it also asks the node every 20 s: after three silent
answers in a row it ends Ray. After more than three such ends within an hour Ray stays down until a deploy, a start or
a reboot. While the head cannot be reached, a worker waits for it, and nothing counts.

What it knows is in one file, as one line of JSON: see tasks/node/watched.py.
"""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

LOOK = 2  # seconds between two looks at the raylet
ASK = 20  # seconds between two questions to the node
SOON = 5  # seconds between two tries of the head's port, while the node is young or the head is away
TRIES = 5  # a second apart, until a GCS counts as silent
SILENT = 3  # as many silent answers in a row are a fault
BUDGET = 3  # as many faults within an hour lead to a new start
HOUR = 3600
START = 120  # seconds that a start may take
YOUNG = 180  # seconds; a node that ends by itself sooner than that does not stay up
PAUSES = (0, 10, 30, 60, 120, 300)  # seconds before a start, by the number of ends before it

options, words = json.loads(sys.argv[1]), sys.argv[2:]
told = []  # the signal that told this to end
bell, ring = socket.socketpair()


def boot():
    """What changes with each boot; '' if unknown."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], stdout=subprocess.PIPE, timeout=10)
        return said.stdout.decode().strip()
    return ""


def fresh(path):
    """Whether this is the first start in this container; a file within it tells."""
    if not path or os.path.exists(path):
        return False
    with contextlib.suppress(OSError), open(path, "w"):
        pass
    return True


class Book:
    """The file; `kept` is false where it cannot be written."""

    def __init__(self, path):
        self.path, self.kept, self.known = path, True, {}
        if not fresh(options["box"]):
            with contextlib.suppress(OSError, ValueError), open(path) as file:
                self.known = dict(json.load(file))
        now, this = time.time(), boot()
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
            os.replace(new, self.path)
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


def say(text):
    print("rayfab: " + text, flush=True)


def wait(seconds):
    """Until then, or until a signal comes."""
    with contextlib.suppress(OSError, ValueError):
        if select.select([bell], [], [], max(seconds, 0))[0]:
            bell.recv(4096)


def split(address):
    """'[::1]:6379' -> ('::1', 6379)"""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def reaches(address, seconds=5):
    try:
        socket.create_connection(split(address), seconds).close()
    except OSError:
        return False
    return True


def healthz(address, of):
    """What Ray's agent or dashboard answers: 200 if all is well; 0 if it does not."""
    wire = http.client.HTTPConnection(*split(address), timeout=15)
    try:
        wire.request("GET", f"/api/{of}_healthz")
        return wire.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        wire.close()


def hangs(dashboard):
    """Whether the GCS takes connections and answers none. The dashboard gives it 0.1 s, so several tries count."""
    for _ in range(TRIES):
        if healthz(dashboard, "gcs") != 503:
            return False
        time.sleep(1)
    return True


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


class Probe(threading.Thread):
    """Asks the node; a thread of its own, since an answer may take long."""

    def __init__(self):
        super().__init__(daemon=True)
        self.begun = time.monotonic()
        self.rounds = 0  # of all questions
        self.away = 0  # tries of the head's port in a row that failed
        self.missed = False  # whether one of them has failed since the start
        self.answered = False  # whether the agent ever has; without Ray's dashboard there is none
        self.agent = True
        self.hangs = False  # the GCS of the head

    def run(self):
        asked = 0.0
        while True:
            now = time.monotonic()
            self.away = 0 if reaches(options["gcs"]) else self.away + 1
            self.missed = self.missed or bool(self.away)
            if now - asked >= ASK - 1:
                asked = now
                self.agent = healthz(options["agent"], "local_raylet") == 200
                self.answered = self.answered or self.agent
                self.hangs = bool(options["dashboard"]) and hangs(options["dashboard"])
                self.rounds += 1
            pause = SOON if self.away or now - self.begun < YOUNG else ASK
            time.sleep(max(now + pause - time.monotonic(), 1))


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


def silent(probe, state):
    """What does not answer; '' if nothing is wrong, or if it cannot be told."""
    if state == "T":
        return "its raylet is stopped"
    if probe.away or probe.hangs:
        return "its GCS does not answer" if options["head"] else ""
    if probe.answered and not probe.agent:
        return "its agent does not say that the raylet is healthy"
    return ""


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
                probe = Probe()
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
                rounds, why = probe.rounds, silent(probe, state)
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
    book = Book(options["file"])
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
