"""First use where it cannot be done as usual: another place for the environment, or one line and a fix."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.environment.checkout import copy, environ, quick, run, whole

UV = find_uv_bin()
REFUSED = "http://127.0.0.1:9/simple"
mounts = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or run(["unshare", "-m", "true"]).returncode != 0,
    reason="mounts need root",
)
OLD = """#!/bin/sh
case "$*" in *sys.version_info*) exit 1 ;; esac
echo 'SyntaxError: this is Python 2' >&2; exit 1
"""
# new enough, but Debian's without its package python3-venv
BARE = """#!/bin/sh
case "$*" in *sys.version_info*) exit 0 ;; esac
echo 'No module named ensurepip' >&2; exit 1
"""


@pytest.fixture
def checkout(tmp_path):
    return copy(tmp_path / "checkout")


def the_one_error(done) -> tuple[str, str]:
    """The error and its fix, when nothing else was printed but progress."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("first use")]
    assert done.stdout == "" and len(lines) == 2, done
    assert lines[0].startswith("✗ ") and lines[1].startswith("  → ")
    return lines[0][2:], lines[1][4:]


def test_an_index_that_refuses(checkout):
    env = environ(PIP_INDEX_URL=REFUSED, PIP_CONFIG_FILE=os.devnull, PIP_RETRIES="1")
    env.pop("PIP_FIND_LINKS", None)
    done = run([checkout / "fab", "--version"], env=env)
    assert done.returncode == 1
    what, way = the_one_error(done)
    assert (
        what == "the packages of requirements.txt could not be installed: the package index does not answer"
    )
    assert "export PIP_INDEX_URL=https://" in way
    assert not whole(checkout)


@mounts
def test_a_read_only_checkout_has_its_environment_in_the_cache(checkout, tmp_path):
    script = 'mount --bind -o ro "$1" "$1" 2>/dev/null || { mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"; }'
    command = ["unshare", "-m", "sh", "-c", f'{script}; "$1/fab" --version', "sh", checkout]
    home = tmp_path / "home"
    home.mkdir()
    done = run(command, env=quick(HOME=str(home)))
    assert done.returncode == 0, done.stderr
    (venv,) = (home / ".cache/rayfab").glob("venv-*")
    assert f"✓ the environment is in {venv}: " in done.stderr
    done = run(command, env=environ(HOME="/dev/null"))
    assert done.returncode == 1
    what, way = the_one_error(done)
    assert re.fullmatch(r"/dev/null/\.cache/rayfab/venv-\d+: Not a directory", what)
    assert way == "choose a writable folder: export XDG_CACHE_HOME=/a/folder"
    env = environ()
    del env["HOME"]
    done = run(command, env=env)
    assert done.returncode == 1
    what, way = the_one_error(done)
    assert what == f"{checkout}/.venv cannot be written, and HOME is not set"
    assert way.startswith("XDG_CACHE_HOME=/a/folder ")


@mounts
def test_a_full_disk_is_reported(tmp_path, checkout):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=24m tmpfs "$2" && cp -R "$1" "$2/c" && "$2/c/fab" --version'
    done = run(["unshare", "-m", "sh", "-c", script, "sh", checkout, disk], env=quick())
    assert done.returncode == 1
    what, way = the_one_error(done)
    assert "the disk is full" in what or "No space left on device" in what
    assert way.startswith("free about 200 MB there, then run the same command again")


def test_an_environment_of_somebody_else_is_left_alone(checkout, tmp_path):
    theirs = checkout / ".venv"
    run([sys.executable, "-m", "venv", "--without-pip", theirs])
    before = sorted(theirs.rglob("*"))
    done = run([checkout / "fab", "--version"], env=quick(XDG_CACHE_HOME=str(tmp_path / "c")))
    assert done.returncode == 0, done.stderr
    assert f"✓ the environment is in {tmp_path}/c/rayfab/venv-" in done.stderr
    assert sorted(theirs.rglob("*")) == before


@pytest.mark.parametrize(
    ("python", "what"),
    [
        (None, "no Python 3.10 or newer was found"),
        (OLD, "no Python 3.10 or newer was found"),
        (BARE, "python3 cannot make environments (its module venv is missing)"),
    ],
)
def test_a_python_that_cannot(checkout, tmp_path, python, what):
    path = machine_with(tmp_path, checkout, {"python3": python} if python else {})
    done = run([checkout / "fab", "--version"], env=environ(PATH=path))
    assert done.returncode == 1
    said, way = the_one_error(done)
    assert said == what
    assert "python" in way.lower()
    assert not (checkout / ".venv").exists()


def test_the_first_python_that_can_is_taken(checkout, tmp_path):
    real = f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n'
    programs = {"python3": OLD, "python3.13": BARE, "python3.11": real, "uv": f'#!/bin/sh\nexec {UV} "$@"\n'}
    path = machine_with(tmp_path, checkout, programs)
    done = run([checkout / "fab", "--version"], env=quick(PATH=path))
    assert done.returncode == 0, done.stderr


def test_where_no_python_fits_uv_brings_one(checkout, tmp_path):
    found = f'[ "$1 $2" != "python find" ] || {{ echo "{os.path.realpath(sys.executable)}"; exit; }}'
    uv = f'#!/bin/sh\n{found}\nexec {UV} "$@"\n'
    path = machine_with(tmp_path, checkout, {"python3": OLD, "uv": uv})
    done = run([checkout / "fab", "--version"], env=quick(PATH=path))
    assert done.returncode == 0, done.stderr


def machine_with(tmp_path: Path, checkout: Path, programs: dict[str, str]) -> str:
    """A PATH without any Python but these; and none is looked for at the places that the script knows."""
    fab = checkout / "fab"
    text, count = re.subn(r"^elsewhere='.*'$", "elsewhere=", fab.read_text(), flags=re.MULTILINE)
    assert count == 1
    fab.write_text(text)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cksum", "dirname", "readlink", "id", "cut", "apt-get"):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    for name, script in programs.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return str(folder)
