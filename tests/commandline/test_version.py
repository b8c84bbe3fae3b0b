"""`fab version`: what a report of a problem needs to name."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tasks.actions import about
from tasks.commandline.version import VERSION

TOP = Path(__file__).parents[2]


def test_json_has_what_it_runs_with(capsys):
    about.show(as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "format",
        "version",
        "commit",
        "folder",
        "python",
        "executable",
        "system",
        "ray",
        "packages",
    }
    assert (found["format"], found["version"], found["folder"]) == (1, VERSION, str(TOP))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["fabric"] == version("fabric")
    assert found["ray"]["default"] is None


def test_lines_say_the_same(capsys):
    about.show(as_json=False)
    out = capsys.readouterr().out
    assert out.startswith(f"rayfab {VERSION}\n")
    assert any(line.split()[:2] == ["paramiko", version("paramiko")] for line in out.splitlines())


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(about, "TOP", tmp_path)

    def git(*words: str) -> str:
        author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            ["git", "-C", tmp_path, *author, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    (tmp_path / "file").write_text("1")
    git("init", "--quiet")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    return tmp_path, git


def test_the_commit_and_whether_it_was_changed(checkout):
    folder, git = checkout
    full = git("rev-parse", "HEAD")
    assert about.commit() == {"id": full[:12], "changed": False}
    (folder / "file").write_text("2")
    assert about.commit() == {"id": full[:12], "changed": True}


def test_a_folder_in_somebody_elses_repository_has_none(checkout, monkeypatch):
    folder, _ = checkout
    (folder / "inside").mkdir()
    monkeypatch.setattr(about, "TOP", folder / "inside")
    assert about.commit() is None


def test_without_git_there_is_none(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert about.commit() is None
