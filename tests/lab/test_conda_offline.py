"""`runtime: conda` without Internet: by a bundle, or by one host that hands its files on to the others."""

from __future__ import annotations

import pytest

from tests.lab.story import ok, sh, status
from tests.lab.test_conda import settings
from tests.standins.conda import installer

# the same steps as those of test_uv_packages.py and test_air_gap.py
pytestmark = pytest.mark.matrix
# the operator's machine has no route to the internet, either
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
NOWHERE = dict.fromkeys(PROXIES, "http://127.0.0.1:9")
NOWHERE |= {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "NO_PROXY": "", "no_proxy": ""}


@pytest.fixture(scope="module")
def hosts(fresh_hosts):
    """None of them reaches anything but the lab's own networks."""
    made = fresh_hosts(2, "python")
    for host in made:
        host.cut_internet()
    return made


class TestBundle:
    def test_is_all_that_hosts_without_internet_need(self, hosts, conda_mirror, fab, hosts_file, tmp_path):
        assert (
            hosts[1].exec("python3 -c \"import socket; socket.create_connection(('1.1.1.1', 443), 3)\"")[0]
            != 0
        )
        path = hosts_file(hosts, "conda", settings=settings(conda_mirror))
        bundle = tmp_path / "lab.tar"
        out = ok(fab("bundle", "--output", str(bundle), hosts_file=path, timeout=600))
        assert "linux-64" in out and bundle.stat().st_size > 100_000_000
        conda_mirror.forget()
        conda_mirror.refuse(".*")
        try:
            out = ok(
                fab("deploy-cluster", "--bundle", str(bundle), hosts_file=path, env=NOWHERE, timeout=600)
            )
        finally:
            conda_mirror.forget()
        assert "2 hosts run Ray 2.7.2; a task ran on each" in out
        assert status(fab, path)["healthy"]
        # what is the same needs no bundle
        assert "nothing was changed" in ok(fab("deploy-cluster", hosts_file=path, env=NOWHERE))
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))

    def test_for_systems_that_are_named_no_host_is_asked(
        self, hosts, conda_mirror, fab, hosts_file, tmp_path
    ):
        nobody = hosts_file(
            hosts, "conda", settings=settings(conda_mirror), per_host={h.name: {"port": 9} for h in hosts}
        )
        bundle = tmp_path / "named.tar"
        out = ok(
            fab("bundle", "--output", str(bundle), "--platform", "linux-64", hosts_file=nobody, timeout=600)
        )
        assert str(bundle) in out and "deploy-cluster" in out

    def test_that_lacks_something_says_so_before_any_change(
        self, hosts, conda_mirror, fab, hosts_file, tmp_path
    ):
        path = hosts_file(hosts, "conda", settings=settings(conda_mirror))
        bundle = tmp_path / "lab.tar"
        bundle.write_bytes(b"not a bundle")
        done = fab("deploy-cluster", "--bundle", str(bundle), hosts_file=path)
        assert done.returncode == 2
        assert "is not a bundle" in done.stdout
        assert hosts[0].exec("test -e /root/.rayfab/.store")[0] != 0


class TestSeed:
    def test_one_host_fetches_and_the_others_take_it_from_there(
        self, fresh_hosts, conda_mirror, fab, hosts_file
    ):
        head, *workers = made = fresh_hosts(3, "python")
        for worker in workers:
            worker.cut_internet()
        conda_mirror.forget()
        path = hosts_file(made, "conda", settings=settings(conda_mirror, package_source="seed"))
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "3 hosts run Ray 2.7.2; a task ran on each" in out
        fetched = conda_mirror.sent(head.address)
        assert fetched["/anaconda/miniconda/" + installer.NAME] > 30_000_000
        for worker in workers:
            assert conda_mirror.sent(worker.address) == {}, out
        # nobody serves any more
        assert sh(head, "ls -A /root/.rayfab/test | grep -c serve || true") == "0"
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))
