"""What is typed in real bash, zsh and fish, and what is offered."""

from __future__ import annotations

import sys

import pytest

from tests.completion.conftest import SETUPS, TOP
from tests.completion.terminal import CLEAR, Terminal, plain
from tests.namespace import CONTEXTS

TASKS = sorted(CONTEXTS)
NAMES = ["boss", "10.0.0.10", "10.0.0.11", "mac-mini.lab", "gpu1", "gpu2", "fd00::7"]
HOSTS = sorted([*NAMES, "10.0.0.1", "10.0.1.1", "10.0.1.2"])
WORKERS = sorted({*HOSTS} - {"boss", "10.0.0.1"})
FILES = ["broken.yml", "fab", "grouped.yml", "images", "lab.yml", "other.yml", "rf"]
NOTHING: list[str] = []

CASES = {
    # tasks
    "fab sta": ["start", "status"],
    "./fab sta": ["start", "status"],
    f"{TOP}/fab sta": ["start", "status"],
    "rf sta": ["start", "status"],
    "rayfab sta": ["start", "status"],
    "fab ": TASKS,
    "fab check sta": ["start", "status"],
    "fab --help sta": ["start", "status"],
    "fab xqz": NOTHING,
    # flags
    "fab --": ["--dry", "--help", "--hosts", "--version"],
    "fab stop --li": ["--limit"],
    "fab status ": ["--all", "--debug", "--events", "--help", "--hosts-file", "--json", "--watch"],
    "fab status --json -": ["--all", "--debug", "--events", "--help", "--hosts-file", "--watch"],
    "fab status --hosts-file=x -": ["--all", "--debug", "--events", "--help", "--json", "--watch"],
    "fab init --host x --ho": ["--host", "--hosts-file"],
    "fab check --debug status --d": ["--debug"],
    "fab check --limit boss --lim": ["--limit"],
    # hosts
    "fab check --limit ": sorted([*HOSTS, "@failed"]),
    "fab check --limit=": sorted([*HOSTS, "@failed"]),
    "fab -H ": sorted([*HOSTS, "@failed"]),
    "fab ssh --host ": HOSTS,
    "fab ssh --host 10.0.1": ["10.0.1.1", "10.0.1.2"],
    "fab ssh --host fd00::": ["fd00::7"],
    "fab ssh --host=fd00::": ["fd00::7"],
    "fab remove-worker --host ": sorted([*WORKERS, "@failed"]),
    "fab add-worker --host gp": ["gpu1", "gpu2"],
    "fab check --limit @f": ["@failed"],
    "fab check --limit boss,gpu": ["boss,gpu1", "boss,gpu2"],
    "fab check --limit=boss,gpu": ["boss,gpu1", "boss,gpu2"],
    "fab check --limit=boss,gpu1,gpu": ["boss,gpu1,gpu2"],
    "fab logs --host gpu1,@f": ["gpu1,@failed"],
    # of the hosts file that the line names
    "fab check --hosts-file other.yml --limit ": ["@failed", "hera", "zeus"],
    "fab check --hosts-file=other.yml --limit ze": ["zeus"],
    "fab check --hosts-file ./other.yml --limit=ze": ["zeus"],
    "fab check --hosts-file broken.yml --limit ": NOTHING,
    "fab check --hosts-file missing.yml --limit ": NOTHING,
    # groups, labels and states
    "fab check --hosts-file grouped.yml --limit ": [
        *("@failed", "@gods", "@old", "hera", "label:zone=a", "zeus")
    ],
    "fab check --hosts-file grouped.yml --limit @g": ["@gods"],
    "fab check --hosts-file grouped.yml --limit hera,label:z": ["hera,label:zone=a"],
    "fab check --hosts-file grouped.yml --limit hera,state:sto": ["hera,state:stopped"],
    "fab drain --hosts-file other.yml --host ze": NOTHING,
    # values
    "fab init --runtime ": ["conda", "docker", "uv"],
    "fab init --runtime=d": ["docker"],
    "fab lab-up --flavour ": ["bare", "docker", "python"],
    "fab lab-up --as sm": ["small-shm", "small-tmp"],
    "fab logs --component raylet,g": ["raylet,gcs"],
    "fab bundle --platform=linux-64,linux-a": ["linux-64,linux-aarch64"],
    "fab completion ": ["bash", "fish", "zsh"],
    "fab logs --grep ": NOTHING,
    "fab logs --lines ": NOTHING,
    "fab lab-up --hosts ": NOTHING,
    # files
    "fab check --hosts-file ": FILES,
    "fab check --hosts-file=o": ["other.yml"],
    "fab bundle --output im": ["images"],
    "fab bundle --output=ot": ["other.yml"],
    # after --
    "fab exec -- cat ot": ["other.yml"],
    "fab exec --limit boss -- unam": ["uname"],
    "fab -H boss -- unam": ["uname"],
}
# what differs is how a script is loaded, and how bash learns that nothing is offered, or what a command is
FEW = [
    "./fab sta",
    "fab check --limit=boss,gpu",
    "fab check --hosts-file=o",
    "fab exec --limit boss -- unam",
    "fab exec -- cat ot",
]


@pytest.mark.parametrize("typed", CASES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_offers_the_expected_candidates(candidates, shell, typed):
    assert candidates(shell, typed) == CASES[typed]


@pytest.mark.parametrize("typed", FEW)
@pytest.mark.parametrize("setup", [name for name in SETUPS if " " in name])
def test_offers_however_it_is_set_up(candidates, setup, typed):
    assert candidates(setup, typed) == CASES[typed]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "line"),
    {
        "./fab statu": "./fab status ",
        "rf check --lim": "rf check --limit ",
        "fab check --limit=mac": "fab check --limit=mac-mini.lab ",
        "fab check --limit 'boss,!mac": "fab check --limit 'boss,!mac-mini.lab' ",
        "fab check --hosts-file grouped.yml --limit '!@go": "fab check --hosts-file grouped.yml --limit '!@gods' ",
        "true && fab check --hosts-file ot": "true && fab check --hosts-file other.yml ",
    }.items(),
)
def test_tab_completes_the_line(opened, shell, typed, line):
    assert opened(shell).completed(typed) == line


@pytest.mark.parametrize("setup", ["bash with its package", "zsh", "fish"])
def test_a_task_is_completed_behind_another_command(opened, setup):
    before = "sudo" if setup.startswith("bash") else "env"
    assert opened(setup).completed(f"{before} rf statu") == f"{before} rf status "


def test_in_zsh_a_comma_takes_the_place_of_the_blank(opened):
    assert opened("zsh").completed("fab check --limit mac\t,gpu1") == "fab check --limit mac-mini.lab,gpu1 "


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("fab sta", "Start a stopped cluster again"),
        ("fab status --", "ask every 5 seconds"),
        ("fab ssh --host gpu", "10.0.1.2"),
    ],
)
def test_says_what_each_is(opened, shell, typed, shown):
    terminal = opened(shell)
    terminal.screen = ""
    terminal.press(f"{typed}\t")
    terminal.wait_for(shown)
    terminal.press(CLEAR if shell == "zsh" else f"\x1b{CLEAR}")
    terminal.line()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nothing_is_written_on_the_terminal(opened, shell):
    terminal = opened(shell)
    terminal.completed("fab check --hosts-file broken.yml --limit ")
    said = plain(terminal.screen).replace("\n", "")
    for noise in ("Traceback", "Error", "error", "warning", "broken.yml:"):
        assert noise not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "gone", [sys.executable, f"{TOP}/tasks/completion/fast.py"], ids=["python", "checkout"]
)
def test_a_checkout_that_is_gone_is_no_error(shell, gone, script, folder, env, tmp_path):
    file = tmp_path / "script"
    file.write_text(script(shell).replace(gone, "/nowhere/it"))
    terminal = Terminal(shell, folder, tmp_path, SETUPS[shell].format(script=file), env)
    assert terminal.completed("fab statu") == "fab statu"
    assert "nowhere" not in terminal.screen
    terminal.close()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_what_stands_behind_the_cursor_names_the_hosts_file_too(opened, shell):
    typed, back = "fab check --limit ze --hosts-file other.yml", len(" --hosts-file other.yml")
    keys = "\x1b[D" * back + "\t"
    assert opened(shell).completed(typed, keys).split() == [
        "fab",
        "check",
        "--limit",
        "zeus",
        "--hosts-file",
        "other.yml",
    ]


def test_the_scripts_are_as_old_shells_want_them(script):
    """bash 3.2 has neither of these, and macOS no other bash."""
    text = script("bash")
    for new in ("mapfile", "readarray", "declare -A", "local -n", "&>>", "|&", ",,}", "^^}"):
        assert new not in text
