"""Several checkouts, other projects' fabfiles, odd paths: a TAB answers for what Enter would run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.completion import owner
from tests.completion.conftest import TOP
from tests.completion.terminal import ALL

OTHER = """
from invoke import task

@task
def blend(c):
    "Another project's."
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """Another checkout, where nobody would expect one, with a task of its own."""
    top = tmp_path_factory.mktemp("it's") / 'a "copy" of $HOME; ü'
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True, text=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if name.startswith("tasks/") or "/" not in name:
            top.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, top / name)
    fabfile = top / "fabfile.py"
    fabfile.write_text(fabfile.read_text() + OTHER.replace("blend", "statues") + "ns.add_task(statues)\n")
    return top


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Somebody's project that uses Fabric and has nothing to do with ours."""
    made = tmp_path_factory.mktemp("project")
    made.joinpath("fabfile.py").write_text(OTHER)
    made.joinpath("below").mkdir()
    return made


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
class TestTypedWithAPath:
    def test_answers_for_that_checkout(self, opened, copy, shell):
        terminal = opened(shell, where=copy)
        assert terminal.completed("./fab statue") == "./fab statues "
        assert terminal.completed(f"{TOP}/fab statue") == f"{TOP}/fab statue"

    def test_a_script_from_an_odd_path_works(self, opened, copy, folder, shell):
        terminal = opened(shell, top=copy, where=folder / "images")
        assert terminal.completed("fab statue") == "fab statues "
        # and this one is of the checkout that it links to
        assert terminal.completed("../fab statue") == "../fab statue"

    def test_fabric_completes_other_projects(self, opened, project, shell):
        terminal = opened(shell, where=project / "below")
        assert terminal.completed("fab ble") == "fab blend "
        assert terminal.completed("rf statu") == "rf status "


def test_a_changed_fabfile_is_seen_at_the_next_tab(opened, copy):
    terminal = opened("bash", where=copy)
    assert terminal.completed("./fab melt") == "./fab melt"
    fabfile = copy / "fabfile.py"
    fabfile.write_text(fabfile.read_text() + OTHER.replace("blend", "melting") + "ns.add_task(melting)\n")
    assert terminal.completed("./fab melt") == "./fab melting "


def test_a_fabfile_that_does_not_load_keeps_the_tasks_it_had(opened, copy):
    terminal = opened("bash", where=copy)
    assert terminal.completed("./fab statue") == "./fab statues "
    fabfile = copy / "fabfile.py"
    good = fabfile.read_text()
    fabfile.write_text(good + "print('loud')\nbroken(\n")
    try:
        assert terminal.completed("./fab statue") == "./fab statues "
        assert "loud" not in terminal.screen and "Error" not in terminal.screen
    finally:
        fabfile.write_text(good)


def test_own_tasks_that_print_do_no_harm(opened, copy):
    fabfile = copy / "fabfile.py"
    fabfile.write_text(fabfile.read_text() + "print('loud')\n")
    terminal = opened("bash", where=copy)
    assert terminal.completed("./fab stat", ALL) == "./fab statues status "
    assert "loud" not in terminal.screen


class TestOwner:
    def test_bare_names_mean_the_checkout_whose_script_asks(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert owner.find("fab", str(tmp_path), str(TOP)).top == str(TOP)
        assert owner.find("rayfab", str(tmp_path), str(TOP)).top == str(TOP)

    def test_a_link_on_the_path_means_where_it_leads(self, tmp_path, monkeypatch, copy):
        tmp_path.joinpath("rf").symlink_to(copy / "fab")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert owner.find("rf", "/", str(TOP)).top == str(copy)

    def test_another_program_called_fab_is_not_ours(self, tmp_path):
        tmp_path.joinpath("fab").write_text("#!/bin/sh\n")
        assert owner.find("./fab", str(tmp_path), str(TOP)) is None

    @pytest.mark.parametrize("loose", ["", "fabfile.py", "tasks/completion", "tasks/completion/fast.py"])
    def test_what_others_can_write_is_not_run_on_a_key_press(self, copy, loose):
        assert owner.find("./fab", str(copy), str(TOP)).top == str(copy)
        path = copy / loose
        mode = path.stat().st_mode
        path.chmod(mode | 0o002)
        try:
            assert owner.find("./fab", str(copy), str(TOP)) is None
        finally:
            path.chmod(mode)

    def test_nor_is_a_fabfile(self, project, tmp_path, monkeypatch):
        tmp_path.joinpath("fab").write_text("#!/bin/sh\n")
        tmp_path.joinpath("fab").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert owner.find("fab", str(project / "below"), str(TOP)).program == str(tmp_path / "fab")
        project.joinpath("fabfile.py").chmod(0o666)
        try:
            assert owner.find("fab", str(project / "below"), str(TOP)) is None
        finally:
            project.joinpath("fabfile.py").chmod(0o644)
