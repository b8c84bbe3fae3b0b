"""`runtime: conda` where a proxy is the only route out, and the lab's own authority signs the mirror's certificate.

The proxy is tinyproxy, and stunnel puts TLS before the stand-in for conda's mirror.
"""

from __future__ import annotations

import re

import pytest

from tests.lab.story import ok, sh, status
from tests.lab.test_conda import settings
from tests.lab.way_out import INSTALL, tinyproxy_on, tls_before

# test_uv_packages.py shows what both runtimes share: a proxy as the only way out
pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def proxy(fresh_host):
    """A lab host that reaches the internet, and a proxy on it."""
    return tinyproxy_on(fresh_host("bare"))


@pytest.fixture(scope="module")
def secure(conda_mirror):
    """The authority that the mirror's certificate is of, and where the mirror speaks TLS."""
    host = conda_mirror.host
    authority = tls_before(host, conda_mirror.base.rpartition(":")[2])
    return authority, f"https://{host.address}:8443/anaconda"


@pytest.fixture(scope="module")
def hosts(fresh_hosts, conda_mirror):
    """One has curl, the other Python alone; neither reaches the Internet, nor the mirror but by the proxy."""
    made = fresh_hosts(2, "python")
    sh(made[0], f"apt-get update -qq; {INSTALL} curl ca-certificates")
    for host in made:
        host.cut_internet()
        sh(host, f"ip route add prohibit {conda_mirror.host.address}")
    return made


@pytest.mark.matrix  # the same steps as those of test_uv_packages.py
def test_everything_comes_through_it(hosts, proxy, secure, conda_mirror, fab, hosts_file, tmp_path):
    authority, url = secure
    (tmp_path / "lab-ca.pem").write_bytes(authority)
    conda = settings(conda_mirror)["conda"]
    strange = {
        "conda": f"{url}/pkgs",
        "miniconda": f"{url}/miniconda",
        "proxy": f"http://{proxy.address}:3128",
    }
    unknown = hosts_file(hosts, "conda", settings={"conda": conda, "mirrors": strange}, name="unknown.yml")
    known = hosts_file(hosts, "conda", settings={"conda": conda, "mirrors": {**strange, "ca": "lab-ca.pem"}})
    # without the authority it is nobody's mirror, and nothing is changed
    done = fab("deploy-cluster", hosts_file=unknown)
    assert done.returncode == 1
    assert "certificate" in done.stdout.lower()
    assert hosts[0].exec("test -e /root/.rayfab/.store")[0] != 0

    out = ok(fab("deploy-cluster", hosts_file=known, timeout=600))
    assert "2 hosts run Ray 2.7.2; a task ran on each" in out
    assert status(fab, known)["healthy"]
    log = sh(proxy, "cat /var/log/tinyproxy/tinyproxy.log")
    for host in hosts:
        assert len(re.findall(rf"CONNECT.*{re.escape(host.address)}|from {re.escape(host.address)}", log)) > 5
    ok(fab("destroy", "--yes", "--purge", hosts_file=known))
