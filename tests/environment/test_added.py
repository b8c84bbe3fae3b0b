"""Packages on demand: installed once, whole or not there, and in nobody's way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks.environment import Failed, added
from tasks.runtimes.conda import channels
from tasks.runtimes.packages import Unavailable
from tests.environment.checkout import TOP, environ
from tests.environment.wheel import write_wheel


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A program whose conda solver is a small package, with a folder of its own."""
    wheel = write_wheel(tmp_path / "wheels", "rattler", "1.0", "WHO = 'small'\n")
    (tmp_path / "requirements-conda.txt").write_text(f"{wheel}\n")
    monkeypatch.setattr(added, "TOP", tmp_path)
    monkeypatch.setattr(added, "own_folder", lambda: tmp_path / "own")
    return tmp_path / "own/added"


def test_installed_when_it_is_asked_for_the_first_time(place):
    said: list[str] = []
    folder = added.packages("conda", said.append)
    assert (folder / "rattler/__init__.py").read_text() == "WHO = 'small'\n"
    assert said[0] == "choosing packages"
    assert sorted(p.name for p in place.iterdir()) == sorted([".rayfab-lock", "pip.log", folder.name])
    assert added.packages("conda", pytest.fail) == folder


def test_what_an_interrupted_run_left_is_not_taken(place):
    (place / "new/conda/rattler").mkdir(parents=True)
    (place / "new/conda/rattler/__init__.py").write_text("half")
    folder = added.packages("conda", lambda text: None)
    assert "half" not in (folder / "rattler/__init__.py").read_text()
    assert not (place / "new").exists()


def test_two_runs_at_once(place, tmp_path):
    code = f"""
from pathlib import Path
from tasks.environment import added
added.TOP = Path({str(tmp_path)!r})
added.own_folder = lambda: Path({str(tmp_path / "own")!r})
print((added.packages('conda', lambda text: None) / 'rattler/__init__.py').read_text())
"""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=TOP, env=environ(), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [run.communicate(timeout=120)[0].strip() for run in runs] == ["WHO = 'small'"] * 2
    assert [run.returncode for run in runs] == [0, 0]


def test_other_requirements_take_the_place_of_the_old(place, tmp_path):
    before = added.packages("conda", lambda text: None)
    wheel = write_wheel(tmp_path / "wheels", "rattler", "2.0", "WHO = 'new'\n")
    (tmp_path / "requirements-conda.txt").write_text(f"{wheel}\n")
    after = added.packages("conda", lambda text: None)
    assert [before.exists(), after.exists()] == [False, True]
    assert (after / "rattler/__init__.py").read_text() == "WHO = 'new'\n"


def test_a_failure_is_one_sentence_and_leaves_nothing_that_counts(place, tmp_path):
    (tmp_path / "requirements-conda.txt").write_text(f"{tmp_path}/missing-1.0-py3-none-any.whl\n")
    with pytest.raises(
        Failed, match=r"^the packages of requirements-conda.txt could not be installed: [^\n]+$"
    ):
        added.packages("conda", lambda text: None)
    assert not list(place.glob("conda-*"))


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "own").write_text("a file")
    monkeypatch.setattr(added, "own_folder", lambda: tmp_path / "own")
    with pytest.raises(Failed, match=r"Not a directory|File exists"):
        added.packages("conda", lambda text: None)


class TestSolver:
    def test_one_that_is_there_is_used(self):
        assert channels.solver(pytest.fail) == {}

    def test_else_it_is_installed(self, place, monkeypatch):
        monkeypatch.setattr(channels.importlib.util, "find_spec", lambda name: None)
        found = channels.solver(lambda text: None)
        code = "import rattler; print(rattler.WHO)"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ(**found), capture_output=True, text=True
        )
        assert done.stdout == "small\n"

    def test_the_run_ends_where_it_cannot_be_installed(self, place, tmp_path, monkeypatch):
        monkeypatch.setattr(channels.importlib.util, "find_spec", lambda name: None)
        (tmp_path / "requirements-conda.txt").write_text(f"{tmp_path}/missing-1.0-py3-none-any.whl\n")
        with pytest.raises(Unavailable) as caught:
            channels.solver(lambda text: None)
        assert "requirements-conda.txt" in str(caught.value) and "pip.log" in caught.value.hint


class TestOwnFolder:
    def test_is_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        assert added.own_folder() == tmp_path

    def test_of_a_systems_python_is_the_users_cache(self, monkeypatch, tmp_path):
        monkeypatch.setattr(sys, "prefix", sys.base_prefix)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert added.own_folder() == tmp_path / "rayfab"
