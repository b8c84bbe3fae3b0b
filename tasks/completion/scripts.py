"""The script for a shell, with the path of this checkout and the name of the program filled in."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tasks.text.quoting import fish, inside_fish_quotes, inside_posix_quotes, posix

HERE = Path(__file__).resolve().parent


def script(shell: str, program: str) -> str:
    """The script that registers completion in `shell`.

    :param program: how the tool was called: fab, ./fab or a link to it.
    """
    quote = fish if shell == "fish" else posix
    inside = inside_fish_quotes if shell == "fish" else inside_posix_quotes
    called = os.path.abspath(program) if "/" in program else program
    names = dict.fromkeys(["fab", "rayfab", os.path.basename(program)])
    put = {
        "@PYTHON@": quote(sys.executable),
        "@FAST@": " ".join(map(quote, [sys.executable, "-I", "-S", str(HERE / "fast.py")])),
        "@FOLDER@": quote(str(HERE / "shells" / "fish_path")),
        "@PROGRAM@": quote(called),
        # for use inside '...'
        "@INSIDE@": inside(quote(called)),
        "@NAMES@": " ".join(name for name in names if re.fullmatch(r"[\w.+-]+", name)),
    }
    text = (HERE / "shells" / shell).read_text("utf-8")
    return re.sub("|".join(put), lambda found: put[found[0]], text)
