"""The table of tasks: what is in it, where it is kept, and whose it must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from invoke import Collection, task

from tasks.completion import collect, known, table
from tests.completion.conftest import TOP
from tests.namespace import CONTEXTS

HEAVY = {
    "fabric",
    "invoke",
    "paramiko",
    "pydantic",
    "rich",
    "dataclasses",
    "pathlib",
    "inspect",
    "subprocess",
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    tmp_path.joinpath("tmp").mkdir()
    return tmp_path / "cache" / "rayfab" / table.name(str(TOP))


@pytest.fixture
def made(monkeypatch):
    """Counts how often the tasks are imported, and does it once for all tests."""
    calls = []

    def run(argv, **kwargs):
        calls.append(argv)
        return subprocess.CompletedProcess(argv, 0, stdout=MADE)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


MADE = json.dumps({"tasks": {"one": {}}, "core": [], "yaml": "/"}).encode()


def test_has_every_task_and_flag(cache):
    found = table.get(str(TOP))["tasks"]
    assert {name: {f["names"][0] for f in one["flags"]} for name, one in found.items()} == {
        name: {f"--{argument.name.strip('_').replace('_', '-')}" for argument in context.args.values()}
        for name, context in CONTEXTS.items()
    }
    assert all(one["help"] and all(flag["help"] for flag in one["flags"]) for one in found.values())


def test_knows_every_flag_that_has_a_special_value():
    """A flag that was renamed would silently lose its values."""
    flags = {(name, flag) for name, context in CONTEXTS.items() for flag in context.args}
    assert set(known.OF_TASK) <= flags
    assert set(known.FLAGS) <= {flag for _, flag in flags}


def test_what_users_own_tasks_may_have():
    @task(aliases=["br"], incrementable=["verbose"], help={"host": "where"})
    def brew(c, host, strong=True, verbose=0, limit=""):
        """Make tea.

        Slowly."""

    found = collect.collect(Collection(brew), [])["tasks"]
    assert found["br"] == found["brew"]
    assert found["brew"]["help"] == "Make tea."
    flags = {flag["names"][0]: flag for flag in found["brew"]["flags"]}
    assert set(flags) == {"--host", "--no-strong", "--verbose", "--limit"}
    assert flags["--host"]["positional"] and flags["--host"]["value"] == {"is": "host"}
    assert "-h" in flags["--host"]["names"]
    assert flags["--verbose"]["again"] and flags["--verbose"]["value"] is None
    assert flags["--limit"]["value"]["is"] == "hosts"


def test_the_table_is_made_once_and_kept_private(cache, made):
    assert table.get(str(TOP)) == table.get(str(TOP))
    assert len(made) == 1
    assert cache.stat().st_mode & 0o777 == 0o600
    assert cache.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_is_made_again_when_a_source_has_changed(cache, made, monkeypatch):
    table.get(str(TOP))
    monkeypatch.setattr(table, "stamp", lambda top, own: "another")
    table.get(str(TOP))
    assert len(made) == 2


@pytest.mark.parametrize(
    "name", ["fabfile.py", "tasks/a.py", "tasks/deep/b.py", "my_tasks.py", "my_tasks/c.py"]
)
def test_a_change_of_any_source_changes_the_stamp(tmp_path, name):
    before = table.stamp(str(tmp_path))
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1")
    new = table.stamp(str(tmp_path))
    os.utime(path, (1, 1))
    touched = table.stamp(str(tmp_path))
    tmp_path.joinpath("tasks/__pycache__").mkdir(parents=True, exist_ok=True)
    tmp_path.joinpath("tasks/__pycache__/a.py").write_text("")
    assert len({before, new, touched}) == 3 and table.stamp(str(tmp_path)) == touched


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.chmod(0o622),
        lambda path: path.parent.chmod(0o777),
        lambda path: path.write_text("{"),
        lambda path: path.write_text('["format"]'),
        lambda path: path.write_text(path.read_text().replace(str(TOP), "/elsewhere")),
        lambda path: (path.rename(f"{path}.real"), path.symlink_to(f"{path}.real")),
    ],
    ids=["file of all", "folder of all", "cut off", "other content", "other checkout", "link"],
)
def test_a_spoiled_table_is_made_again(cache, made, spoil):
    table.get(str(TOP))
    spoil(cache)
    assert table.get(str(TOP))["tasks"] == {"one": {}}
    assert len(made) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it gives a file away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_is_not_believed_where_it_is_anothers(cache, made, what):
    table.get(str(TOP))
    os.chown(cache if what == "file" else cache.parent, 12345, 12345)
    table.get(str(TOP))
    assert len(made) == 2


def test_goes_into_a_private_folder_where_there_is_no_cache(cache, made, tmp_path):
    tmp_path.joinpath("cache").write_text("a file")
    table.get(str(TOP))
    table.get(str(TOP))
    assert len(made) == 1
    kept = tmp_path / "tmp" / f"rayfab-{os.getuid()}"
    assert kept.stat().st_mode & 0o777 == 0o700 and list(kept.iterdir()) == [kept / cache.name]


def test_is_made_each_time_where_it_can_be_kept_nowhere(cache, made, tmp_path, monkeypatch):
    tmp_path.joinpath("cache").write_text("a file")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "cache"))
    table.get(str(TOP))
    assert table.get(str(TOP))["tasks"] == {"one": {}}
    assert len(made) == 2


def test_an_old_one_is_better_than_none(cache, made, monkeypatch):
    old = table.get(str(TOP))
    monkeypatch.setattr(table, "stamp", lambda top, own: "another")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: 1 / 0)
    assert table.get(str(TOP)) == old
    cache.unlink()
    with pytest.raises(ZeroDivisionError):
        table.get(str(TOP))


def test_a_tab_imports_nothing_that_takes_long(cache, tmp_path):
    table.renew(str(TOP))
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("head: a\nworkers: ['b[1-9]']\n")
    program = (
        "import runpy, sys; sys.argv[1:] = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__');"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    fast = TOP / "tasks/completion/fast.py"
    program = program.replace("sys.argv[0]", repr(str(fast))).replace("sys.argv[1:] = sys.argv[2:]; ", "")
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, "zsh", "4", "fab", "check", "--limit", "b"],
        env={**os.environ, "RAY_HOSTS_FILE": str(hosts)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert any(line.startswith("b9\t") for line in said)
    assert "yaml" in said[-1].split() and not HEAVY & set(said[-1].split())
