"""Records a command in a terminal as SVG: `python docs/pictures/terminal.py OUT.svg -- ./fab status`.

What is drawn is the screen after the command has ended, in the colours that it had.
"""

from __future__ import annotations

import io
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS, ROWS = 96, 500
# how the terminal's colours are called by pyte and by rich
NAMES = {"brown": "yellow"}


def record(
    words: list[str], folder: Path | None = None, env: Mapping[str, str] = os.environ
) -> tuple[int, pyte.Screen]:
    """Run a command in a terminal; its exit status, and the screen at the end."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {k: v for k, v in env.items() if k not in ("CI", "NO_COLOR", "COLUMNS")}
    env |= {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the terminal's other side is closed
            break
        if not data:
            break
        stream.feed(data)
    return process.wait(), screen


def draw(screen: pyte.Screen, title: str, path: Path) -> None:
    """Write the used part of a screen as SVG."""
    lines = [_line(screen, row) for row in range(ROWS)]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    console = Console(width=screen.columns, record=True, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", crop=True, highlight=False)
    text = console.export_svg(title=title, theme=MONOKAI, unique_id=path.stem.replace(".", "-"))
    # no font is fetched from elsewhere: every system has one with fixed widths
    start, end = text.index("@font-face"), text.rindex("@font-face")
    end = text.index("}", end) + 1
    path.write_text(text[:start] + text[end:].lstrip(), "utf-8")
    print(path)


def _line(screen: pyte.Screen, row: int) -> Text:
    out = Text()
    for column in range(screen.columns):
        cell = screen.buffer[row][column]
        if not cell.data:  # the second half of a wide character
            continue
        style = Style(color=_colour(cell.fg), bold=cell.bold, underline=cell.underscore, reverse=cell.reverse)
        out.append(cell.data, style)
    out.rstrip()
    return out


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    if len(name) == 6 and all(sign in "0123456789abcdef" for sign in name):
        return f"#{name}"
    return NAMES.get(name, name).replace("bright", "bright_")


if __name__ == "__main__":
    place, words = Path(sys.argv[1]), sys.argv[sys.argv.index("--") + 1 :]
    status, seen = record(words)
    draw(seen, shlex.join(words), place)
    sys.exit(status)
