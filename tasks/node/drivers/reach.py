"""Listens on ports and connects to other hosts' ports, with any Python 3 that a host has.

argv: the run's token, this host's name, seconds, the number of connections that others will make, IPv6 or not, the
ports to listen on, and a line for each port to try: the host's name, its address, the port, and `ours` where this
program listens there, too. Prints a line for each result.
"""

import errno
import select
import socket
import sys
import threading
import time

token, me, seconds, expected, version6, ports, tries = sys.argv[1:8]
START = time.time()
END = START + float(seconds)
EACH = 3.0  # seconds for one connection
FAMILY = socket.AF_INET6 if version6 else socket.AF_INET
# more than the first packets of a connection: a path that drops large packets is noticed
BANNER = f"rayfab {token} {me}\n".encode() + b"." * 16384
lock = threading.Lock()
came = []  # one for each connection that another host's program has made


def say(text):
    with lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def listen():
    found = []
    for port in ports.split():
        server = socket.socket(FAMILY)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("::" if version6 else "", int(port)))
            server.listen(128)
        except OSError:
            say("busy " + port)
            continue
        say("listen " + port)
        found.append(server)
    return found


def greet(wire):
    try:
        wire.settimeout(EACH)
        wire.sendall(BANNER)
        wire.shutdown(socket.SHUT_WR)
        # the other side closes first, so that no port of this host is kept back for a minute; a stranger, such as
        # Ray's head that looks for a node that is gone, says something instead and does not count
        if not wire.recv(1):
            came.append(wire)
    except OSError:
        came.append(wire)
    wire.close()


def read(wire, name):
    begun, data = time.time(), b""
    try:
        while len(data) < len(BANNER):
            wire.settimeout(max(0.1, begun + EACH - time.time()))
            more = wire.recv(65536)
            if not more:
                break
            data += more
    except OSError:
        pass
    words = data.split(b"\n")[0].decode("utf-8", "replace").split(" ")
    if words[0] != "rayfab":
        return "silent"
    if words[1:2] != [token] or words[2:] != [name]:
        return "other " + " ".join(words[2:])
    return "open" if data.endswith(b".") and len(data) > 16384 else "stalled"


def attempt(name, address, port, ours):
    refused = False
    while True:
        wire = socket.socket(FAMILY)
        wire.settimeout(EACH)
        try:
            wire.connect((address, int(port)))
            return read(wire, name) if ours else "open"
        except OSError as error:
            if isinstance(error, socket.timeout) or error.errno == errno.ETIMEDOUT:
                # the kernel of a host that rejects by ICMP does so once a second, and says nothing in between
                return "refused" if refused else "timeout"
            # a reset is what comes of a port whose program ends meanwhile
            if error.errno not in (errno.ECONNREFUSED, errno.ECONNRESET):
                return "error " + str(error.strerror or error)
            refused = True
            # the other host may not be listening yet
            if not ours or time.time() > END - 0.5:
                return "refused"
            time.sleep(0.1)
        finally:
            wire.close()


def one(line):
    name, address, port, ours = line.split(" ")
    say(" ".join(["reach", name, port, attempt(name, address, port, ours == "ours")]))


servers = listen()
say("ready")
threads = [threading.Thread(target=one, args=(line,)) for line in tries.splitlines() if line]
for thread in threads:
    thread.daemon = True
    thread.start()
while time.time() < END:
    if len(came) >= int(expected) and not any(thread.is_alive() for thread in threads):
        break
    ready = select.select(servers, [], [], 0.05)[0] if servers else []
    if not servers:
        time.sleep(0.05)
    for server in ready:
        greeter = threading.Thread(target=greet, args=(server.accept()[0],))
        greeter.daemon = True
        greeter.start()
for server in servers:
    server.close()
for thread in threads:
    thread.join(EACH + 1)
# a moment for the last ones that came
time.sleep(0.1)
