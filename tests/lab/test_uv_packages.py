"""`runtime: uv` and where its packages come from: one host for all, an interrupted download, a lock file, a proxy.

A package index on a lab host counts what it sends, and to whom; see tests/standins/wheel_index.py.
"""

from __future__ import annotations

import re

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, sh, status, until
from tests.lab.way_out import tinyproxy_on, tls_before
from tests.script import samples
from tests.standins import package_index, wheel_index

FAB_ENDS = 60
NODE = "/root/.rayfab/test"
RAY = r"/ray-[0-9.]+-cp\w+.*\.whl$"
STEP = 8_000_000  # bytes that a bad link carries at once
STORE = "cd /root/.rayfab/.store"
PIP_LIST = f"{NODE}/envs/*/bin/python -B -m pip list --format=freeze --disable-pip-version-check"
LEFT_OVER = (
    "cd /root/.rayfab && find . -path './*/envs/*/lib' -prune -o"
    r" \( -name '*.part*' -o -name '.fetch*' -o -name fetching -o -name installing -o -name '*.batch'"
    r" -o -name .wheels -o -name 'serve.*' -o -name .token -o -path './*/envs/.*' \) -print"
)


@pytest.fixture(scope="module")
def hosts(fresh_hosts):
    """None of them reaches anything outside the lab."""
    made = fresh_hosts(3, "python")
    for host in made:
        host.cut_internet()
    return made


@pytest.fixture(scope="module")
def served(hosts, fresh_host):
    python = sh(hosts[0], "python3 -c 'import platform; print(platform.python_version())'")
    made = wheel_index.on_host(fresh_host("python"), samples.host(), ["ray[default]"], python)
    made.publish(package_index.WHEEL, package_index.wheel())
    return made


@pytest.fixture
def index(served):
    """Without faults and counts."""
    served.forget()
    yield served
    served.forget()


@pytest.fixture(scope="module")
def lists():
    return {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("locked")


@pytest.fixture(scope="module")
def proxy(fresh_host):
    return tinyproxy_on(fresh_host("bare"))


@pytest.fixture(scope="module")
def authority(served):
    """The index speaks TLS too, on port 8443."""
    return tls_before(served.host, wheel_index.PORT)


def settings(index, **uv) -> dict:
    packages = ["ray[default]", package_index.NAME]
    return {"mirrors": {"pypi": index.url}, "uv": {"packages": packages, **uv}}


def complete(host) -> set[str]:
    """The paths on the index of the files that are in the host's store."""
    return {f"/files/{name}" for name in sh(host, f"{STORE}; ls").split() if not name.endswith(".part")}


def whole(host) -> None:
    """Nothing of an interrupted or finished installation is left beside the environment and the store."""
    assert sh(host, LEFT_OVER) == ""
    assert len(sh(host, f"ls -A {NODE}/envs").split()) == 1


class TestSeedAndLock:
    """In the order of the file: what one test leaves is what the next one begins with."""

    @pytest.fixture
    def path(self, folder, hosts, served):
        return helpers.write_hosts_file(
            folder, hosts, settings=settings(served, package_source="seed", lock="uv.lock")
        )

    def test_the_index_is_asked_by_one_host_alone(self, hosts, index, fab, path, folder, tmp_path, lists):
        head, *workers = hosts
        for worker in workers:
            sh(worker, f"ip route replace prohibit {index.host.address}")
            assert (
                worker.exec(f"python3 -c 'import urllib.request as u; u.urlopen(\"{index.url}/\")'")[0] != 0
            )
        # this machine has no files that it could copy to them
        kept = tmp_path / "kept"
        out = ok(fab("deploy-cluster", hosts_file=path, env={"RAYFAB_CACHE": str(kept)}, timeout=600))
        assert "3 hosts run Ray" in out and "a task ran on each" in out
        assert list(kept.rglob("*.whl")) == []
        assert index.sent(head.address) == {name: index.sizes[name] for name in complete(head)}
        assert sum(index.sent(head.address).values()) > 100_000_000
        for worker in workers:
            assert index.sent(worker.address) == {}
            assert complete(worker) == complete(head)
        assert status(fab, path)["healthy"]
        for host in hosts:
            lists[host] = sh(host, PIP_LIST)
            whole(host)
        assert len(set(lists.values())) == 1
        assert f"{package_index.NAME}==1.0" in lists[head]
        assert (folder / "uv.lock").exists()

    def test_a_fresh_host_gets_the_same_from_the_lock(self, hosts, index, fab, path, folder, lists):
        """There is a newer version of one package meanwhile."""
        head = hosts[0]
        alone = helpers.write_hosts_file(
            folder, [head], settings=settings(index, lock="uv.lock"), name="alone.yml"
        )
        lock = folder / "uv.lock"
        before = lock.read_bytes(), lock.stat().st_mtime_ns
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))
        for host in hosts:
            assert host.exec("test -e /root/.rayfab")[0] != 0
        newer = package_index.WHEEL.replace("1.0", "1.1")
        index.publish(newer, package_index.wheel("1.1"))
        ok(fab("deploy-cluster", hosts_file=alone, timeout=600))
        assert sh(head, PIP_LIST) == lists[head]
        assert (lock.read_bytes(), lock.stat().st_mtime_ns) == before
        assert status(fab, alone)["healthy"]
        # without the lock it would have been the newer one
        assert newer in ok(fab("deploy-cluster", "--upgrade", "--dry-run", hosts_file=alone))
        ok(fab("destroy", "--yes", "--purge", hosts_file=alone))


class TestInterrupted:
    """On one host; what has come is not fetched again."""

    @pytest.fixture
    def host(self, hosts):
        return hosts[0]

    @pytest.fixture
    def path(self, hosts_file, host, index, fab):
        made = hosts_file([host], settings=settings(index))
        yield made
        if not host.up:
            host.start()
        ok(fab("destroy", "--yes", "--purge", hosts_file=made))

    @pytest.mark.parametrize(
        "how",
        [
            # a host whose power fails loses what a killed program leaves, and more
            pytest.param("the program is killed", marks=pytest.mark.matrix),
            "the power fails",
        ],
    )
    def test_while_fetching(self, how, host, index, path, fab, tmp_path):
        index.crawl(RAY, STEP)
        deploy = helpers.begin_fab(tmp_path / "home", "deploy-cluster", hosts_file=path)
        begun = f"{STORE}; ls -l | awk '$NF ~ /^ray-.*part$/ && $5 > {2 * STEP}' | grep -q ."
        until(lambda: host.exec(begun)[0] == 0 or deploy.poll() is not None, 120, pause=0.2)
        if how == "the power fails":
            host.stop()
        else:
            deploy.kill()
        deploy.communicate(timeout=FAB_ENDS)
        assert deploy.returncode != 0
        if how == "the power fails":
            host.start()
        before = complete(host)
        assert len(before) > 10
        index.heal(RAY)
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "1 host runs Ray" in out
        sent = index.sent(host.address)
        (ray,) = [name for name in sent if re.search(RAY, name)]
        # what was on its way is lost, less than had arrived
        assert index.sizes[ray] <= sent[ray] < index.sizes[ray] + 2 * STEP
        assert {name: sent[name] for name in before} == {name: index.sizes[name] for name in before}
        assert status(fab, path)["healthy"]
        whole(host)

    def test_while_installing(self, host, index, path, fab, tmp_path):
        deploy = helpers.begin_fab(tmp_path / "home", "deploy-cluster", hosts_file=path)
        site = f"{NODE}/envs/*/lib/python3*/site-packages"
        # stopped while Ray's own files are being unpacked
        sh(
            host,
            f"n=0; until ls -d {site}/ray >/dev/null 2>&1; do sleep 0.02; n=$((n + 1)); [ $n -lt 5000 ] || exit 1;"
            " done; pkill -STOP -x uv || true",
        )
        host.stop()
        deploy.communicate(timeout=FAB_ENDS)
        assert deploy.returncode == 1
        host.start()
        assert host.exec(f"ls {NODE}/envs/*/.complete")[0] != 0
        before = complete(host)
        index.forget()
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "1 host runs Ray" in out
        assert not before & index.sent(host.address).keys()
        assert status(fab, path)["healthy"]
        whole(host)


class TestProxy:
    """A proxy is the only route out, and a private authority signs the index's certificate."""

    def test_everything_comes_through_it(self, hosts, proxy, authority, index, fab, hosts_file, tmp_path):
        host = hosts[1]
        sh(host, f"ip route replace prohibit {index.host.address}")
        (tmp_path / "lab-ca.pem").write_bytes(authority)
        url = f"https://{index.host.address}:8443/simple"
        mirrors = {"pypi": url, "proxy": f"http://{proxy.address}:3128"}
        uv = settings(index)["uv"]
        unknown = hosts_file([host], settings={"uv": uv, "mirrors": mirrors}, name="unknown.yml")
        known = hosts_file([host], settings={"uv": uv, "mirrors": {**mirrors, "ca": "lab-ca.pem"}})
        done = fab("deploy-cluster", hosts_file=unknown)
        assert done.returncode == 1
        assert "peer certificate" in done.stdout and "mirrors.ca" in done.stdout
        assert host.exec("test -e /root/.rayfab/.store")[0] != 0

        kept = tmp_path / "kept"
        out = ok(fab("deploy-cluster", hosts_file=known, env={"RAYFAB_CACHE": str(kept)}, timeout=600))
        assert "1 host runs Ray" in out
        assert list(kept.rglob("*.whl")) == []
        assert status(fab, known)["healthy"]
        log = sh(proxy, "cat /var/log/tinyproxy/tinyproxy.log")
        assert len(re.findall(rf"CONNECT.*: {re.escape(host.address)}\b", log)) > 3
        assert f"{index.host.address}:8443" in log
        whole(host)
        ok(fab("destroy", "--yes", "--purge", hosts_file=known))
