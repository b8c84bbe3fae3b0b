"""`fab sync` between folders of this machine: its scripts run in real shells, each with a home of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import stat
from pathlib import Path

import pytest

from tasks.actions import syncing
from tasks.phases import operation
from tasks.phases import sync as phase
from tasks.run.failures import Stop
from tasks.run.sync_tree import read
from tasks.script.script import Script
from tasks.ssh import Settings, Target
from tasks.ssh.local import LocalConnection
from tests.phases.world import FakeConnection


class AtHome(LocalConnection):
    """This machine with another home folder; keeps the bytes that were carried here."""

    def at(self, home: Path) -> AtHome:
        self._set(home=home, got=0, titles=[])
        return self

    def _exchange(self, command, stdin, reader, deadline):
        line = f"HOME={shlex.quote(str(self.home))}; export HOME; cd; {command}"
        return super()._exchange(line, stdin, reader, deadline)

    def ask(self, script, **more):
        self.titles.append(script.title)
        return super().ask(script, **more)

    def carry(self, source, path, **more):
        self._set(got=self.got + Path(source).stat().st_size)
        super().carry(source, path, **more)


REAL = {
    "compare the files",
    "serve the files to the others",
    "copy the files from another host",
    "put the files in their places",
    "remove what was on the way",
}


@pytest.fixture
def homes(fleet, world, tmp_path, monkeypatch):
    """Each host's own home; its scripts of sync really run there."""
    found: dict[str, AtHome] = {}
    for name in ("head", "one", "two"):
        home = tmp_path / name
        home.mkdir()
        found[name] = AtHome(Target(name, "localhost", local=True), Settings(agent="")).at(home)
        world[name].facts["home"] = str(home)
    fake = FakeConnection.ask
    real = {world[name].address: connection for name, connection in found.items()}

    def ask(self, script, **more):
        title = script.title if isinstance(script, Script) else ""
        return real[self.host.address].ask(script, **more) if title in REAL else fake(self, script, **more)

    monkeypatch.setattr(FakeConnection, "ask", ask)
    monkeypatch.setattr(
        FakeConnection, "carry", lambda self, *given, **more: real[self.host.address].carry(*given, **more)
    )
    numbers = {"head": 1, "one": 2, "two": 3}
    monkeypatch.setattr(phase, "address_of", lambda run, node: f"127.0.0.{numbers[node.name]}")
    return found


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "src"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_text("a\n")
    (folder / "run me.sh").write_text("#!/bin/sh\n")
    (folder / "run me.sh").chmod(0o750)
    (folder / "deep" / "er" / "big").write_bytes(os.urandom(300_000))
    (folder / "deep" / "same").write_text("a\n")
    (folder / "empty").touch()
    (folder / "link").symlink_to("deep/same")
    return folder


def copied(fleet, source, dest="~/dest", *, delete=False, exclude=(), **more) -> int:
    tree = read(source, dest, exclude)
    steps = (*operation.LOCKED_FACTS, phase.sync(tree, delete=delete))
    return fleet.operate(steps, syncing._said(tree), **more)


def picture(folder: Path) -> dict[str, tuple]:
    """Every path below a folder, with its kind, mode and content."""
    out = {}
    for path in sorted(folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        value = os.readlink(path) if path.is_symlink() else "" if path.is_dir() else path.read_bytes()
        out[str(path.relative_to(folder))] = (mode, value)
    return out


def test_all_hosts_have_the_same_then(fleet, homes, source, tmp_path):
    assert copied(fleet, source) == 0, fleet.out
    for name in homes:
        assert picture(tmp_path / name / "dest") == picture(source)
        assert not (tmp_path / name / ".rayfab").exists(), "what was on the way is removed"
    assert fleet.out.splitlines()[-1].startswith("✓ ~/dest is the same on 3 hosts")


def test_each_content_leaves_here_once_and_goes_on_from_host_to_host(fleet, homes, source):
    copied(fleet, source)
    assert 300_000 < homes["head"].got < 310_000
    assert homes["one"].got == homes["two"].got == 0
    assert "copy the files from another host" in homes["one"].titles
    assert "copy the files from another host" not in homes["head"].titles


def test_the_second_time_nothing_travels_and_nothing_changes(fleet, homes, source):
    copied(fleet, source)
    before = homes["head"].got
    assert copied(fleet, source) == 0
    assert homes["head"].got == before
    assert fleet.run.record.done == {}
    assert "nothing was changed" in fleet.out


def test_only_what_differs_travels_and_only_to_where_it_differs(fleet, homes, source, tmp_path):
    copied(fleet, source)
    carried = {name: connection.got for name, connection in homes.items()}
    (tmp_path / "one" / "dest" / "a.txt").write_text("changed there\n")
    (tmp_path / "two" / "dest" / "run me.sh").chmod(0o600)
    assert copied(fleet, source) == 0
    assert homes["head"].got == carried["head"]
    assert 0 < homes["one"].got - carried["one"] < 1000
    assert homes["two"].got == carried["two"]
    for name in homes:
        assert picture(tmp_path / name / "dest") == picture(source)


def test_without_delete_what_is_there_stays_with_it_it_goes_after_a_question(fleet, homes, source, tmp_path):
    copied(fleet, source)
    extra = tmp_path / "one" / "dest" / "old" / "er"
    extra.mkdir(parents=True)
    (extra / "file").touch()
    assert copied(fleet, source) == 0
    assert (extra / "file").exists()
    fleet.yes = False
    assert copied(fleet, source, delete=True) == 1
    assert (extra / "file").exists()
    assert fleet.asked[-1][1] == "one: 1 file"
    fleet.yes = True
    assert copied(fleet, source, delete=True) == 0
    assert picture(tmp_path / "one" / "dest") == picture(source)


def test_a_dry_run_says_what_differs_and_changes_nothing(fleet, homes, source, tmp_path):
    assert copied(fleet, source, dry_run=True) == 0
    assert fleet.lines("one:")[0].startswith("one: 5 files, 0.3 MB, 3 other changes")
    assert fleet.lines("file a.txt")
    for name in homes:
        assert list((tmp_path / name).iterdir()) == []


def test_one_file_into_a_folder_or_under_another_name(fleet, homes, source, tmp_path):
    assert copied(fleet, source / "run me.sh", "~/bin/") == 0
    assert copied(fleet, source / "a.txt", str(tmp_path / "abs" / "b.txt"), limit=["two"]) == 0
    assert stat.S_IMODE((tmp_path / "one" / "bin" / "run me.sh").stat().st_mode) == 0o750
    assert (tmp_path / "abs" / "b.txt").read_text() == "a\n"


def test_what_is_excluded_stays_here_and_there(fleet, homes, source, tmp_path):
    assert copied(fleet, source, exclude=["*.sh", "deep/er"]) == 0
    assert set(picture(tmp_path / "two" / "dest")) == {"a.txt", "deep", "deep/same", "empty", "link"}


def test_a_folder_where_a_file_should_be_fails_that_host_alone(fleet, homes, source, tmp_path):
    (tmp_path / "one" / "dest" / "a.txt").mkdir(parents=True)
    assert copied(fleet, source) == 1
    assert "a.txt is a folder on this host" in fleet.failure("one").message
    assert picture(tmp_path / "two" / "dest") == picture(source)


def test_without_a_host_that_can_serve_each_gets_its_own_copy(fleet, homes, source, tmp_path, monkeypatch):
    monkeypatch.setattr(phase, "address_of", no_address)
    assert copied(fleet, source) == 0
    assert all(connection.got > 300_000 for connection in homes.values())
    assert fleet.lines("each host gets its own copy")
    assert picture(tmp_path / "two" / "dest") == picture(source)


def no_address(run, node):
    raise Stop("no address", "set node_ip")


@pytest.mark.parametrize("name", ["new\nline", "back\\slash", "tab\there"])
def test_a_name_that_cannot_be_copied_is_named_before_anything_is_done(source, name):
    (source / name).touch()
    with pytest.raises(Stop) as stop:
        read(source, "~/dest")
    assert stop.value.code == 2


def test_sockets_and_their_like_are_left_here(source):
    os.mkfifo(source / "pipe")
    assert read(source, "~/dest").left == ["./pipe"]


def test_sums_are_those_of_the_contents(source):
    (one,) = [one for one in read(source, "~/dest").entries if one.path == "./a.txt"]
    assert one.value == hashlib.sha256(b"a\n").hexdigest()


class TestParts:
    def test_src_and_dest(self, source):
        assert syncing.parts(f"{source}:~/x") == (source, "~/x")
        assert syncing.parts(f"{source}:/data/x/") == (source, "/data/x/")

    @pytest.mark.parametrize("what", ["x", ":/x", "x:", "/nowhere/at/all:/x", "/:relative", "/:/a/../b"])
    def test_anything_else_is_a_mistake(self, what):
        with pytest.raises(syncing.Mistake):
            syncing.parts(what)


def test_no_host_serves_any_more_when_it_ends(fleet, homes, source, tmp_path):
    copied(fleet, source)
    assert "serve the files to the others" in homes["head"].titles
    left = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            left += [path] if str(tmp_path / "head" / ".rayfab").encode() in path.read_bytes() else []
    assert left == []
