"""Files of the operator's machine that a hosts file names, and that are not there: with file, line and key."""

from __future__ import annotations

import os

import pytest

from tasks.inventory import load
from tasks.inventory.localfiles import missing_files, missing_keys

TEXT = """\
ssh: {key: no-key}
head: {host: a, key: id}
mirrors: {ca: folder}
workers:
  - {host: b, key: other}
  - {host: "c[1-2]", uv: {lock: nowhere/x.lock}}
  - {host: d, runtime: docker, docker: {image_source: "file:a.tar"}}
  - host: e
    runtime: conda
    conda: {installer: ./M.sh, installer_sha256: "%s"}
""" % ("0" * 64)


@pytest.fixture
def here(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "id").write_text("a key")
    (tmp_path / "hosts.yml").write_text(TEXT)
    return tmp_path


def test_each_file_once_at_the_line_that_names_it(here):
    cluster = load(here / "hosts.yml")
    assert [str(problem) for problem in missing_keys(cluster)] == [
        f"{here}/hosts.yml:5: workers[0].key: there is no file {here}/other",
        f"{here}/hosts.yml:1: ssh.key: there is no file {here}/no-key",
    ]
    assert [str(problem) for problem in missing_files(cluster, installs=True)] == [
        f"{here}/hosts.yml:3: mirrors.ca: {here}/folder is a folder, not a file",
        f"{here}/hosts.yml:6: workers[1].uv.lock: there is no folder {here}/nowhere",
        f"{here}/hosts.yml:7: workers[2].docker.image_source: there is no file {here}/a.tar",
        f"{here}/hosts.yml:10: workers[3].conda.installer: there is no file {here}/M.sh",
    ]


def test_a_start_needs_neither_archives_nor_installers(here):
    found = missing_files(load(here / "hosts.yml"), installs=False)
    assert [problem.where for problem in found] == ["mirrors.ca", "workers[1].uv.lock"]


def test_what_is_there_or_will_be_made_is_no_problem(here):
    (here / "hosts.yml").write_text("head: {host: a, key: id}\nuv: {lock: new.lock}\n")
    cluster = load(here / "hosts.yml")
    assert missing_keys(cluster) == missing_files(cluster, installs=True) == []


def test_a_key_that_the_agent_holds_needs_only_its_public_half(here):
    (here / "other.pub").write_text("ssh-ed25519 AAAA")
    assert [problem.where for problem in missing_keys(load(here / "hosts.yml"))] == ["ssh.key"]


def test_a_key_is_not_read_for_this_machine_itself(here):
    (here / "hosts.yml").write_text("head: {host: a, key: none, connection: local}\n")
    assert missing_keys(load(here / "hosts.yml")) == []


def test_a_key_that_may_not_be_read(here):
    (here / "id").chmod(0)
    cluster = load(here / "hosts.yml")
    me = os.geteuid()
    if me == 0:  # root reads every file
        os.seteuid(65534)
    try:
        found = missing_keys(cluster)
    finally:
        os.seteuid(me)
    assert f"hosts.yml:2: head.key: {here}/id cannot be read: Permission denied" in str(found[0])
