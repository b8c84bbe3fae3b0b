"""`pip install .`: a command `rayfab` with all that a checkout has, which reads the current folder's hosts file."""

from __future__ import annotations

import email
import json
import subprocess
import sys
import zipfile

import pytest
from uv import find_uv_bin

from tests.environment.checkout import TOP, cache, copy, environ, run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of a copy by what pyproject.toml names."""
    folder = copy(tmp_path_factory.mktemp("source") / "checkout")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = run([*command, "--wheel-dir", folder.parent, folder])
    assert done.returncode == 0, done.stderr
    left = subprocess.run(["ls", "-A", folder], capture_output=True, text=True).stdout.split()
    assert not {"build", "dist", "rayfab.egg-info"} & set(left)
    (path,) = folder.parent.glob("rayfab-*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder of modules into which it was installed."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


@pytest.fixture
def rayfab(site, tmp_path):
    """The command as pip's script calls it, in an empty folder."""
    script = tmp_path / "bin/rayfab"
    script.parent.mkdir()
    module, _, function = "rayfab.tasks.__main__:installed".partition(":")
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    )
    script.chmod(0o755)
    (tmp_path / "here").mkdir()
    return lambda *words: run([script, *words], cwd=tmp_path / "here", env=environ(PYTHONPATH=str(site)))


def test_it_has_every_file_of_the_tasks_and_nothing_else_in_anybodys_way(wheel):
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "tasks"]
    files = subprocess.run(listed, cwd=TOP, capture_output=True, text=True, check=True).stdout.split()
    more = {"fabfile.py", "hosts.schema.json", "requirements-conda.txt"}
    ours = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert ours == {f"rayfab/{name}" for name in {*files, *more}}


def test_it_asks_for_what_the_checkout_asks_for(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    found = email.message_from_bytes(wheel.read(name)).get_all("Requires-Dist")

    def lines(file):
        return [
            li.replace(" ", "").lower() for li in (TOP / file).read_text().splitlines() if li and li[0] != "#"
        ]

    # names are normalized in the metadata
    assert sorted(f.split(";")[0].lower() for f in found if "extra" not in f) == sorted(
        li.split(";")[0] for li in lines("requirements.txt")
    )
    assert [f.split(";")[0] for f in found if "extra" in f] == lines("requirements-conda.txt")
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/entry_points.txt"))
    assert "rayfab = rayfab.tasks.__main__:installed" in wheel.read(name).decode()


def test_it_is_called_rayfab(rayfab):
    done = rayfab("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: rayfab TASK")
    assert "./fab" not in done.stdout


def test_it_reads_the_hosts_file_of_the_current_folder(rayfab, tmp_path):
    done = rayfab("check")
    assert done.returncode == 2
    assert f"{tmp_path}/here/hosts.yml: there is no such file" in done.stdout + done.stderr
    (tmp_path / "here/hosts.yml").write_text("head: {host: 127.0.0.1, connection: local, colour: red}\n")
    done = rayfab("check")
    assert done.returncode == 2
    assert "colour" in done.stdout + done.stderr


def test_init_writes_there_and_the_schema_is_found(rayfab, tmp_path, site):
    done = rayfab("init", "--host", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "here/my_hosts.yml").read_text()
    assert (site / "rayfab/hosts.schema.json").as_uri() in text
    assert "rayfab " in done.stdout and "./fab" not in done.stdout


def test_where_there_are_no_tests_it_says_so(rayfab):
    done = rayfab("test")
    assert done.returncode == 2
    assert "✗ the tests are not installed\n" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def anew(wheel, tmp_path_factory):
    """The command `rayfab` in an environment of its own, made as pipx and `uv tool install` make one."""
    top = tmp_path_factory.mktemp("anew")
    uv = find_uv_bin()
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, top / "venv"],
        [uv, "pip", "install", "--quiet", "--python", top / "venv/bin/python", wheel.filename],
    ):
        done = run(command, env=environ(UV_CACHE_DIR=cache()))
        assert done.returncode == 0, done.stderr
    folder = top / "elsewhere"
    folder.mkdir()
    (top / "home").mkdir()
    home = {"HOME": str(top / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return folder, lambda *words: run([top / "venv/bin/rayfab", *words], cwd=folder, env=environ(**home))


@pytest.mark.matrix
class TestWithoutAClone:
    """In a new environment, without the checkout in any path: nothing that the program needs is left behind there."""

    def test_it_lists_its_tasks(self, anew):
        _, rayfab = anew
        done = rayfab("--list")
        assert (done.returncode, done.stderr) == (0, "")
        assert "  deploy-cluster " in done.stdout

    def test_it_says_what_it_is(self, anew):
        folder, rayfab = anew
        found = json.loads(rayfab("version", "--json").stdout)
        assert found["commit"] is None
        assert found["folder"].startswith(str(folder.parent / "venv"))

    def test_a_hosts_file_of_this_folder_is_written_checked_and_planned(self, anew):
        folder, rayfab = anew
        assert rayfab("init", "--no-connect").returncode == 0
        assert (folder / "my_hosts.yml").is_file()
        done = rayfab("check")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ready for deploy-cluster" in done.stdout
        done = rayfab("plan")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "dry run: nothing was changed; 1 of 1 hosts would be" in done.stdout

    def test_it_speaks_chinese(self, anew):
        """So the catalogue was installed too."""
        done = run(
            ["env", "RAYFAB_LANG=zh_CN", "PYTHONUTF8=1", anew[0].parent / "venv/bin/rayfab", "--list"],
            cwd=anew[0],
        )
        assert done.stdout.startswith("用法：rayfab TASK")
