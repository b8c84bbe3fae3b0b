"""Destroy removes exactly what is this cluster's: shown on made-up files in a temporary folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.script.script import Script
from tests.script import samples
from tests.script.shells import SHELLS, ask, stand_in


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def destroy(temp: Path, cluster: str = "lab", *, purge: bool = False) -> Script:
    made = operations.destroy_script(samples.host(), cluster, purge=purge)
    assert made.values["TEMP_DIR"] == "/tmp/ray"
    return replace(made, values={**made.values, "TEMP_DIR": str(temp)})


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def host(tmp_path):
    """A home with one stopped node of the cluster `lab`, and Ray's folder with one session of its."""
    node = tmp_path / "home/.rayfab/lab"
    (node / "envs/e/bin").mkdir(parents=True)
    (node / "envs/e/bin/ray").write_text("")
    (node / "service").write_text("loop")
    for name in ("token", "env.sh", "start.sh", "state.json", "start.log"):
        (node / name).write_text("x")
    (tmp_path / "home/.rayfab/.uv/1").mkdir(parents=True)
    (tmp_path / "home/.rayfab/.cache/uv").mkdir(parents=True)
    (tmp_path / "home/keep.txt").write_text("the user's")
    temp = tmp_path / "temp"
    (temp / "session_2026-01-02_a/logs").mkdir(parents=True)
    (temp / "session_latest").symlink_to(temp / "session_2026-01-02_a")
    (node / "sessions").write_text(f"{temp}/session_2026-01-02_a\n")
    return tmp_path


def test_nothing_is_left(shell, host):
    answer = ask(destroy(host / "temp"), shell, host / "home")
    assert answer.ok and answer.values == {"changed": "1"}
    assert tree(host) == {"home", "home/keep.txt"}
    answer = ask(destroy(host / "temp"), shell, host / "home")
    assert answer.ok and answer.values == {"changed": "0"}


def test_what_belongs_to_others_stays(shell, host):
    """Another Ray session, another cluster's node, and with it the uv that both use."""
    (host / "temp/session_2026-01-03_b").mkdir()
    other = host / "home/.rayfab/lab2"
    other.mkdir()
    (other / "service").write_text("system")
    before = tree(host)
    assert ask(destroy(host / "temp"), shell, host / "home").ok
    gone = before - tree(host)
    assert {path for path in gone if not path.startswith("home/.rayfab/lab/")} == {
        "home/.rayfab/lab",
        "temp/session_2026-01-02_a",
        "temp/session_2026-01-02_a/logs",
        "temp/session_latest",
    }


def test_a_cluster_that_is_being_installed_keeps_what_is_shared(shell, host):
    (host / "home/.rayfab/other/envs/e").mkdir(parents=True)
    assert ask(destroy(host / "temp"), shell, host / "home").ok
    assert {"home/.rayfab/.uv/1", "home/.rayfab/other/envs/e"} <= tree(host)


def test_nothing_outside_is_followed(shell, host):
    """A list of sessions that somebody has written into leads nowhere else."""
    precious = host / "precious"
    for folder in (precious, host / "temp/session_x/deeper", host / "temp/other"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("")
    temp = host / "temp"
    (temp / "session_link").symlink_to(precious)
    (temp / "session_up").mkdir()
    lines = [
        f"{temp}/session_link",
        f"{temp}/session_up/../../precious",
        f"{temp}/session_../../precious",
        f"{temp}/session_x/deeper",
        f"{temp}/other",
        f"{temp}",
        f"{temp}/",
        f"{precious}",
        "/",
        "",
        "session_relative",
        "$(touch ran)",
        f"{temp}/session_*",
        f"{temp}/session_2026-01-02_a ",
    ]
    (host / "home/.rayfab/lab/sessions").write_text("\n".join(lines) + "\n")
    before = tree(host)
    assert ask(destroy(temp), shell, host / "home").ok
    assert {path for path in before - tree(host) if not path.startswith("home/.rayfab")} == set()
    assert not list(host.rglob("ran"))


def test_what_cannot_be_removed_is_said(shell, host):
    """A session of another user, such as the container's."""
    stand_in(host / "bin", "rm", 'case "$*" in *session_2026*) exit 1 ;; esac; exec /bin/rm "$@"')
    answer = ask(destroy(host / "temp"), shell, host / "home", path=f"{host}/bin:/usr/bin:/bin")
    assert answer.ok
    assert answer.values == {"left": f"{host}/temp/session_2026-01-02_a", "changed": "1"}
    assert not (host / "home/.rayfab").exists()
