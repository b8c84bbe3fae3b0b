"""A user's own tasks as a process: ``./fab``, plain ``fab``, a terminal, completion, an installed tool."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.completion import owner, table
from tests.environment.checkout import copy
from tests.terminal import CTRL_C, Terminal

EXAMPLE = Path(__file__).parents[2] / "examples/my_tasks.py"
LOCAL = "cluster: notthere\nhead: {host: localhost, name: here, connection: local, runtime: uv}\n"
MORE = """
from fabric import task
from tasks.hosts import cluster, hosts

@task
def where(c, limit=None, hosts_file=None):
    \"\"\"Say what the hosts file has.\"\"\"
    print(cluster(hosts_file).head.name, [c.name for c in hosts(limit, hosts_file)], hosts_file)

@task
def fails(c):
    hosts().run("echo lost >&2; exit 5", hide=True)

@task
def waits(c):
    print("waiting", flush=True)
    hosts().run("sleep 60")

@task
def buggy(c):
    helper()

def helper():
    {}["key"]
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with the example and more tasks in a package."""
    top = copy(tmp_path_factory.mktemp("own") / "checkout")
    (top / "my_hosts.yml").write_text(LOCAL)
    (top / "my_tasks").mkdir()
    shutil.copy(EXAMPLE, top / "my_tasks/example.py")
    (top / "my_tasks/more.py").write_text(MORE)
    (top / "my_tasks/__init__.py").write_text("from .example import *\nfrom .more import *\n")
    return top


@pytest.fixture(params=["./fab", "fab"])
def entry(request, checkout):
    """The program's start: as ./fab starts it, and plain fab."""
    if request.param == "./fab":
        return [sys.executable, str(checkout / "tasks")]
    return [sys.executable, "-m", "fabric", "--search-root", str(checkout)]


def environment(home):
    drop = ("RAY_HOSTS_FILE", "RAYFAB_PROGRAM", "SSH_AUTH_SOCK", "XDG_CACHE_HOME")
    kept = {key: value for key, value in os.environ.items() if key not in drop}
    return {**kept, "HOME": str(home), "TERM": "dumb", "COLUMNS": "100"}


@pytest.fixture
def fab(entry, tmp_path):
    """fab("where") in a folder that is not the checkout."""
    return lambda *arguments: subprocess.run(
        [*entry, *arguments],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestBothWays:
    def test_are_listed_under_their_own_heading(self, fab):
        out = fab("--list").stdout
        own = out.partition("\nyour own:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in own] == [
            "buggy",
            "configure",
            "fails",
            "mount",
            "report",
            "waits",
            "where",
        ]
        assert "Mount a file system on all hosts, now and after each reboot." in own[3]

    def test_have_a_help_page(self, fab):
        assert "--kind KIND" in fab("--help", "mount").stdout
        assert fab("mount", "--help").stdout == fab("--help", "mount").stdout

    def test_find_the_hosts_file_as_all_tasks_do(self, fab, tmp_path):
        assert fab("where").stdout == "here ['here'] None\n"
        other = tmp_path / "other.yml"
        other.write_text(LOCAL.replace("here", "there"))
        assert fab("where", "--hosts-file", str(other)).stdout == f"there ['there'] {other}\n"

    def test_write_a_report(self, fab, tmp_path):
        done = fab("report")
        assert (done.returncode, done.stdout) == (0, "report.csv: 1 hosts\n"), done.stderr
        head, line = (tmp_path / "report.csv").read_text().splitlines()
        assert head == "host,kernel,cores,free KiB"
        assert line.startswith(f"here,{os.uname().release},")

    def test_a_limit_that_fits_no_host(self, fab, checkout):
        done = fab("where", "--limit", "hree")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"✗ limit hree: no such host in {checkout}/my_hosts.yml; did you mean here?\n"

    def test_mistakes_in_the_hosts_file(self, fab, tmp_path):
        wrong = tmp_path / "wrong.yml"
        wrong.write_text("head: {host: a, prot: 2}\nworkers: [b, b]\n")
        done = fab("where", "--hosts-file", str(wrong))
        assert (done.returncode, done.stdout) == (2, "")
        first, second = done.stderr.splitlines()
        assert first.startswith(f"✗ {wrong}:1: ") and second.startswith(f"✗ {wrong}:2: ")

    def test_a_host_that_fails_is_a_line_and_the_status_1(self, fab):
        done = fab("fails")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "✗ here: echo lost >&2; exit 5 ended with status 5: lost\n"

    def test_a_bug_has_its_place_and_with_debug_its_traceback(self, fab):
        done = fab("buggy")
        assert done.returncode == 1
        assert done.stderr == "✗ my_tasks/more.py:24: KeyError: 'key'\n  → --debug shows the traceback\n"
        shown = fab("--debug", "buggy").stderr
        assert "Traceback" in shown and "in helper" in shown

    def test_ctrl_c_ends_with_130_and_no_traceback(self, entry, tmp_path):
        with Terminal([*entry, "waits"], env=environment(tmp_path), cwd=tmp_path) as terminal:
            terminal.wait_for("waiting")
            terminal.feed(CTRL_C)
            lines = terminal.wait_for("✗ interrupted")
            assert terminal.wait() == 130
        assert "Traceback" not in "\n".join(lines)


class TestAMistakeInThem:
    @pytest.fixture
    def broken(self, checkout):
        start = checkout / "my_tasks/__init__.py"
        good = start.read_text()
        start.write_text("import nothing_like_it\n")
        yield
        start.write_text(good)

    def test_takes_no_other_task_away(self, broken, fab):
        done = fab("--list")
        assert done.returncode == 0 and "deploy-cluster" in done.stdout
        assert done.stderr.splitlines()[0] == (
            "✗ my_tasks/__init__.py:1: ModuleNotFoundError: No module named 'nothing_like_it'"
        )

    def test_stays_off_standard_output(self, broken, fab):
        done = fab("check", "--schema")
        assert done.returncode == 0
        assert json.loads(done.stdout)

    @pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
    def test_when_it_cannot_be_printed(self, broken, checkout, tmp_path, closed):
        line = f"'{sys.executable}' '{checkout}/tasks' check --schema {closed}"
        done = subprocess.run(["sh", "-c", line], env=environment(tmp_path), capture_output=True, timeout=60)
        assert json.loads(done.stdout)


class TestCompletion:
    def test_own_tasks_and_their_flags_are_in_the_table(self, checkout, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        tasks = table.get(str(checkout))["tasks"]
        assert tasks["mount"]["help"] == "Mount a file system on all hosts, now and after each reboot."
        flags = {flag["names"][0]: flag["value"]["is"] for flag in tasks["where"]["flags"]}
        assert flags == {"--limit": "hosts", "--hosts-file": "files"}

    def test_of_an_installed_program_is_that_of_the_current_folder(self, checkout, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        installed = tmp_path / "rayfab"
        shutil.copytree(checkout / "tasks", installed / "tasks")
        shutil.copy(checkout / "fabfile.py", installed)
        here = tmp_path / "here"
        shutil.copytree(checkout / "my_tasks", here / "my_tasks")
        folder = owner.user_folder(str(installed), str(here))
        assert folder == str(here)
        assert "mount" in table.get(str(installed), folder)["tasks"]
        assert "mount" not in table.get(str(installed), str(tmp_path))["tasks"]

    @pytest.mark.parametrize("loose", ["", "my_tasks.py"])
    def test_runs_no_tasks_that_others_can_write(self, tmp_path, loose):
        (tmp_path / "my_tasks.py").write_text("")
        (tmp_path / loose).chmod(0o777)
        assert owner.user_folder("/opt/rayfab", str(tmp_path)) == "/opt/rayfab"


def test_an_installed_program_has_those_of_the_current_folder(checkout, tmp_path):
    installed = tmp_path / "site/rayfab"
    shutil.copytree(checkout / "tasks", installed / "tasks")
    shutil.copy(checkout / "fabfile.py", installed)
    here = tmp_path / "here"
    here.mkdir()
    (here / "hosts.yml").write_text(LOCAL)
    (here / "my_tasks.py").write_text(MORE)
    program = "from rayfab.tasks.__main__ import installed; installed()"
    done = subprocess.run(
        [sys.executable, "-c", program, "where"],
        cwd=here,
        env={**environment(tmp_path), "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "here ['here'] None\n"), done.stderr
