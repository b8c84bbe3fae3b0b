"""A build of Python is unpacked from the store as a whole or not at all, by each shell and each tar."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tarfile

import pytest

from tasks.node.names import basics
from tasks.script.script import render
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, finish, spawn, stand_in, tool

VERSION = platform.python_version()
FILE = f"cpython-{VERSION}+20990101-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def script(version: str = VERSION) -> str:
    values = {**basics("lab"), "PYTHON_FILE": FILE, "PYTHON_VERSION": version}
    text = render("unpack Python", "python_unpack", values).text
    # as a fragment that needs this one does
    return text.replace("\nfinish 0\n}\n", '\npython_unpack\nemit python "$PYTHON"\nfinish 0\n}\n')


@pytest.fixture
def home(tmp_path):
    """A host with a build in its store; its interpreter is a link to this very Python."""
    home = tmp_path / "a home"
    top = tmp_path / "python"
    (top / "bin").mkdir(parents=True)
    (top / "bin/python3").symlink_to(sys.executable)
    (top / "whole").write_text("yes")
    store = home / ".rayfab/.store"
    store.mkdir(parents=True)
    with tarfile.open(store / FILE, "w:gz") as tar:
        tar.add(top, "python")
    return home


def place(home, version: str = VERSION):
    return home / f".rayfab/.python/cpython-{version}"


def alone(home) -> bool:
    """The build is there, and nothing beside it."""
    return (place(home) / "whole").exists() and list(place(home).parent.iterdir()) == [place(home)]


def test_is_there_once(shell, home):
    answer = ask(script(), shell, home)
    assert answer.ok, answer.error
    assert answer.values == {"python": f"{place(home)}/bin/python3"} and alone(home)
    (place(home) / "mine").write_text("")
    assert ask(script(), shell, home).ok
    assert (place(home) / "mine").exists(), "it was unpacked again"


def test_by_the_tar_and_gzip_of_busybox(home, tmp_path):
    box = tmp_path / "bin"
    box.mkdir()
    for name in ("tar", "gzip"):
        (box / name).symlink_to(tool("busybox"))
    answer = ask(script(), "busybox", home, path=f"{box}:{SYSTEM_PATH}")
    assert answer.ok and alone(home), answer.error


def test_one_that_does_not_run_is_replaced(shell, home):
    (place(home) / "bin").mkdir(parents=True)
    (place(home) / "rest").write_text("")
    stand_in(place(home) / "bin", "python3", "exit 1")
    assert ask(script(), shell, home).ok
    assert alone(home) and not (place(home) / "rest").exists()


def test_what_an_interrupted_run_left_is_removed(shell, home):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (place(home).parent / f"cpython-3.9.1.part.{gone.pid}/python").mkdir(parents=True)
    assert ask(script(), shell, home).ok and alone(home)


@pytest.mark.parametrize("broken", [False, True])
def test_several_at_once_leave_one_whole_build(shell, home, broken):
    if broken:
        (place(home) / "bin").mkdir(parents=True)
        stand_in(place(home) / "bin", "python3", "exit 1")
    many = [spawn(script(), shell, home) for _ in range(4)]
    for answer in map(finish, many):
        assert answer.ok, answer.error
    assert alone(home)


def test_a_file_that_ends_early(shell, home):
    file = home / ".rayfab/.store" / FILE
    file.write_bytes(file.read_bytes()[:-20])
    answer = ask(script(), shell, home)
    assert answer.error.startswith(f"the build of Python {VERSION} does not work here: ")
    assert answer.hint and not list(place(home).parent.iterdir())


def test_a_build_of_another_version(shell, home):
    answer = ask(script("3.9.1"), shell, home)
    assert answer.error == f"the build of Python 3.9.1 does not work here: Python {VERSION}"
    assert not list(place(home).parent.iterdir())


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            "python3: /lib/libc.so.6: version `GLIBC_2.17' not found",
            "this system is too old for the build of ",
        ),
        ("sh: python3: Permission denied", "programs cannot run from "),
    ],
)
def test_a_system_on_which_it_does_not_run(shell, home, tmp_path, said, error):
    top = tmp_path / "python"
    shutil.rmtree(top / "bin")
    stand_in(top / "bin", "python3", f"cat >&2 <<'END'\n{said}\nEND\nexit 127")
    with tarfile.open(home / ".rayfab/.store" / FILE, "w:gz") as tar:
        tar.add(top, "python")
    answer = ask(script(), shell, home)
    assert answer.error.startswith(error) and "docker" in answer.hint
    assert not list(place(home).parent.iterdir())


def test_a_full_disk(shell, home, tmp_path):
    stand_in(tmp_path / "bin", "tar", 'echo "tar: write error: No space left on device" >&2; exit 1')
    answer = ask(script(), shell, home, path=f"{tmp_path}/bin:{SYSTEM_PATH}")
    assert (answer.error, answer.hint) == ("the disk is full", f"free some space below {home}")
