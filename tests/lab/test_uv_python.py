"""`runtime: uv` on hosts that lack the Python of the cluster: they get a build of it."""

from __future__ import annotations

import functools

import pytest

from tasks.testbed.engine import LabError
from tests.lab.hosts import run_fab
from tests.lab.story import ok, sh, status
from tests.standins import python_builds

PYTHON = ".rayfab/.python"


@pytest.fixture(scope="module")
def mirror(fresh_host):
    """A mirror of python-build-standalone on a lab host; see tests/standins/python_builds.py."""
    try:
        python_builds.tree()
    except LabError as error:
        pytest.skip(str(error))
    return python_builds.on_host(fresh_host("python"))


@pytest.fixture(scope="module")
def hosts(fresh_hosts):
    """A head without Python and with wget alone, and a worker with the Python of its system."""
    head, worker = *fresh_hosts(1, "wget"), *fresh_hosts(1, "python")
    assert sh(head, "command -v python3; command -v curl; command -v wget") == "/usr/bin/wget"
    assert "3.11." in sh(worker, "python3 -V")
    return [head, worker]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The operator's downloads, of this module alone: a build that another module left would be sent to the hosts."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture
def fab(tmp_path, kept):
    return functools.partial(run_fab, tmp_path / "home", env={"RAYFAB_CACHE": str(kept)})


def settings(mirror, **uv) -> dict:
    return {"mirrors": {"python": mirror.url}, "uv": {"packages": ["ray[default]"], **uv}}


def files(host) -> str:
    return sh(host, f"cd; find {PYTHON} .rayfab/.store -name 'cpython-*' 2>/dev/null | sort || true")


class TestBuild:
    def test_a_wrong_byte_in_the_mirror_is_never_unpacked(self, hosts, mirror, fab, hosts_file):
        path = hosts_file(hosts[:1], settings=settings(mirror))
        mirror.wrong(r"\.tar\.gz$", byte=1_000_000)
        try:
            done = fab("deploy-cluster", hosts_file=path)
        finally:
            mirror.forget()
        assert done.returncode == 1
        assert "its SHA-256 differs" in done.stdout
        assert files(hosts[0]) == ""

    def test_where_there_is_nothing_to_be_had_from_the_ways_are_named(self, hosts, mirror, fab, hosts_file):
        path = hosts_file(hosts[:1], settings=settings(mirror, python="3.12.99"))
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1, done.stdout
        newest = python_builds.versions()[-1]
        assert (
            "there is no build of it" in done.stdout and f"all hosts can get Python {newest}" in done.stdout
        )

    def test_hosts_without_python_and_with_wget_alone(self, hosts, mirror, fab, hosts_file):
        path = hosts_file(hosts, settings=settings(mirror))
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "2 hosts run Ray" in out and "a task ran on each" in out
        assert status(fab, path)["healthy"]
        version = python_builds.versions()[-1]
        for host in hosts:
            env = sh(host, "cd; echo .rayfab/test/envs/*/bin/python")
            assert sh(host, f"cd; {env} -V") == f"Python {version}"
            assert mirror.sent(host.address)[mirror.path(version)] > 5_000_000
        assert "nothing was changed" in ok(fab("deploy-cluster", hosts_file=path))

    def test_a_build_that_was_damaged_is_replaced(self, hosts, mirror, fab, hosts_file):
        path = hosts_file(hosts, settings=settings(mirror))
        worker = hosts[1]
        sh(worker, f"cd; rm {PYTHON}/cpython-*/bin/python3*")
        ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert status(fab, path)["healthy"]

    def test_nothing_of_it_is_left_by_destroy(self, hosts, mirror, fab, hosts_file):
        path = hosts_file(hosts, settings=settings(mirror))
        ok(fab("destroy", "--yes", hosts_file=path))
        for host in hosts:
            assert sh(host, "ls -A ~/.rayfab 2>/dev/null || true") == ""


@pytest.mark.matrix  # test_air_gap.py deploys from a bundle; this one has a Python as well
class TestBundle:
    def test_for_a_platform_holds_its_python(self, hosts, mirror, fab, hosts_file, tmp_path):
        """It is made without asking a host; the hosts reach nothing."""
        path = hosts_file(hosts, settings=settings(mirror))
        bundle = tmp_path / "lab.tar"
        ok(fab("bundle", "--output", str(bundle), "--platform", "linux-64", hosts_file=path, timeout=600))
        for host in hosts:
            host.cut_internet()
        mirror.refuse(".*")
        try:
            out = ok(fab("deploy-cluster", "--bundle", str(bundle), hosts_file=path, timeout=600))
        finally:
            mirror.forget()
        assert "2 hosts run Ray" in out
        for host in hosts:
            assert sh(host, f"ls ~/{PYTHON}") == f"cpython-{python_builds.versions()[-1]}"
        ok(fab("destroy", "--yes", hosts_file=path))
