"""Host names read fast are the ones that the tool itself reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tasks.actions import cli
from tasks.completion import hosts
from tasks.inventory import load
from tests.completion.conftest import HOSTS, TOP

LIBRARIES = str(Path(yaml.__file__).parents[1])
FILES = [TOP / "hosts.yml", *sorted((TOP / "examples").rglob("*.yml"))]
WRONG = sorted((TOP / "tests/inventory/cases").rglob("*.yml"))


def loaded(path: Path):
    return [(host.name, host.host, host.role) for host in load(path).hosts]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_host_names_are_those_the_loader_reads(path):
    found = hosts.hosts(str(path), LIBRARIES)
    assert [one for one in found if one[2] not in ("group", "label")] == loaded(path)


def test_groups_and_labels_follow_the_hosts(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text(
        "head: {host: a, labels: {zone: a, 'x/y': 7}}\nworkers: [{host: b, labels: {zone: a}}]\n"
        "groups: {g: 'a, b', h: [b, '@g'], i: }\n"
    )
    assert hosts.hosts(str(path), LIBRARIES)[2:] == [
        *(("@g", "a, b", "group"), ("@h", "b, @g", "group"), ("@i", "", "group")),
        *(("label:zone=a", "", "label"), ("label:x/y=7", "", "label")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        HOSTS,
        "head: 10.0.0.1\n",
        "head: a\nworkers: []\n",
        "head: a\nworkers:\n",
        "head: {host: a, name: '007'}\nworkers: [{host: 'b[08-11].lab', name: 'n[1-4]'}]",
        "head: 'me@[fd00::1]:2222'\nworkers: ['fd00::2', 'me@fd00::3', '10.0.0.[1-3,7]:22', 'rack[1-2]-[1-2]']",
        "head: &h {host: a}\nworkers: [{<<: *h, host: b}]",
    ],
)
def test_every_way_to_write_a_host(tmp_path, text):
    path = tmp_path / "hosts.yml"
    path.write_text(text)
    assert hosts.hosts(str(path), LIBRARIES) == loaded(path)


def test_there_are_wrong_files():
    assert len(WRONG) > 20


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_file_is_no_error(path, capfd):
    assert isinstance(hosts.hosts(str(path), LIBRARIES), list)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("what", ["missing", "folder", "fifo", "bytes", "a text", "a list", "range", "huge"])
def test_what_is_no_hosts_file_has_no_hosts(tmp_path, what):
    path = tmp_path / "hosts.yml"
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    elif what == "huge":
        path.write_text("head: a\n" + "#" * hosts.LARGEST)
    elif what != "missing":
        path.write_text({"a text": "head", "a list": "[a, b]", "range": "head: a\nworkers: ['b[9-1]']"}[what])
    assert hosts.hosts(str(path), LIBRARIES) == []


class TestWhichFile:
    def test_none_is_named(self):
        assert hosts.path(["fab", "check"], str(TOP)) == str(cli.hosts_file(None))

    def test_by_the_environment(self, monkeypatch):
        monkeypatch.setenv("RAY_HOSTS_FILE", "~/mine.yml")
        assert hosts.path(["fab", "check"], str(TOP)) == str(cli.hosts_file(None))

    @pytest.mark.parametrize("words", [["--hosts-file", "~/x.yml"], ["--hosts-file=~/x.yml"]])
    def test_by_the_line(self, monkeypatch, words):
        monkeypatch.setenv("RAY_HOSTS_FILE", "/other.yml")
        assert hosts.path(["fab", "check", *words, "--limit", ""], str(TOP)) == str(cli.hosts_file("~/x.yml"))
        assert hosts.path(["fab", "exec", "--", "cmd", *words], str(TOP)) == "/other.yml"

    def test_the_user_s_own_comes_before_the_shipped_one(self, tmp_path):
        assert hosts.path(["fab"], str(tmp_path)) == str(tmp_path / "hosts.yml")
        tmp_path.joinpath("my_hosts.yml").write_text("")
        assert hosts.path(["fab"], str(tmp_path)) == str(tmp_path / "my_hosts.yml")
