"""A runtime is one folder and one line: a toy is added to a copy of this project, which then deploys with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from uv import find_uv_bin

from tasks.testbed.engine import ROOT
from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, status

# tests/runtimes show what a runtime has to have
pytestmark = pytest.mark.matrix

TOY = Path(__file__).parent / "toy"
TABLE = "tasks/runtimes/__init__.py"
PUT_RAY = """
set -a; . /etc/environment; UV_SYSTEM_CERTS=1; UV_NATIVE_TLS=1; set +a
/tmp/uv venv -q --no-cache --python python3 /opt/toy &&
/tmp/uv pip install -q --no-cache --python /opt/toy/bin/python 'ray[default]' && rm /tmp/uv
"""
LAST = '    "uv",\n)'


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """This project with one folder and one line more."""
    top = tmp_path_factory.mktemp("project") / "copy"
    shutil.copytree(ROOT / "tasks", top / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("fabfile.py", "hosts.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, top / name)
    shutil.copytree(TOY, top / "tasks/runtimes/toy", ignore=shutil.ignore_patterns("__pycache__"))
    table = (top / TABLE).read_text("utf-8")
    assert table.count(LAST) == 1
    (top / TABLE).write_text(table.replace(LAST, '    "uv",\n    "toy",\n)'), "utf-8")
    return top


@pytest.fixture(scope="module")
def cluster(project, fresh_hosts, tmp_path_factory):
    """Two hosts with a Ray of their own, and ``fab`` of that project."""
    folder = tmp_path_factory.mktemp("toy")
    hosts = fresh_hosts(2, flavour="python")
    for host in hosts:
        # as somebody else would have put it there, whatever tool they have used
        host.copy_in(find_uv_bin(), "/tmp/uv")
        sh(host, PUT_RAY)
    path = helpers.write_hosts_file(folder, hosts, "toy")

    def fab(*args, hosts_file=path, **more):
        return helpers.run_fab(folder / "home", *args, hosts_file=hosts_file, top=project, **more)

    return hosts, path, fab


def test_deploy_status_stop_and_destroy(cluster):
    hosts, path, fab = cluster
    out = ok(fab("check"))
    assert "Ray 2." in out and "ready for deploy-cluster" in out

    out = ok(fab("deploy-cluster"))
    assert "a task ran on each" in out
    assert [node["runtime"] for node in status(fab, path)["nodes"]] == ["toy", "toy"]
    before = [raylet(host) for host in hosts]
    assert all("/opt/toy/" in sh(host, "readlink /proc/$(pgrep -o raylet)/exe") for host in hosts)

    assert "nothing was changed" in ok(fab("deploy-cluster"))
    assert [raylet(host) for host in hosts] == before

    ok(fab("stop", "--yes"))
    assert all(sh(host, "pgrep -c raylet || :") == "0" for host in hosts)
    out = ok(fab("destroy", "--yes"))
    assert "this tool has not installed it" in out
    assert all(sh(host, "ls -d /root/.rayfab /opt/toy 2>/dev/null || :") == "/opt/toy" for host in hosts)


def test_its_section_is_checked_and_in_the_schema(cluster, tmp_path):
    _, path, fab = cluster
    wrong = tmp_path / "hosts.yml"
    wrong.write_text(path.read_text("utf-8") + "toy: {folde: /opt/toy}\n", "utf-8")
    done = fab("check", hosts_file=wrong)
    assert done.returncode == 2
    assert "toy.folde" in done.stdout + done.stderr
    assert '"Toy": {' in ok(fab("check", "--schema", hosts_file=None))
