"""``python tasks TASK``: what ``./fab`` starts, in whatever folder it is called; also the installed ``rayfab``."""

import _thread
import os
import signal
import sys
from pathlib import Path
from threading import Timer


def start() -> None:
    """Runs the command line of this process."""
    # replaces this file's own folder, or that of the installed command
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    sys.unraisablehook = deliver_again
    try:
        if os.environ.pop("RAYFAB_SIGINT", ""):
            signal.signal(signal.SIGINT, signal.default_int_handler)
        from tasks.report import output

        output.install()  # before the user's own tasks are imported, which may print
        from fabfile import ns
        from tasks.commandline.program import main

        main(ns)
    except ModuleNotFoundError as error:
        made_here = Path(
            sys.prefix, ".ready"
        )  # ./fab made the environment, and does so again without this file
        hint = f"rm '{made_here}'" if made_here.exists() else "pip install -r requirements.txt"
        print(f"✗ the environment in {sys.prefix} is damaged: {error}\n  → {hint}", file=sys.stderr)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, RuntimeError) as error:
        # Python 3.11 and older turn what comes while a class is made into a RuntimeError
        if isinstance(error, RuntimeError) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        os.write(2, "✗ interrupted\n".encode())
        raise SystemExit(130) from None


def deliver_again(unraisable) -> None:
    """Repeats a Ctrl-C that came inside one of Python's own callbacks, where Python only prints it."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        again = Timer(0.02, _thread.interrupt_main)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def installed() -> None:
    """The command ``rayfab`` that pip installs."""
    os.environ.setdefault("RAYFAB_PROGRAM", Path(sys.argv[0]).name)
    start()


if __name__ == "__main__":
    start()
