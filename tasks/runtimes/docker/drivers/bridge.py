"""First process of a node's container on a bridge: it makes the host's address the container's own, then is Ray.

Docker hands a published port on to the container's own address, but some parts of Ray listen on the node's
address alone. So a second process follows what listens there and hands connections on to it.
Ray keeps sockets in its folder, and what Docker Desktop mounts may hold none. Ray has a folder of the container's
then, and that process carries the logs over to the one that the host sees.
"""

import contextlib
import errno
import fcntl
import glob
import os
import pwd
import socket
import struct
import sys
import threading
import time

node_ip, user, group, published, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
SET_ADDRESS, SET_MASK, GET_ADDRESS = 0x8916, 0x891C, 0x8915
POLL = 0.25
SEEN, OWN = "/tmp/ray", "/var/tmp/ray"  # by the host; within the container alone


def request(code, interface, address):
    """One of the kernel's questions about an interface's IPv4 address; see netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        packed = struct.pack("16sHH4s8x", interface.encode(), socket.AF_INET, 0, socket.inet_aton(address))
        return socket.inet_ntoa(fcntl.ioctl(wire, code, packed)[20:24])


def take_address():
    """The node's address on the loopback device; it stays within this container."""
    try:
        request(SET_ADDRESS, "lo:node", node_ip)
        request(SET_MASK, "lo:node", "255.255.255.255")
    except OSError as error:
        sys.exit(f"cannot take the address {node_ip}: {error} (is --cap-add NET_ADMIN overridden?)")


def drop_root():
    """On as the image's own user."""
    uid, gid = int(user), int(group)
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        os.setgroups([])
    else:
        os.initgroups(found.pw_name, gid)
        if os.environ.get("HOME", "/") in ("/", "/root"):
            os.environ["HOME"] = found.pw_dir
    os.setgid(gid)
    os.setuid(uid)


def own_addresses():
    """The container's addresses that Docker may hand a published port on to."""
    out = set()
    for _, name in socket.if_nameindex():
        if name != "lo":
            with contextlib.suppress(OSError):
                out.add(request(GET_ADDRESS, name, "0.0.0.0"))
    return out - {node_ip}


def wanted(port):
    return any(low <= port <= high for low, high in ranges)


def listening():
    """Published ports on which something listens on the node's address and nowhere else."""
    mine = "{:08X}".format(*struct.unpack("=I", socket.inet_aton(node_ip)))
    out = set()
    with open("/proc/net/tcp") as table:
        next(table)
        for line in table:
            parts = line.split()
            if parts[3] == "0A":
                address, _, port = parts[1].partition(":")
                if address == mine and wanted(int(port, 16)):
                    out.add(int(port, 16))
    return out


def follow():
    """Opens and closes doors as Ray's parts come and go."""
    doors = {}
    addresses = own_addresses()
    while True:
        there = listening()
        for port in there - set(doors):
            found = [d for d in (door(address, port) for address in addresses) if d]
            if found:
                doors[port] = found
        for port in set(doors) - there:
            for one in doors.pop(port):
                one.shutdown(socket.SHUT_RDWR)
                one.close()
        time.sleep(POLL)


def door(address, port):
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        wire.bind((address, port))
        wire.listen(512)
    except OSError as error:
        wire.close()
        if error.errno != errno.EADDRINUSE:
            sys.stderr.write(f"rayfab: cannot hand on port {port}: {error}\n")
        return None
    threading.Thread(target=serve, args=(wire, port), daemon=True).start()
    return wire


def serve(wire, port):
    while True:
        try:
            near, _ = wire.accept()
        except OSError:
            return
        threading.Thread(target=join, args=(near, port), daemon=True).start()


def join(near, port):
    try:
        far = socket.create_connection((node_ip, port), 10)
    except OSError:
        near.close()
        return
    for end in (near, far):
        end.settimeout(None)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=pump, args=(far, near), daemon=True)
    back.start()
    pump(near, far)
    back.join()
    near.close()
    far.close()


def pump(source, sink):
    try:
        while True:
            data = source.recv(1 << 18)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # the one end is gone, so the other goes too
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def holds_sockets(folder):
    """False where there can be none, as is told by making one; a folder that is closed is another matter."""
    probe = f"{folder}/.rayfab-{os.getpid()}"
    with contextlib.suppress(OSError):
        os.unlink(probe)
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.bind(probe)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EROFS, errno.ENOENT)
    with contextlib.suppress(OSError):
        os.unlink(probe)
    return True


def carry_logs():
    done = {}
    while True:
        for logs in glob.glob(OWN + "/session_2*/logs"):
            for folder, _, names in os.walk(logs):
                for name in names:
                    with contextlib.suppress(OSError):
                        carry(folder + "/" + name, SEEN + folder[len(OWN) :] + "/" + name, done)
        with contextlib.suppress(OSError):
            point(SEEN + "/session_latest", os.path.basename(os.readlink(OWN + "/session_latest")))
        time.sleep(POLL)


def point(link, name):
    if not os.path.islink(link) or os.readlink(link) != name:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(name, link)


def carry(source, target, done):
    """What a file has grown by; one that has shrunk is a new one."""
    if source not in done:
        done[source] = os.path.getsize(target) if os.path.exists(target) else 0
    size = os.path.getsize(source)
    if size == done[source]:
        return
    if size < done[source]:
        done[source] = 0
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(source, "rb") as here, open(target, "ab" if done[source] else "wb") as there:
        here.seek(done[source])
        for data in iter(lambda: here.read(1 << 20), b""):
            there.write(data)
        done[source] = here.tell()


ranges = [tuple(map(int, (part + "-" + part).split("-")[:2])) for part in published.split(",")]
take_address()
drop_root()
apart = not holds_sockets(SEEN)
if apart:
    os.makedirs(OWN, exist_ok=True)
    words = [word.replace("--temp-dir=" + SEEN, "--temp-dir=" + OWN) for word in words]
if os.fork() == 0:
    # not Ray's child: Ray looks after its own
    if os.fork() == 0:
        os.setsid()
        if apart:
            threading.Thread(target=carry_logs, daemon=True).start()
        follow()
    os._exit(0)
os.wait()
os.execvp(words[0], words)
