"""Mistakes on the command line: one line, a second with the fix, status 2, and nothing was started."""

from __future__ import annotations

import pytest

from tasks.actions import cli

# as typed -> the message; the tasks are the real ones
CASES = {
    "stauts": "there is no task stauts; did you mean status?\n  → fab status",
    "nonsense": "there is no task nonsense\n  → fab --list",
    "status stpo": "there is no task stpo; did you mean stop?\n  → fab status --help",
    "--help stauts": "there is no task stauts; did you mean status?\n  → fab status",
    "help stauts": "there is no task stauts; did you mean status?\n  → fab status",
    "status --jsn": "status has no flag --jsn; did you mean --json?\n  → fab status --help",
    "status --jsn=3": "status has no flag --jsn; did you mean --json?\n  → fab status --help",
    "status -j": "status has no flag -j\n  → fab status --help",
    "status --json=yes": "--json takes no value\n  → fab status --json",
    "--vresion": "there is no flag --vresion; did you mean --version?\n  → fab --help",
    "--hosts-file lab.yml status": "--hosts-file comes after the task\n  → fab status --hosts-file",
    "status --hosts-file": "--hosts-file needs a value\n  → fab status --help",
    "status --hosts-file --json": "--hosts-file needs a value\n  → fab status --help",
    "status --hosts-file a.yml --hosts-file b.yml": "--hosts-file is given twice\n  → give it once",
    "status --hosts-file=a.yml --hosts-file=b.yml": "--hosts-file is given twice\n  → give it once",
    "status now": "status takes no argument now\n  → fab status --help",
    "status -- now": "status takes nothing after --, got now\n  → fab status --help",
    "exec hostname": "exec: the command comes after --\n  → fab exec -- hostname",
    "exec": "exec needs a command after --\n  → fab exec -- ray --version",
    "exec --": "exec needs a command after --\n  → fab exec -- ray --version",
    "submit": "submit needs a command after --\n  → fab submit -- python job.py",
    "exec --command ls -- ls": "a command was given both in --command and after --\n  → keep one of them",
    "exec submit -- ls": "the arguments after -- are for one task, and there are several\n  → run one after the other",
    "add-worker 10.0.0.5": "add-worker: 10.0.0.5 is neither a flag nor a task\n  → fab add-worker --host 10.0.0.5",
    "stop node7": "stop: node7 is neither a flag nor a task\n  → fab stop --limit node7",
    "bundle": "bundle needs --output\n  → fab bundle --output FILE",
    "completion": "completion needs --shell\n  → fab completion --help",
    "completion tcsh": "--shell: expected bash, zsh or fish, got tcsh",
    "bundle --output /no/such/x.rfb": "--output: there is no folder /no/such\n  → create it, or choose another path",
    "lab-up --hosts x": "--hosts: expected a whole number, got x",
    "lab-up --hosts 0": "--hosts: expected 1 or more, got 0",
    "lab-up --flavour x": "--flavour: expected bare, python or docker, got x",
    "lab-up --as nta": "--as: there is no kind nta; did you mean nat?\n  → fab lab-up --as list describes each",
    "submit --working-dir /no/such -- ls": "--working-dir: there is no folder /no/such\n  → name one of this machine",
    "lab-up --runtime x": "--runtime: expected docker, conda or uv, got x",
    "init --runtime x": "--runtime: expected docker, conda or uv, got x",
    "logs --lines x": "--lines: expected 1-1000000, got x",
    "logs --lines 0": "--lines: expected 1-1000000, got 0",
    "logs --component foo": "--component: no component foo",
    "stop --hosts-file /no/such/hosts.yml": "/no/such/hosts.yml: there is no such file; `fab init ",
    "stop --hosts-file /": "/: this is a directory; --hosts-file needs a file",
}


@pytest.mark.parametrize("typed", CASES)
def test_a_mistake_is_one_line_with_its_fix(real, typed):
    done = real(*typed.split())
    assert done.status == 2, done.err
    said = done.err + done.out
    assert said.startswith(f"✗ {CASES[typed]}"), said
    assert "Traceback" not in said and len(said.splitlines()) <= 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["logs", "--grep", "["],
            "--grep: [ is not a valid regular expression: unterminated character set at position 0",
        ),
        (
            ["exec", "--", "df | tail -n 1"],
            "exec runs a program with arguments, not a shell command line: df | tail -n 1",
        ),
        (["submit", "--", "python job.py"], "submit runs a program with arguments, not a shell command line"),
        (["exec", "--command", "echo 'a"], "--command: no closing quotation"),
        (["status", "--hosts-file", "a\0b"], "a\\x00b: cannot be read"),
        ([""], "there is no task ''"),
        (["stop", "--limit", ""], "--limit is empty"),
        (["stop", "--limit="], "--limit is empty"),
        (["stop", "--hosts-file", " "], "--hosts-file is empty"),
        (["-H", "", "stop"], "-H is empty"),
        (["ssh", "--host", ""], "--host is empty"),
        (["stop", "--limit", "nobody"], "--limit nobody: no such host"),
        (["ssh", "--host", "nobody"], "--host nobody: no such host"),
        (["logs", "--host", "nobody"], "--host nobody: no such host"),
        (["status", "\x1b[31mred"], "status takes no argument '\\x1b[31mred'"),
    ],
)
def test_an_invalid_argument_is_shown_without_control_characters(real, arguments, said):
    done = real(*arguments)
    assert done.status == 2, done.err
    assert (done.err + done.out).startswith(f"✗ {said}"), done.err + done.out
    assert "\x1b" not in done.err + done.out


def test_the_hint_for_a_shell_line_can_be_pasted(real):
    assert "\n  → fab exec -- sh -c 'df | tail -n 1'\n" in real("exec", "--", "df | tail -n 1").err


def test_the_hint_for_a_plain_pattern_can_be_pasted(real):
    assert "fab logs --grep '\\[' finds it as it is" in real("logs", "--grep", "[").err


class TestAfterTheDashes:
    def test_quoting_is_kept(self, run):
        assert run("go", "--", "sh", "-c", "echo 'a  b' --").calls[0][1]["behind"] == [
            "sh",
            "-c",
            "echo 'a  b' --",
        ]

    def test_flags_of_the_command_are_its_own(self, run):
        assert run("go", "--", "ls", "--help", "-H", "x").calls[0][1]["behind"] == ["ls", "--help", "-H", "x"]


class TestRequiredFlags:
    def test_help_is_not_taken_for_a_value(self, run):
        done = run("needy", "--help")
        assert (done.status, done.calls) == (0, []) and "Usage: fab needy" in done.out

    @pytest.mark.parametrize("task", ["add-worker", "remove-worker", "bundle", "ssh", "exec"])
    def test_help_of_real_tasks_is_not_either(self, real, task):
        done = real(task, "--help")
        assert done.status == 0 and f"Usage: fab {task} [--flags]" in done.out


def test_a_number_is_accepted(run):
    assert run("go", "--count", "7", "--", "x").calls[0][1]["count"] == 7


def test_the_hosts_file_of_a_hint_is_the_one_that_was_typed(real, tmp_path):
    file = tmp_path / "my hosts.yml"
    file.write_text("head: 10.0.0.1\n")
    done = real("ssh", "--hosts-file", str(file), "--host", "10.0.0.[1-2]")
    assert done.status == 2
    assert cli.hosts_file(str(file)) == file


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("submit --hosts-file lab.yml", "fab submit --hosts-file lab.yml -- python job.py"),
        ("exec --hosts-file=lab.yml", "fab exec --hosts-file lab.yml -- ray --version"),
        ("exec --hosts-file lab.yml hostname", "fab exec --hosts-file lab.yml -- hostname"),
        ("stop --hosts-file lab.yml node7", "fab stop --hosts-file lab.yml --limit node7"),
        ("stauts --hosts-file lab.yml", "fab status --hosts-file lab.yml"),
    ],
)
def test_a_hint_about_the_command_line_names_the_hosts_file(real, typed, hint):
    """Without it the command that is pasted would be for another cluster."""
    done = real(*typed.split())
    assert done.status == 2 and f"\n  → {hint}\n" in f"{done.err}{done.out}\n", done.err + done.out
