"""First use from a bundle's folder: the wheels in it, and no index; or one line that says for whom they are."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tasks.environment import Failed, wheels
from tests.environment import checkout, wheelhouse
from tests.environment.checkout import copy, run, whole
from tests.environment.test_first_use_refused import BARE, OLD, machine_with, the_one_error
from tests.environment.wheel import write_wheel

SYSTEM, MACHINE, PYTHON = wheels.here()


def index(folder, sets, files=(), requirements="small==1.0\n"):
    """Requirements with the list of their wheels; the path of the requirements."""
    path = folder / "requirements.txt"
    path.write_text(requirements)
    (folder / "wheels").mkdir(exist_ok=True)
    said = {
        "format": "rayfab wheels 1",
        "requirements": {path.name: hashlib.sha256(path.read_bytes()).hexdigest()},
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "sets": sets,
    }
    (folder / "wheels/wheels.json").write_text(json.dumps(said))
    return path


def one(platform="linux-64", system=SYSTEM, machine=MACHINE, python=PYTHON, files=("small",)):
    return {
        "platform": platform,
        "system": system,
        "machine": machine,
        "python": python,
        "requirements.txt": [f"{name}-1.0-py3-none-any.whl" for name in files],
    }


class TestChosen:
    def test_those_of_this_machine_and_python(self, tmp_path):
        file = write_wheel(tmp_path / "wheels", "small", "1.0")
        sets = [one(python="3.1"), one(machine="vax"), one(), one(system="VMS")]
        assert wheels.of(index(tmp_path, sets, [file])) == [file]

    def test_without_the_folder_there_are_none(self, tmp_path):
        (tmp_path / "requirements.txt").touch()
        assert wheels.of(tmp_path / "requirements.txt") is None
        assert not wheels.exist(tmp_path / "requirements.txt")

    def test_other_requirements_come_from_the_index(self, tmp_path):
        index(tmp_path, [one()])
        (tmp_path / "requirements-dev.txt").touch()
        assert wheels.of(tmp_path / "requirements-dev.txt") is None

    @pytest.mark.parametrize(
        ("sets", "whom"),
        [
            ([one(python="3.1"), one(python="3.2"), one(python="3.3")], "linux-64 with Python 3.1-3.3"),
            ([one(python="3.1"), one(python="3.3")], "linux-64 with Python 3.1, 3.3"),
            (
                [one(machine="vax"), one("osx-64", "VMS", python="3.1")],
                f"linux-64 with Python {PYTHON} and osx-64 with Python 3.1",
            ),
        ],
    )
    def test_for_others_alone(self, tmp_path, sets, whom):
        path = index(tmp_path, sets)
        with pytest.raises(Failed) as told:
            wheels.of(path)
        assert (
            str(told.value) == f"this bundle is for {whom}; this is {SYSTEM} {MACHINE} with Python {PYTHON}"
        )
        assert ("first in PATH" if sets[0]["machine"] == MACHINE else "--operator") in told.value.hint
        assert str(wheels.misfit(path)) == str(told.value)

    @pytest.mark.parametrize(("change", "said"), [(b"x", "is damaged"), (None, "is missing")])
    def test_one_that_is_not_what_was_packed(self, tmp_path, change, said):
        file = write_wheel(tmp_path / "wheels", "small", "1.0")
        path = index(tmp_path, [one()], [file])
        file.unlink()
        if change:
            file.write_bytes(change)
        with pytest.raises(Failed, match=said) as told:
            wheels.of(path)
        assert "unpack the bundle again" in told.value.hint

    def test_requirements_that_have_changed(self, tmp_path):
        path = index(tmp_path, [one()])
        path.write_text("small==2.0\n")
        with pytest.raises(Failed, match="not the one") as told:
            wheels.of(path)
        assert "to ask the package index" in told.value.hint

    @pytest.mark.parametrize("text", ["", "[]", '{"format": "rayfab wheels 2"}'])
    def test_a_list_that_is_none(self, tmp_path, text):
        path = index(tmp_path, [])
        (tmp_path / "wheels/wheels.json").write_text(text)
        with pytest.raises(Failed, match=r"wheels\.json cannot be read"):
            wheels.of(path)

    def test_a_python_without_glibc_is_another_system(self, monkeypatch):
        monkeypatch.setattr(wheels.platform, "system", lambda: "Linux")
        monkeypatch.setattr(os, "confstr", lambda name: None)
        assert wheels.here()[0] == "Linux without glibc"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A folder as a bundle leaves it, with the wheels for this machine."""
    folder = copy(tmp_path_factory.mktemp("site") / "rayfab")
    wheelhouse.fill(folder, ["requirements.txt", "requirements-conda.txt"])
    return folder


@pytest.fixture
def site(unpacked, tmp_path):
    """The same, untouched."""
    return Path(shutil.copytree(unpacked, tmp_path / "rayfab", symlinks=True))


@pytest.fixture
def cut_off(tmp_path):
    with checkout.cut_off(tmp_path / "home") as env:
        yield env


class TestFirstUse:
    def test_asks_nobody(self, site, cut_off):
        done = run([site / "fab", "--list"], env=cut_off)
        assert done.returncode == 0, done.stderr
        assert "deploy-cluster" in done.stdout and whole(site)
        assert re.search(r"✓ the environment is in .*: \d+ packages", done.stderr)
        # what a task adds later is there as well
        code = "from tasks.environment import added; print(added.packages('conda', print))"
        done = run([site / ".venv/bin/python", "-c", code], env=cut_off, cwd=site)
        assert done.returncode == 0, done.stderr
        folder = Path(done.stdout.splitlines()[-1])
        assert (folder / "rattler").is_dir() and folder.is_relative_to(site)

    def test_needs_no_pip_and_no_module_ensurepip(self, site, cut_off, tmp_path):
        """Debian's Python has both in packages of their own, which cannot be had there."""
        python = os.path.realpath(sys.executable)
        env = cut_off | {
            "PATH": machine_with(tmp_path, site, {"python3": f'#!/bin/sh\nexec "{python}" "$@"\n'})
        }
        bundled = site / "tasks/environment/bundled.py"
        text = bundled.read_text()
        bundled.write_text(text.replace("def find() -> Path | None:\n", "def find():\n    return None\n"))
        assert bundled.read_text() != text
        done = run([site / "fab", "--version"], env=env)
        assert done.returncode == 0, done.stderr
        assert not (site / ".venv/bin/pip").exists()

    def test_where_uv_does_not_start_pip_installs_them(self, site, cut_off):
        code = site / "tasks/environment/wheels.py"
        text = code.read_text()
        code.write_text(
            text.replace("path.chmod(0o755)", "path.write_text('#!/bin/sh\\nexit 2\\n'); path.chmod(0o755)")
        )
        assert code.read_text() != text
        done = run([site / "fab", "--version"], env=cut_off)
        assert done.returncode == 0, done.stderr
        assert "Successfully installed" in (site / ".venv/pip.log").read_text()


class TestAMachineWithoutPython:
    """A build of Python that hosts need serves the operator, too."""

    @pytest.fixture
    def path(self, site, tmp_path):
        """A PATH without Python; the folder has a build of it for another machine and one for this."""
        build = tmp_path / "build/python/bin"
        build.mkdir(parents=True)
        (build / "python3").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
        (build / "python3").chmod(0o755)
        file = site / "wheels/cpython-3.12.1+1-x-install_only.tar.gz"
        run(["tar", "-czf", file, "-C", tmp_path / "build", "python"])
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines = f"VMS vax {'0' * 64} other.tar.gz\n{SYSTEM} {MACHINE} {digest} {file.name}\n"
        (site / "wheels/pythons").write_text(lines)
        path = machine_with(tmp_path, site, {"python3": OLD})
        for name in ("uname", "sha256sum", "mkdir", "gzip", "tar", "mv", "rm"):
            (Path(path) / name).symlink_to(shutil.which(name))
        return path

    def test_unpacks_it_once(self, site, cut_off, path):
        env = cut_off | {"PATH": path}
        done = run([site / "fab", "--version"], env=env)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("unpacking the Python of the bundle (first use only)\n")
        assert len(list(site.glob(".python-*"))) == 1
        shutil.rmtree(site / ".venv")
        done = run([site / "fab", "--version"], env=env)
        assert (done.returncode, "unpacking" in done.stderr) == (0, False)

    def test_one_that_is_damaged_is_not_used(self, site, cut_off, path):
        (file,) = site.glob("wheels/cpython-*")
        file.write_bytes(file.read_bytes() + b"x")
        done = run([site / "fab", "--version"], env=cut_off | {"PATH": path})
        assert done.returncode == 1
        assert f"✗ {file} is damaged\n  → unpack the bundle again" in done.stderr
        assert not list(site.glob(".python-*"))


class TestNotForThisMachine:
    def test_is_one_line_that_says_for_whom_it_is(self, site, cut_off):
        self.only(site, python="3.1")
        done = run([site / "fab", "--version"], env=cut_off)
        assert done.returncode == 1
        what, way = the_one_error(done)
        assert what.startswith("this bundle is for linux-64 with Python 3.1; this is Linux")
        assert "first in PATH" in way
        assert not (site / ".venv").exists()

    @pytest.mark.parametrize(
        ("python", "what"),
        [
            (None, "no Python 3.10 or newer was found"),
            (OLD, "no Python 3.10 or newer was found"),
            (BARE, "python3 cannot make environments (its module venv is missing)"),
        ],
    )
    def test_nothing_is_fetched_where_no_python_fits(self, site, cut_off, tmp_path, python, what):
        """Not even if uv is there, which would fetch one."""
        programs = {"uv": f'#!/bin/sh\necho "$@" >{tmp_path}/uv-was-called\n'}
        programs |= {"python3": python} if python else {}
        done = run(
            [site / "fab", "--version"], env=cut_off | {"PATH": machine_with(tmp_path, site, programs)}
        )
        assert done.returncode == 1
        assert the_one_error(done)[0] == what
        assert not (tmp_path / "uv-was-called").exists()

    def only(self, site, **changed):
        path = site / "wheels/wheels.json"
        said = json.loads(path.read_text())
        said["sets"] = [one | changed for one in said["sets"]]
        path.write_text(json.dumps(said))
