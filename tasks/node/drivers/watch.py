"""Runs `ray start --block` and sees to it that a raylet lives. Written by a deploy, run by what supervises the node.

Ray's command stays when its raylet ends in peace: after a drain, `ray stop` or SIGTERM. Then this ends the command and
itself, and the supervisor starts the node again. With "heal" it also asks the node every 20 s: after three silent
answers in a row it ends Ray. After more than three such ends within an hour Ray stays down until a deploy, a start or
a reboot. While the head cannot be reached, a worker waits for it, and nothing counts.

What it knows is in one file: see life_book.py. Its parts become one program: see tasks/script/files.py.
"""

import os
import sys

from tasks.node.drivers.on_posix import Posix
from tasks.node.drivers.watching import main

code = main(Posix())
sys.stdout.flush()
# not for the thread, which may wait for an answer
os._exit(code)
