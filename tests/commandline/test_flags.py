"""Fabric's and Invoke's own flags: each is honoured or refused, in any installed version."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from fabric.main import Fab

from tasks.commandline import flags

TABLES = {"own": flags.OWN, "becomes": flags.BECOMES, "refused": flags.REFUSED}
VALUES = {"command-timeout": "3", "connect-timeout": "3"}


def core_arguments():
    program = Fab(name="Fabric", version="0")
    return [*program.core_args(), *program.task_args()]


class TestTheTables:
    def test_each_flag_of_the_installed_versions_is_in_exactly_one(self):
        names = [flags.main_name(argument) for argument in core_arguments()]
        assert len(names) > 20
        assert {name: [t for t, table in TABLES.items() if name in table] for name in names} == {
            name: [next((t for t, table in TABLES.items() if name in table), "NONE")] for name in names
        }
        assert not [name for name in names if not any(name in table for table in TABLES.values())]

    def test_each_flag_that_fab_itself_shows_is_known(self, tmp_path):
        """`fab --help` of the installed Fabric, as a user sees it."""
        command = [sys.executable, "-m", "fabric", "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stdout
        listed = set(re.findall(r"^  .*?--([a-z][a-z-]+)", shown, re.MULTILINE))
        assert len(listed) > 20
        assert listed == {name for table in TABLES.values() for name in table}

    def test_none_is_left_of_an_older_version(self):
        names = {flags.main_name(argument) for argument in core_arguments()}
        assert {name for table in TABLES.values() for name in table} == names


def spellings(name):
    (argument,) = [a for a in core_arguments() if flags.main_name(a) == name]
    value = [VALUES.get(name, "x")] if argument.takes_value else []
    return [[f"-{n}" if len(n) == 1 else f"--{n}", *value] for n in argument.names]


class TestRefused:
    @pytest.mark.parametrize("name", sorted(set(flags.REFUSED) - {"no-dedupe"}))
    def test_before_the_task_and_behind_it(self, run, name):
        for typed in spellings(name):
            for arguments in ([*typed, "bare"], ["bare", *typed]):
                done = run(*arguments)
                assert (done.status, done.calls) == (2, []), arguments
                assert f"--{name}" in done.err and "does nothing for bare\n  → " in done.err

    def test_a_users_own_task_can_use_it(self, run):
        assert run("--echo", "mine").calls == [("mine", {"dry": False, "echo": True})]

    def test_if_one_of_several_tasks_cannot_use_it(self, run):
        done = run("--echo", "mine", "bare")
        assert (done.status, done.calls) == (2, [])


class TestDry:
    @pytest.mark.parametrize(
        "typed", [["--dry", "change"], ["-R", "change"], ["change", "--dry"], ["change", "-R"]]
    )
    def test_becomes_the_tasks_dry_run(self, run, typed):
        assert run(*typed).calls == [("change", {"limit": [], "dry_run": True, "debug": False})]

    @pytest.mark.parametrize("typed", [["--dry", "bare"], ["-R", "needy", "--output", "x"], ["bare", "-R"]])
    def test_is_refused_if_the_task_has_no_such_flag(self, run, typed):
        done = run(*typed)
        assert (done.status, done.calls) == (2, [])
        assert "has no --dry-run" in done.err

    def test_of_fabrics_configuration_counts_too(self, run, tmp_path, monkeypatch):
        (tmp_path / ".fabric.yaml").write_text("run: {dry: true}\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert run("change").calls == [("change", {"limit": [], "dry_run": True, "debug": False})]
        assert run("bare").status == 2

    def test_is_fabrics_own_for_a_users_own_task(self, run):
        assert run("--dry", "mine").calls == [("mine", {"dry": True, "echo": False})]


class TestHosts:
    def test_become_the_limit_and_the_task_runs_once(self, run):
        done = run("-H", "a,b", "change")
        assert done.calls == [("change", {"limit": ["a,b"], "dry_run": False, "debug": False})]

    def test_become_the_host_if_there_is_no_limit(self, run):
        assert run("-H", "a", "go").calls == [("go", {"host": "a", "behind": [], "count": 3})]

    def test_are_refused_if_there_is_neither(self, run):
        done = run("-H", "a", "bare")
        assert (done.status, done.calls) == (2, [])
        assert "-H/--hosts does nothing for bare" in done.err

    @pytest.mark.parametrize(
        "typed",
        [
            ["-H", "a", "-H", "b", "change"],
            ["-H", "a", "change", "-H", "b"],
            ["-H", "a", "change", "--limit", "b"],
        ],
    )
    def test_two_of_them_are_refused(self, run, typed):
        done = run(*typed)
        assert (done.status, done.calls) == (2, [])

    def test_a_bare_command_needs_them(self, run):
        done = run("--", "df", "-h /")
        assert done.status == 2
        assert done.err == (
            "✗ no host to run df '-h /' on\n"
            "  → fab -H HOSTS -- df '-h /' runs it there; fab exec -- df '-h /' on all, in Ray's environment\n"
        )


def test_debug_becomes_the_tasks(run):
    assert run("--debug", "change").calls[0][1]["debug"] is True
    assert run("-d", "bare").status == 2
