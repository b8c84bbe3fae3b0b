"""One end of a measurement between two hosts, with any Python 3 that a host has.

argv: the run's token, seconds to send, bytes to send at most, IPv6 or not, the port to listen on or nothing, and
``address port`` of the other end or nothing. Who sends prints ``speed BYTES_PER_SECOND MICROSECONDS``: what the other
end has received, and the median time of a round trip of one byte.
"""

import contextlib
import socket
import sys
import time

token, seconds, cap, version6, listen, target = sys.argv[1:7]
FAMILY = socket.AF_INET6 if version6 else socket.AF_INET
HELLO = f"rayfab {token}\n".encode()
END = time.monotonic() + float(seconds) + 20  # the other end may start late
TRIPS = 25
BLOCK = b"\0" * (1 << 18)


def take(wire):
    """Answers one byte with another, then counts what comes."""
    wire.settimeout(5)
    if exactly(wire, len(HELLO)) != HELLO:
        return False
    for _ in range(TRIPS):
        wire.sendall(exactly(wire, 1))
    first, count = None, 0
    room = bytearray(1 << 18)
    while True:
        got = wire.recv_into(room)
        if not got:
            break
        if first is None:
            # what had waited in the buffers says nothing about the line
            first = time.monotonic()
        else:
            count += got
    wire.sendall(f"{count} {time.monotonic() - (first or time.monotonic()):.6f}\n".encode())
    return True


def exactly(wire, count):
    data = b""
    while len(data) < count:
        more = wire.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def serve():
    server = socket.socket(FAMILY)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::" if version6 else "", int(listen)))
    server.listen(8)
    while time.monotonic() < END:
        server.settimeout(max(0.1, END - time.monotonic()))
        wire = server.accept()[0]
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.closing(wire), contextlib.suppress(OSError):
            if take(wire):
                return


def dial():
    address, port = target.split(" ")
    while True:
        wire = socket.socket(FAMILY)
        wire.settimeout(5)
        try:
            wire.connect((address, int(port)))
            return wire
        except OSError:
            wire.close()
            # the other end may not be listening yet
            if time.monotonic() > END - float(seconds):
                raise
            time.sleep(0.1)


def send():
    wire = dial()
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.sendall(HELLO)
    trips = []
    for _ in range(TRIPS):
        begun = time.monotonic()
        wire.sendall(b".")
        if not wire.recv(1):
            return
        trips.append(time.monotonic() - begun)
    begun, left = time.monotonic(), int(cap)
    while left > 0 and time.monotonic() - begun < float(seconds):
        wire.sendall(BLOCK)
        left -= len(BLOCK)
    wire.shutdown(socket.SHUT_WR)
    # a slow line has much in its buffers
    wire.settimeout(8)
    count, took = exactly(wire, 200).decode().split()
    rate = float(count) / float(took) if float(took) else 0
    print(f"speed {rate:.0f} {sorted(trips)[TRIPS // 2] * 1e6:.0f}", flush=True)


with contextlib.suppress(OSError, ValueError):
    if listen:
        serve()
    else:
        send()
