"""What a person sees, on a real terminal of 80 and of 60 columns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.terminal import CTRL_C, Terminal

TOP = Path(__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": str(TOP), "RAYFAB_PROGRAM": "./fab"}
BAR = "━"


def driver(what: str, columns: int, lines: int = 24, **env: str | None) -> Terminal:
    argv = [sys.executable, Path(__file__).with_name("driver.py"), what]
    return Terminal(argv, columns=columns, lines=lines, env={**ENVIRONMENT, **env}, cwd=TOP)


def seen(what: str, columns: int, **env: str | None) -> list[str]:
    with driver(what, columns, **env) as terminal:
        assert terminal.wait() == 0
        return terminal.lines


TABLES = {
    80: [
        "host          role    node ip       state  problem",
        "rayfab-lab-1  head    198.18.10.11  alive",
        "rayfab-lab-2  worker  198.18.10.12  alive",
        "rayfab-lab-3  worker  198.18.10.13  down   198.18.10.13:22 did not answer within",
        "                                           10 s",
        "all: uv; where known: Ray 2.60.0, Python 3.11.7, 8 CPUs each, no GPUs",
        "✓ the end",
    ],
    60: [
        "host          role    node ip       state",
        "rayfab-lab-1  head    198.18.10.11  alive",
        "rayfab-lab-2  worker  198.18.10.12  alive",
        "rayfab-lab-3  worker  198.18.10.13  down",
        "  198.18.10.13:22 did not answer within 10 s",
        "all: uv; where known: Ray 2.60.0, Python 3.11.7,",
        "8 CPUs each, no GPUs",
        "✓ the end",
    ],
}


@pytest.mark.parametrize("columns", TABLES)
def test_the_table_of_nodes(columns):
    assert seen("table", columns) == TABLES[columns]


@pytest.mark.parametrize(
    "env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CI": "true"}, {"TERM": "vt100"}], ids=str
)
def test_the_same_in_every_terminal(env):
    assert seen("table", 60, **env) == TABLES[60]


def test_columns_that_are_named_count():
    assert seen("table", 80, COLUMNS="60") == TABLES[60]


def test_a_terminal_without_unicode():
    plain = [line.replace("✓", "+") for line in TABLES[60]]
    assert seen("table", 60, PYTHONIOENCODING="ascii") == plain
    assert seen("table", 60, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0") == plain


@pytest.mark.parametrize("columns", [80, 60])
def test_a_command_that_is_longer_than_the_terminal_can_be_copied_whole(columns):
    with driver("failed", columns) as terminal:
        assert terminal.wait() == 0
        lines, raw = terminal.lines, terminal.raw
    assert lines[0] == "failed        why"
    assert all(lines[at].startswith("              ") for at in (2, 4))
    at = next(number for number, line in enumerate(lines) if line.startswith("  → "))
    shown = "".join(line.ljust(columns) for line in lines[at:-1]).strip()
    whole = (
        "→ rayfab-lab-3, rayfab-lab-4: ./fab exec --limit rayfab-lab-3,rayfab-lab-4 --"
        " sh -c 'rm -rf ~/.cache/pip ~/.cache/uv; df -h /home'"
    )
    assert shown == whole
    # the terminal broke it, not the program
    assert whole.partition("lab-4: ")[2] + "\r\n" in raw


@pytest.mark.parametrize(
    ("columns", "head", "row"),
    [
        (
            80,
            f"Install and start  {BAR * 13}╺{BAR * 6}  40/60  60 s  about 15 s left",
            f"  node-48-1   fetching packages  240 of 400 MB  {BAR * 3}╸{BAR * 2}  60%  20 MB/s  ~10 s left",
        ),
        (
            60,
            f"Install and start  {BAR * 7}╺{BAR * 3}  40/60  60 s  about 15 s left",
            f"  node-48-1   fetching packages  {BAR * 6}╺{BAR * 3}  60%  ~10 s left",
        ),
    ],
    ids=["80", "60"],
)
def test_the_board_of_many_hosts(columns, head, row):
    with driver("progress", columns) as terminal:
        # a screen is there when its last line is
        early = terminal.wait_until(
            lambda lines: lines and "12 s" in lines[0] and "… and 8 more" in lines[-1]
        )
        # nobody is done, so nothing is known of the rest
        assert early[0] == f"Install and start  {BAR * 20}  0/60  12 s"
        assert early[1:3] == ["  node-0-0   connecting", "  node-0-1   connecting"]
        assert early[13:] == ["  … and 8 more"]
        terminal.feed("x")
        terminal.wait_until(lambda lines: [*lines[:1], *lines[2:3]] == [head, row], f"{head}\n…\n{row}")
        terminal.feed("x")
        terminal.wait_for("the disk is full")
        terminal.feed("x")
        assert terminal.wait() == 0
        # the board has gone, what stays is what a person needs to know
        assert terminal.lines == [
            "  ✗ node-48-3: the disk is full",
            "    → free some space below /home/ann",
            "✗ Install and start  59 of 60 hosts, 60.0 s",
        ]


def test_the_board_without_unicode():
    with driver("progress", 60, PYTHONIOENCODING="ascii") as terminal:
        lines = terminal.wait_for("more")
        assert lines[0] == f"Install and start  {'-' * 20}  0/60  12 s"
        assert lines[-1] == "  ... and 8 more"


def test_the_board_fits_a_low_terminal():
    with driver("progress", 60, lines=8) as terminal:
        lines = terminal.wait_for("more")
        assert len(terminal.screen) <= 8
        assert lines[-1] == "  … and 15 more"


def test_the_board_is_gone_after_ctrl_c():
    with driver("progress", 80) as terminal:
        terminal.wait_for("12 s")
        terminal.feed(CTRL_C)
        terminal.wait()
        assert not any("node-0-0 " in line for line in terminal.screen)
        assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l"), "the cursor stays hidden"
