"""``python tasks/environment make VENV REQUIREMENTS STAMP``: what ``./fab`` starts on first use.

``check REQUIREMENTS`` instead: whether this Python can make an environment, and has wheels in a bundle's folder.
"""

import importlib.util
import shutil
import signal
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent


def main(arguments: list[str]) -> int:
    # replaces this file's own folder, whose modules are not top-level modules
    sys.path[0] = str(TOP)
    from tasks.environment import Failed, bundled, make, wheels
    from tasks.language import said

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    if arguments[0] == "check":
        requirements = Path(arguments[1])
        if error := wheels.misfit(requirements):
            print(f"✗ {said(str(error))}\n  → {said(error.hint)}")
            return 1
        helped = bundled.find() or shutil.which("uv") or wheels.exist(requirements)
        return not (importlib.util.find_spec("venv") and helped)
    venv, requirements, stamp = arguments[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        done = make.make(Path(venv), Path(requirements), stamp)
    except Failed as error:
        print(f"✗ {said(str(error))}\n  → {said(error.hint)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(said("✗ interrupted; run the same command again"), file=sys.stderr)
        return 130
    if done:
        print(f"✓ {said(done)}", file=sys.stderr)
    return 0


def interrupt(number: int, frame: object) -> None:
    """Raise KeyboardInterrupt only once, so that a second signal does not interrupt the clean-up."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
