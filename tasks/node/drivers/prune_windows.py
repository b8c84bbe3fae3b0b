"""As prune.py, with the same arguments, on Windows. There an open file cannot be removed: nobody has to look for it."""

import contextlib
import os
import shutil
import sys

from tasks.node.drivers.keeping import main
from tasks.node.drivers.rays_psutil import psutil

REPARSE_POINT = 0x400  # a link or a junction


def leads_away(path):
    return os.path.islink(path) or bool(getattr(os.lstat(path), "st_file_attributes", 0) & REPARSE_POINT)


def is_open(path):
    """Windows does not rename a file that somebody has open, not even to its own name."""
    try:
        os.rename(path, path)
    except OSError:
        return True
    return False


class Windows:
    def words(self):
        """The arguments of all processes except this one, as one text."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid():
                    found += process.cmdline()
        return "\n".join(found)

    def mine(self, path):
        """A folder, and no link to one."""
        try:
            return os.path.isdir(path) and not leads_away(path)
        except OSError:
            return False

    def owns(self, found):
        """The folder is in the user's own."""
        return True

    def uses(self):
        return is_open

    def remove(self, path):
        if not os.path.isdir(path):
            os.unlink(path)
            return
        # the removal of a folder would go on behind a junction
        for place, names, _ in os.walk(path):
            for name in list(names):
                inside = os.path.join(place, name)
                if leads_away(inside):
                    names.remove(name)
                    with contextlib.suppress(OSError):
                        (os.unlink if os.path.islink(inside) else os.rmdir)(inside)
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main(Windows(), *sys.argv[1:])
