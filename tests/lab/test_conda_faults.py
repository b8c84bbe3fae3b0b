"""`runtime: conda` when something goes wrong: downloads, installers, channels, and a conda that was there before."""

from __future__ import annotations

import pytest

from tests.lab.story import ok, raylet, sh, until
from tests.lab.test_conda import PYTHON, settings
from tests.standins.conda import installer, real

TREE = "cd {} && find . -path '*/__pycache__' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum"


@pytest.fixture
def host(fresh_host):
    return fresh_host("python")


@pytest.fixture
def mirror(conda_mirror):
    """Whole again after each test."""
    conda_mirror.forget()
    yield conda_mirror
    conda_mirror.forget()
    conda_mirror.terms(False, "pkgs/main", "cloud/conda-forge")


@pytest.mark.matrix  # the code is that of uv's packages, see test_uv_packages.py
class TestDownloads:
    def test_of_other_bytes_are_never_run(self, host, mirror, fab, hosts_file, tmp_path):
        mirror.wrong("Miniconda3.*sh$", byte=20_000_000)
        path = hosts_file([host], "conda", settings=settings(mirror))
        # nor does this machine have the right ones from another time
        done = fab("deploy-cluster", hosts_file=path, env={"RAYFAB_CACHE": str(tmp_path / "c")}, timeout=600)
        assert done.returncode == 1
        assert f"{installer.NAME}" in done.stdout and "SHA-256 differs" in done.stdout
        assert host.exec("test -e /root/miniconda3")[0] != 0
        mirror.forget()
        ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))

    def test_an_interrupted_one_is_resumed(self, host, mirror, fab, hosts_file):
        mirror.cut("Miniconda3.*sh$", after=25_000_000)
        path = hosts_file([host], "conda", settings=settings(mirror))
        ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        name = "/anaconda/miniconda/" + installer.NAME
        assert mirror.asked()[name] >= 2
        # not a byte of the first 25 MB came twice
        assert mirror.sent(host.address)[name] < 41_000_000
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))


@pytest.mark.matrix  # an unfinished installation is taken up in tests/runtimes/conda/test_conda_scripts.py, too
class TestInterrupted:
    def test_installation_is_taken_up(self, host, mirror, fab, hosts_file):
        """The power fails in the middle of conda's own installation."""
        path = hosts_file([host], "conda", settings=settings(mirror))
        import threading

        done = []
        run = threading.Thread(
            target=lambda: done.append(fab("deploy-cluster", hosts_file=path, timeout=600)), daemon=True
        )
        run.start()
        until(lambda: host.exec("test -d /root/miniconda3")[0] == 0, 300, pause=0.1)
        host.stop()
        run.join(300)
        assert done[0].returncode == 1
        host.start()
        assert host.exec("test -e /root/.rayfab/.conda-installing")[0] == 0
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "runs Ray 2.7.2" in out
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))


class TestChannels:
    def test_without_that_python_name_the_nearest(self, host, mirror, fab, hosts_file):
        path = hosts_file([host], "conda", settings=settings(mirror, python="3.7.7"))
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert f"Python 3.7.7 is not available for linux-64 in {mirror.main}" in done.stdout
        assert PYTHON in done.stdout
        assert host.exec("test -e /root/.rayfab/.store -o -e /root/miniconda3")[0] != 0

    def test_with_terms_that_nobody_has_accepted(self, host, mirror, fab, hosts_file):
        mirror.terms(True, "cloud/conda-forge")
        more = settings(mirror, accept_terms=False, channels=["conda-forge"])
        path = hosts_file([host], "conda", settings=more)
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 2
        assert "terms" in done.stdout and "accept_terms: true" in done.stdout
        assert host.exec("test -e /root/.rayfab/.store")[0] != 0
        # the defaults are known to want it, before any host is reached
        path = hosts_file([host], "conda", settings=settings(mirror, accept_terms=False))
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 2
        assert "Connect" not in done.stdout


class TestConda:
    def test_a_real_one_that_was_there_before(self, host, mirror, fab, hosts_file):
        """With its user's settings and habits: nothing of these stops a deploy or restarts Ray."""
        host.copy_in(f"{real.base('24.7.1')}/.", "/opt/conda")
        host.write_file("/root/.condarc", "channels: [nowhere]\ncreate_default_packages: [numpy]\nb: [\n")
        host.write_file("/root/.bashrc", "export PATH=/opt/conda/bin:$PATH\n# >>> conda initialize >>>\n")
        files = "cat /root/.condarc /root/.bashrc | sha256sum; ls -A /tmp | grep -v systemd"
        before = sh(host, TREE.format("/opt/conda")), sh(host, files)
        path = hosts_file([host], "conda", settings=settings(mirror))
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "installing conda" not in out
        assert sh(host, TREE.format("/opt/conda")) == before[0]
        assert host.exec("test -e /root/miniconda3 -o -e /root/.conda/environments.txt")[0] != 0
        # what its user does in the environment
        env, running = "/root/.rayfab/test/env", raylet(host)
        sh(host, "mv /root/.condarc /root/condarc")
        sh(
            host,
            "export HOME=/root; cd /; /opt/conda/bin/conda list -n ray; /opt/conda/bin/conda env export -n ray",
        )
        sh(host, f"{env}/bin/python -m pip uninstall -y wheel")
        out = ok(fab("deploy-cluster", hosts_file=path))
        assert "nothing was changed" in out and raylet(host) == running
        assert "packages of Ray's environment were changed by hand: wheel 0.38.4 removed" in out
        # a job in an environment of conda's
        task = "import ray\n@ray.remote(runtime_env={'conda': 'ray'})\ndef f():\n"
        task += "    import os; return os.environ['CONDA_PROMPT_MODIFIER']\n"
        task += "print(ray.get(f.remote()))"
        assert "(ray)" in ok(fab("submit", "--", "python", "-c", task, hosts_file=path, timeout=200))
        # what is broken is repaired while Ray runs from it
        sh(host, f"rm {env}/lib/python3.7/site-packages/ray/_private/worker.py")
        assert "1 host runs Ray 2.7.2" in ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert raylet(host) == running
        sh(host, "mv /root/condarc /root/.condarc")
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))
        assert (sh(host, TREE.format("/opt/conda")), sh(host, files)) == before
        assert sh(host, "find /root -iname '*rayfab*' -o -name .conda") == ""

    def test_something_else_in_its_place_is_not_touched(self, host, mirror, fab, hosts_file):
        host.write_file("/root/miniconda3/thesis.tex", "years of work\n")
        path = hosts_file([host], "conda", settings=settings(mirror))
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert "contains no working conda" in done.stdout
        assert sh(host, "cat /root/miniconda3/thesis.tex") == "years of work"
