"""One home folder for several hosts, as over NFS: what is done to one host is not done to the others."""

from __future__ import annotations

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, sh

MATRIX = pytest.mark.matrix
CONDA = {"python": "3.7.16", "packages": ["ray[default]"], "accept_terms": True}


@pytest.fixture
def duo(lab, request):
    """Two hosts for a runtime and a user, who may use sudo or not; root's home can be shared as well."""
    runtime, user, sudo = request.param
    home = "/root" if user == "root" else "/home"
    flavour = "docker" if runtime == "docker" else "python"
    registry = lab.start_registry() if runtime == "docker" else None
    hosts = lab.add_hosts([None] * 2, flavour, volumes=[f"{runtime}-{user}-{sudo}:{home}"])
    for host in hosts:
        if user != "root":
            host.add_user(user, sudo=sudo)
        if runtime == "docker":
            registry.serve(host)
            sh(host, f"usermod -aG docker {user}")
        if sudo == "none":
            sh(host, f"loginctl enable-linger {user}")
    yield hosts
    for host in hosts:
        lab.remove_host(host)


def runs(host) -> bool:
    return sh(host, "pgrep -cx raylet || true") == "1"


@pytest.mark.parametrize(
    ("duo", "runtime", "user"),
    [
        pytest.param(how, how[0], how[1], marks=marks, id="-".join(how))
        for how, marks in (
            (("uv", "alice", "nopasswd"), ()),
            (("uv", "alice", "none"), MATRIX),
            (("uv", "root", "root"), MATRIX),
            (("conda", "alice", "nopasswd"), MATRIX),
            (("docker", "alice", "nopasswd"), MATRIX),
        )
    ],
    indirect=["duo"],
)
def test_the_life_of_hosts_with_one_home(duo, runtime, user, tmp_path, request):
    settings = {}
    if runtime == "conda":
        served = request.getfixturevalue("conda_mirror")
        settings = {"conda": CONDA, "mirrors": {"conda": served.pkgs, "miniconda": served.installers}}
    if runtime == "docker":
        settings = {"docker": {"shm_size": "1gb"}}
    path = helpers.write_hosts_file(tmp_path, duo, runtime, user=user, settings=settings)
    ours = f"{'/root' if user == 'root' else '/home/alice'}/.rayfab"

    def fab(*words):
        return ok(helpers.run_fab(tmp_path / "home", *words, hosts_file=path))

    head, worker = duo
    assert "2 hosts run Ray" in fab("deploy-cluster")
    if runtime != "docker":
        assert sh(head, f"ls {ours}/test/envs | wc -l") == "1"
    assert "2 hosts up to date" in fab("deploy-cluster")
    fab("stop", "--limit", worker.name, "--yes")
    assert [runs(host) for host in duo] == [True, False]
    fab("start")
    assert [runs(host) for host in duo] == [True, True]
    assert "removed from 1 host" in fab("destroy", "--limit", worker.name, "--yes")
    assert [runs(host) for host in duo] == [True, False]
    assert worker.name not in sh(head, f"ls {ours}/test/hosts")
    # somebody has removed the folder: what runs is found by its name
    sh(head, f"rm -rf {ours}")
    assert "removed from 1 host" in fab("destroy", "--yes")
    assert not runs(head)
    units = "/etc/systemd/system /home/*/.config/systemd/user /root/.config/systemd/user"
    assert sh(head, f"ls -d {ours} 2>/dev/null; find {units} -name 'rayfab*' 2>/dev/null || true") == ""
