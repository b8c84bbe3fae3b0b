"""What to type next: commands that can be pasted as they stand, whatever the hosts file is called."""

from __future__ import annotations

import os
import shlex

import pytest

from tasks.report import handover


@pytest.fixture(autouse=True)
def no_hosts_file_in_the_environment(monkeypatch):
    monkeypatch.delenv("RAY_HOSTS_FILE", raising=False)


@pytest.fixture
def commands(pipe, text):
    """The commands that are shown for a hosts file, as words."""

    def of(path) -> list[list[str]]:
        handover.commands(pipe, str(path), [("status", "what runs"), ("submit -- python job.py", "a job")])
        return [shlex.split(line.split("   ")[0]) for line in text(pipe).splitlines()]

    return of


def test_the_default_file_is_not_named(commands):
    assert commands(handover.TOP / "hosts.yml") == [
        ["fab", "status"],
        ["fab", "submit", "--", "python", "job.py"],
    ]


def test_the_default_file_is_the_one_beside_the_fabfile():
    assert (handover.TOP / "fabfile.py").exists()


def test_another_file_is_named_before_what_belongs_to_the_job(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands("lab.yml") == [
        ["fab", "status", "--hosts-file", "lab.yml"],
        ["fab", "submit", "--hosts-file", "lab.yml", "--", "python", "job.py"],
    ]


def test_a_hosts_yml_that_is_not_the_default_one_is_named(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands("hosts.yml")[0] == ["fab", "status", "--hosts-file", "hosts.yml"]


def test_the_default_file_is_not_named_from_another_folder_either(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands(handover.TOP / "hosts.yml")[0] == ["fab", "status"]


def test_the_environment_s_file_is_the_default_one(commands, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_HOSTS_FILE", str(tmp_path / "lab.yml"))
    assert commands(tmp_path / "lab.yml")[0] == ["fab", "status"]


def test_with_another_file_in_the_environment_the_shipped_one_has_to_be_named(
    commands, tmp_path, monkeypatch
):
    monkeypatch.setenv("RAY_HOSTS_FILE", str(tmp_path / "lab.yml"))
    monkeypatch.chdir(handover.TOP)
    assert commands("hosts.yml")[0] == ["fab", "status", "--hosts-file", "hosts.yml"]


@pytest.mark.parametrize(
    "name", ["my hosts.yml", "it's.yml", "$(id).yml", "a;b.yml", "中文.yml", "[a].yml", "~.yml"]
)
def test_a_path_can_be_pasted_into_a_shell(pipe, text, tmp_path, name):
    handover.commands(pipe, str(tmp_path / name), [("status", "what runs")])
    words = shlex.split(text(pipe).rpartition("   what runs")[0])
    assert words[:3] == ["fab", "status", "--hosts-file"]
    assert os.path.abspath(words[3]) == str(tmp_path / name)


def test_commands_are_said_as_they_were_typed_and_stand_in_a_column(pipe, text, monkeypatch):
    monkeypatch.setenv("RAYFAB_PROGRAM", "./fab")
    status = {"address": "10.0.0.1:6379"}
    handover.next_steps(pipe, status, str(handover.TOP / "hosts.yml"))
    assert text(pipe).splitlines() == [
        "next:",
        "  ./fab status                    what runs where",
        "  ./fab dashboard                 Ray's dashboard of 10.0.0.1:6379, through a tunnel",
        "  ./fab submit -- python job.py   run a job",
        "  ./fab logs                      the last lines of all nodes",
    ]


@pytest.mark.parametrize(("count", "said"), [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts")])
def test_hosts(count, said):
    assert handover.hosts(count) == said
