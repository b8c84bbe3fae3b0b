"""Loads a host, a part of it after the other, and checks each result; with any Python 3 that a host has.

argv: the seconds of each part, the folder for a file, and the parts: cpu, memory, disk, gpu. Prints ``STEP text`` and,
for each part, ``RESULT part value unit errors`` or ``RESULT part - - why it was not tried``.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
import time

seconds, folder, parts = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
MIB = 1 << 20
BLOCK = 16 * MIB
MOST = 2048 * MIB  # bytes of memory, and of the file


def say(text):
    # it ends here when the session has ended
    print(text, flush=True)


def result(part, value, unit, errors):
    say(f"RESULT {part} {value:.2f} {unit} {errors}")


class Clock:
    """The time that a part has."""

    def __init__(self, part):
        self.part, self.begun, self.said = part, time.monotonic(), 0.0

    @property
    def passed(self):
        return time.monotonic() - self.begun

    @property
    def over(self):
        if self.passed - self.said >= 2 or not self.said:
            self.said = self.passed or 0.001
            say(f"STEP {self.part}, {int(self.passed)} s of {seconds:.0f} s")
        return self.passed >= seconds


def cpu():
    """SHA-256 on every core: its digest is known."""
    block = bytes(range(256)) * 4096
    want = hashlib.sha256(block).hexdigest()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts, errors, over = [0] * cores, [0] * cores, threading.Event()

    def one(number):
        while not over.is_set():
            # hashing a large block leaves the interpreter to the other threads
            errors[number] += hashlib.sha256(block).hexdigest() != want
            counts[number] += 1

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(cores)]
    clock = Clock("CPU")
    for thread in threads:
        thread.start()
    while not clock.over:
        time.sleep(0.2)
    over.set()
    for thread in threads:
        thread.join()
    result("cpu", sum(counts) * len(block) / MIB / clock.passed, "MiB/s", sum(errors))


def free_memory():
    with contextlib.suppress(OSError), open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 512 * MIB


def memory():
    """Writes patterns over a growing part of what is free, at most a quarter, and reads them back."""
    most = max(1, min(MOST, free_memory() // 4) // BLOCK)
    patterns = [bytes([value]) * BLOCK for value in (0x55, 0xAA, 0x00, 0xFF)]
    rooms, errors, moved, spent, turn = [], 0, 0, 0.0, 0
    clock = Clock("memory")
    while not turn or not clock.over:
        if len(rooms) < most:
            # a page that is touched for the first time says nothing about the memory's speed
            rooms.append(bytearray(BLOCK))
        room, pattern = rooms[turn % len(rooms)], patterns[turn // len(rooms) % len(patterns)]
        turn += 1
        begun = time.monotonic()
        room[:] = pattern
        errors += room != pattern
        spent += time.monotonic() - begun
        moved += 2 * BLOCK
    result("memory", moved / MIB / spent, "MiB/s", errors)


def disk():
    """Writes a file, at most a tenth of what is free, reads it back past the cache, and compares."""
    about = os.statvfs(folder)
    size = min(MOST, about.f_bavail * about.f_frsize // 10) // BLOCK * BLOCK
    if not size:
        say(f"RESULT disk - - {folder} has no room for a file")
        return
    block = os.urandom(BLOCK)
    written = read = errors = 0
    spent = [0.0, 0.0]
    clock = Clock("disk")
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        while not written or not clock.over:
            file.seek(0)
            there = 0
            while there < size and (not there or clock.passed < seconds / 2):
                begun = time.monotonic()
                file.write(block)
                # in small steps, or a slow disk would take much longer than it was given
                os.fsync(file.fileno())
                spent[0] += time.monotonic() - begun
                there += BLOCK
            written += there
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            file.seek(0)
            while there and (clock.passed < seconds or not read):
                begun = time.monotonic()
                errors += file.read(BLOCK) != block
                spent[1] += time.monotonic() - begun
                read += BLOCK
                there -= BLOCK
    result("disk-write", written / MIB / spent[0], "MiB/s", 0)
    result("disk-read", read / MIB / spent[1], "MiB/s", errors)


def gpu():
    """A product of matrices whose result is known, on every GPU."""
    try:
        import torch
    except ImportError:
        say("RESULT gpu - - no PyTorch in the node's environment")
        return
    if not torch.cuda.is_available():
        say("RESULT gpu - - PyTorch sees no GPU")
        return
    for number in range(torch.cuda.device_count()):
        where = torch.device("cuda", number)
        size = 4096
        # every element of the product of these is the same whole number, which float32 holds exactly
        left = torch.full((size, size), 2.0, device=where)
        right = torch.full((size, size), 3.0, device=where)
        want, errors, count = 6.0 * size, 0, 0
        clock = Clock(f"GPU {number}")
        share = seconds / torch.cuda.device_count()
        while clock.passed < share and not clock.over:
            for _ in range(10):
                product = left @ right
            torch.cuda.synchronize(where)
            count += 10
            errors += int((product != want).sum().item())
        result(f"gpu{number}", 2.0 * size**3 * count / 1e12 / clock.passed, "TFLOP/s", errors)


for name in parts:
    try:
        {"cpu": cpu, "memory": memory, "disk": disk, "gpu": gpu}[name]()
    except (OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError):
            os._exit(1)
        say(f"RESULT {name} - - {type(error).__name__}: {error}")
