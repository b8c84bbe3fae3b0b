"""Runs in a container of the image: cuts standard input into compressed pieces in /pieces, and prints their list.

Each piece is a gzip member, so that all of them in order are one .tar.gz. Prints the bytes so far to standard error.
"""

import hashlib
import os
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

FOLDER = "/pieces"
PIECE = 16 << 20


def press(data):
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = packer.compress(data) + packer.flush()
    name = hashlib.sha256(packed).hexdigest()
    path = os.path.join(FOLDER, name)
    if not (os.path.exists(path) and os.path.getsize(path) == len(packed)):
        with open(path + ".part", "wb") as out:
            out.write(packed)
        os.replace(path + ".part", path)
    return name, len(packed)


def main():
    workers = max(1, min(8, os.cpu_count() or 1))
    raw, waiting = 0, []
    with ThreadPoolExecutor(workers) as pool:
        while True:
            data = sys.stdin.buffer.read(PIECE)
            if data:
                waiting.append(pool.submit(press, data))
                raw += len(data)
                print(raw, file=sys.stderr, flush=True)
            # keep only as many pieces in memory as the threads are compressing
            while waiting and (not data or len(waiting) > 2 * workers):
                print(*waiting.pop(0).result(), flush=True)
            if not data:
                break
    print("raw", raw, flush=True)


main()
