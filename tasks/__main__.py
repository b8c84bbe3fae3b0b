"""``python tasks TASK``: what ``./fab`` starts, in whatever folder it was called."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    try:
        from fabfile import ns
        from tasks.commandline.program import main

        main(ns)
    except KeyboardInterrupt:
        os.write(2, "✗ interrupted\n".encode())
        raise SystemExit(130) from None
