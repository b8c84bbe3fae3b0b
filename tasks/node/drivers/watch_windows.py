"""As watch.py, on Windows: run by loop.py, which starts the node again whenever this ends.

It ends with the loop: then its standard input, a pipe of the loop's, is closed.
"""

import os
import sys

from tasks.node.drivers.on_windows import Windows
from tasks.node.drivers.watching import main

code = main(Windows())
sys.stdout.flush()
# Windows' own statuses are larger than what fits here
os._exit(1 if code else 0)
