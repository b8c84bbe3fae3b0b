"""`fab completion`, and how its scripts are put together."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tasks.completion import quoting, scripts
from tests.completion.conftest import TOP

SHELLS = ("bash", "zsh", "fish")


def fab(*words, **env):
    argv = [sys.executable, str(TOP / "tasks"), *words]
    return subprocess.run(argv, cwd=TOP, env=env, capture_output=True, text=True)


def test_an_unknown_shell_is_refused(tmp_path):
    done = fab("completion", "tcsh", HOME=str(tmp_path), PATH="/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "✗ --shell: expected bash, zsh or fish, got tcsh\n"


@pytest.mark.parametrize("words", [["completion", "--help"], ["completion", "-h"], ["--help", "completion"]])
def test_help_is_no_shell(tmp_path, words):
    done = fab(*words, HOME=str(tmp_path), PATH="/usr/bin:/bin")
    assert done.returncode == 0 and done.stdout.startswith("Usage: fab completion")


def test_writes_the_table_so_that_the_first_tab_is_fast(tmp_path):
    done = fab("completion", "bash", HOME=str(tmp_path), PATH="/usr/bin:/bin")
    assert (done.returncode, done.stderr) == (0, "")
    (kept,) = tmp_path.glob(".cache/rayfab/completion-*.json")
    before = kept.stat().st_mtime_ns
    tab = re.search(r"said=\$\((.*) bash ", done.stdout).group(1)
    done = subprocess.run(
        [*tab.split(), "bash", "fab stat", "", ""], env={"HOME": str(tmp_path)}, capture_output=True
    )
    assert done.stdout == b"words\nstatus\n"
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("shell", SHELLS)
def test_is_valid_for_the_shell_and_says_how_to_keep_it(script, shell):
    text = script(shell)
    assert not re.search("@[A-Z]+@", text)
    assert f"completion {shell}" in "".join(text.splitlines(True)[:4])
    subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_shellcheck_finds_nothing_in_the_script_for_bash(script):
    subprocess.run(["shellcheck", "--shell=bash", "-"], input=script("bash"), text=True, check=True)


def test_bash_is_as_old_as_macos_has_it(script):
    for new in ("mapfile", "readarray", "declare -A", "local -n", "&>>", "|&", ",,}", "^^}", "< <("):
        assert new not in script("bash")


@pytest.mark.parametrize("shell", SHELLS)
def test_registers_the_name_that_it_was_called_by(shell):
    assert "fab rayfab rf" in scripts.script(shell, "/usr/local/bin/rf")
    assert "fab rayfab\n" in scripts.script(shell, "./fab")
    # one that no shell could have as a name
    assert "$(reboot)\n" not in scripts.script(shell, "/bin/$(reboot)")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("node-1.lab", 1),
        ("fd00::7%eth0", 1),
        ("größe", 1),
        ("a b", 0),
        ("$(x)", 0),
        ("a\tb", 0),
        ("", 0),
        ("a;b", 0),
    ],
)
def test_candidates_mean_themselves(text, safe):
    assert quoting.safe(text) == bool(safe)


BREAKS = " \t\n\"'@><=;|&(:"


@pytest.mark.parametrize(
    ("line", "words", "text", "left"),
    [
        ("fab sta", ["fab"], "sta", "sta"),
        ("fab  check ", ["fab", "check"], "", ""),
        ("fab --limit=a", ["fab"], "--limit=a", "a"),
        ("fab --limit 'a b", ["fab", "--limit"], "a b", "a b"),
        ("fab --limit 'a b' x", ["fab", "--limit", "a b"], "x", "x"),
        ('fab "a\\"b" x', ["fab", 'a"b'], "x", "x"),
        ("fab a\\ b", ["fab"], "a b", "a\\ b"),
        ("fab --limit a,\\!n", ["fab", "--limit"], "a,!n", "a,\\!n"),
        ("fab me@ho", ["fab"], "me@ho", "@ho"),
        ("fab fd00::7", ["fab"], "fd00::7", "7"),
        ("fab '", ["fab"], "", ""),
        ("fab x\\", ["fab"], "x", "x\\"),
    ],
)
def test_lines_as_bash_has_them(line, words, text, left):
    before, current = quoting.split(line, BREAKS)
    assert (before, current.text, current.raw[current.replaced :]) == (words, text, left)
