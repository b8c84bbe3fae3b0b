"""`./fab` in copies of this checkout, with real environments: made, found, repaired, interrupted."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.environment.checkout import Terminal, copy, environ, quick, run, silent_index, whole

SHELLS = [s for s in ("dash", "bash", "busybox sh", "zsh --emulate sh") if shutil.which(s.split()[0])]
# what people have set, and what would break a new environment
HOSTILE = {
    "PIP_USER": "1",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nonexistent",
    "PYTHONHOME": "/nonexistent",
    "VIRTUAL_ENV": "/nonexistent",
    "UV_SYSTEM_PYTHON": "1",
    "CDPATH": "/tmp",
}
LOCAL = "cluster: here\nhead:\n  host: 127.0.0.1\n  connection: local\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout at a place with blanks and quotes, whose first call had much to put up with; and that call."""
    folder = copy(tmp_path_factory.mktemp("made") / 'it\'s "a" b')
    modules = tmp_path_factory.mktemp("modules")
    (modules / "rich.py").write_text("raise SystemExit('the wrong rich')\n")
    done = run(["./fab", "--version"], cwd=folder, env=environ(PYTHONPATH=str(modules), **HOSTILE))
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture
def checkout(made, tmp_path):
    """The same, whole and its own: the environment's absolute paths are those of another place."""
    shutil.copytree(made[0], tmp_path / "checkout", symlinks=True)
    return tmp_path / "checkout"


class TestMade:
    def test_only_the_task_answers_on_standard_output(self, made):
        assert re.fullmatch(r"rayfab \S+ \(.*\)\n", made[1].stdout)

    def test_says_what_it_is_doing_and_what_came_of_it(self, made):
        *during, last = made[1].stderr.splitlines()
        assert all(line.startswith("first use, making the environment: ") for line in during)
        assert re.fullmatch(
            rf"✓ the environment is in {re.escape(str(made[0]))}/.venv: \d+ packages, \d+ s", last
        )

    def test_is_small_and_holds_only_what_every_task_needs(self, made):
        size = int(run(["du", "-sm", made[0] / ".venv"]).stdout.split()[0])
        assert size <= 150
        (modules,) = made[0].glob(".venv/lib/python*/site-packages")
        assert not {"rattler", "setuptools"} & {path.name for path in modules.iterdir()}
        assert list(modules.glob("rich/__pycache__/console.*.pyc"))
        assert not list(modules.glob("rich/__pycache__/markdown.*.pyc"))

    def test_the_next_call_says_nothing_of_it(self, made):
        done = run(["./fab", "--version"], cwd=made[0])
        assert (done.returncode, done.stderr) == (0, "")

    def test_what_it_prints_can_be_pasted(self, made, tmp_path):
        hosts = tmp_path / "my hosts.yml"
        hosts.write_text(LOCAL)
        done = run([made[0] / "fab", "status", "--hosts-file", hosts], cwd=tmp_path)
        commands = [line.strip() for line in done.stdout.splitlines() if "deploy-cluster" in line]
        assert commands, done.stdout + done.stderr
        words = shlex.split(commands[0].split("  ")[0].removeprefix("→ "))
        assert str(made[0] / "fab") in words and str(hosts) in words

    def test_pip_is_there_for_what_comes_on_top(self, made):
        assert run([made[0] / ".venv/bin/python", "-m", "pip", "--version"]).returncode == 0


class TestLink:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_a_chain_of_links_leads_to_the_checkout(self, made, tmp_path, shell):
        (tmp_path / "bin").mkdir()
        (tmp_path / "second").symlink_to(made[0] / "fab")
        (tmp_path / "bin/rf").symlink_to("../second")
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        done = run([*shell.split(), tmp_path / "bin/rf", "--help"], env=environ(PATH=path), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Usage: rf ")
        assert sorted(p.name for p in tmp_path.rglob("*")) == ["bin", "rf", "second"]

    def test_by_its_path_it_is_called_so(self, made, tmp_path):
        (tmp_path / "rf").symlink_to(made[0] / "fab")
        done = run([tmp_path / "rf", "--help"])
        assert done.stdout.startswith(f"Usage: {tmp_path}/rf ")


class TestRepaired:
    def test_a_checkout_that_was_copied_gets_an_environment_of_its_own(self, checkout):
        kept = checkout / ".venv/download-cache/large"
        kept.parent.mkdir()
        kept.touch()
        done = run([checkout / "fab", "--version"], env=quick())
        assert done.returncode == 0, done.stderr
        shebang = (checkout / ".venv/bin/fab").read_text().splitlines()[0]
        assert shebang == f"#!{checkout}/.venv/bin/python"
        assert kept.exists()
        # a Python that was taken away
        python = checkout / ".venv/bin/python"
        real = python.resolve()
        os.symlink("/nonexistent/python3", checkout / ".venv/new")
        (checkout / ".venv/new").rename(python.parent / os.readlink(python))
        done = run([checkout / "fab", "--version"], env=quick())
        assert done.returncode == 0, done.stderr
        assert python.resolve() == real
        # other requirements: what is there stays
        more = checkout / ".venv/something"
        more.touch()
        with (checkout / "requirements.txt").open("a") as file:
            file.write("# changed\n")
        done = run([checkout / "fab", "--version"], env=quick())
        assert done.returncode == 0, done.stderr
        assert "✓" in done.stderr and more.exists()

    def test_its_python_is_called_by_its_version(self, made):
        assert re.search(r"python3\.\d+$", os.readlink(made[0] / ".venv/bin/python"))


class TestInterrupted:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_ctrl_c_is_one_line_and_leaves_nothing_that_counts(self, shell, tmp_path):
        checkout = copy(tmp_path / "checkout")
        with silent_index() as url:
            env = environ(PIP_INDEX_URL=url, TERM="xterm")
            terminal = Terminal([*shell.split(), checkout / "fab", "--version"], env)
            terminal.until("choosing packages")
            terminal.type("\x03")
            status = terminal.end()
        assert status == 130
        # the terminal's echo of the key, and the live line that is taken away
        left = re.sub(r"[^\n]*\r(?!\n)|\x1b\[K|\^C", "", terminal.seen).replace("\r", "")
        assert left == "✗ interrupted; run the same command again\n"
        assert not whole(checkout)

    def test_the_next_call_makes_it_whole(self, checkout):
        with silent_index() as url:
            env = environ(PIP_INDEX_URL=url, TERM="xterm")
            terminal = Terminal([checkout / "fab", "--version"], env)
            terminal.until("choosing packages")
            os.killpg(os.getpgid(terminal.pid), 9)
            terminal.end()
        assert not whole(checkout)
        done = run([checkout / "fab", "--version"], env=quick())
        assert done.returncode == 0, done.stderr
        assert whole(checkout) and not (checkout / ".venv/tmp").exists()


def test_two_first_calls_at_once(tmp_path):
    checkout = copy(tmp_path / "checkout")
    calls = [
        subprocess.Popen(
            [checkout / "fab", "--version"],
            env=quick(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [call.communicate(timeout=240) for call in calls]
    assert [call.returncode for call in calls] == [0, 0], said
    assert all(out.startswith("rayfab ") for out, _ in said)
    assert sum("✓" in err for _, err in said) == 1
