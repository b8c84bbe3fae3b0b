"""One home folder for several hosts, as over NFS: what is done to one host is not done to the others."""

from __future__ import annotations

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, sh

HOSTS = "ls /home/alice/.rayfab/test/hosts"
ACTIVE = "systemctl is-active rayfab-test || true"


@pytest.fixture(scope="module")
def duo(lab):
    hosts = lab.add_hosts([None] * 2, "python", volumes=["homes:/home"])
    for host in hosts:
        host.add_user("alice", sudo="nopasswd")
    yield hosts
    for host in hosts:
        lab.remove_host(host)


def test_the_life_of_hosts_with_one_home(duo, tmp_path):
    path = helpers.write_hosts_file(tmp_path, duo, user="alice")

    def fab(*words):
        return ok(helpers.run_fab(tmp_path / "home", *words, hosts_file=path))

    head, worker = duo
    assert "2 hosts run Ray" in fab("deploy-cluster")
    assert sh(head, "ls /home/alice/.rayfab/test/envs | wc -l") == "1"
    assert "2 hosts up to date" in fab("deploy-cluster")
    fab("stop", "--limit", worker.name, "--yes")
    assert [sh(host, ACTIVE) for host in duo] == ["active", "inactive"]
    assert "removed from 1 host" in fab("destroy", "--limit", worker.name, "--yes")
    assert sh(head, ACTIVE) == "active" and worker.name not in sh(head, HOSTS)
    # somebody has removed the folder: the service is found by its name
    sh(head, "rm -rf /home/alice/.rayfab")
    assert "removed from 1 host" in fab("destroy", "--yes")
    assert sh(head, ACTIVE) == "inactive"
    assert head.exec("test -e /home/alice/.rayfab -o -e /etc/systemd/system/rayfab-test.service")[0] != 0
