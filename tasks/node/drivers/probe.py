"""What a node's watch asks the node, a part of ``watch.py``."""

import http.client
import socket
import threading
import time

ASK = 20  # seconds between two questions to the node
SOON = 5  # seconds between two tries of the head's port, while the node is young or the head is away
TRIES = 5  # a second apart, until a GCS counts as silent
YOUNG = 180  # seconds; a node that ends by itself sooner than that does not stay up


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


class Probe(threading.Thread):
    """Asks the node; a thread of its own, since an answer may take long."""

    def __init__(self, gcs, agent, dashboard):
        super().__init__(daemon=True)
        self.places = gcs, agent, dashboard
        self.begun = time.monotonic()
        self.rounds = 0  # of all questions
        self.away = 0  # tries of the head's port in a row that failed
        self.missed = False  # whether one of them has failed since the start
        self.answered = False  # whether the agent ever has; without Ray's dashboard there is none
        self.agent = True
        self.hangs = False  # the GCS of the head

    def run(self):
        asked, (gcs, agent, dashboard) = 0.0, self.places
        while True:
            now = time.monotonic()
            self.away = 0 if reaches(gcs) else self.away + 1
            self.missed = self.missed or bool(self.away)
            if now - asked >= ASK - 1:
                asked = now
                self.agent = healthz(agent, "local_raylet") == 200
                self.answered = self.answered or self.agent
                self.hangs = bool(dashboard) and hangs(dashboard)
                self.rounds += 1
            pause = SOON if self.away or now - self.begun < YOUNG else ASK
            time.sleep(max(now + pause - time.monotonic(), 1))


def silent(probe, state, head):
    """What does not answer; '' if nothing is wrong, or if it cannot be told."""
    if state == "T":
        return "its raylet is stopped"
    if probe.away or probe.hangs:
        return "its GCS does not answer" if head else ""
    if probe.answered and not probe.agent:
        return "its agent does not say that the raylet is healthy"
    return ""
