"""Images where the engine keeps them in containerd's store, as new installations of Docker do, and beside the old kind.

There an image's id is its manifest's digest, not its config's: the same image has two ids.
"""

from __future__ import annotations

import json

import pytest

from tasks.testbed.engine import command
from tasks.testbed.ray_image import ray_image, save
from tasks.testbed.registry import Registry, load
from tasks.testbed.small_image import small_image
from tests.lab.images import IMAGE, Fleet, image_id, leftovers, place, trust
from tests.lab.story import ok, sh, status

# test_images.py shows the same with Docker's own store
pytestmark = pytest.mark.matrix

SEED = {"image_source": "seed"}
# the engine of the next Debian, for that of this one cannot
UPGRADE = """
set -e
export DEBIAN_FRONTEND=noninteractive
sed -n '/security/! s/bookworm/trixie/gp' /etc/apt/sources.list | head -n 1 > /etc/apt/sources.list.d/trixie.list
apt-get update -qq
systemctl stop docker.socket docker containerd
apt-get install -y -qq --no-install-recommends -t trixie docker.io docker-cli containerd runc iptables
mkdir -p /etc/containerd /var/lib/docker/containerd.store
printf 'version = 2\\nroot = "/var/lib/docker/containerd.store"\\n' > /etc/containerd/config.toml
systemctl restart containerd
"""


@pytest.fixture(scope="module")
def new(fresh_host):
    """A host whose engine is newer, and keeps images as containerd does."""
    host = fresh_host("docker")
    host.must(UPGRADE, timeout=600)
    return host


@pytest.fixture(scope="module")
def fleet(lab, new, fresh_host, tmp_path_factory):
    """The new kind of host and the old one, and a registry; the images are small."""
    small_image(IMAGE, say=lab.say)
    registry = Registry(fresh_host("registry"))
    registry.configure()
    registry.push(IMAGE, IMAGE)
    old = fresh_host("docker")
    trust(old, place(registry))
    daemon = {"insecure-registries": [place(registry)], "features": {"containerd-snapshotter": True}}
    new.write_file("/etc/docker/daemon.json", json.dumps(daemon))
    sh(new, "systemctl reset-failed docker; systemctl restart docker")
    assert "io.containerd.snapshotter" in sh(new, "docker info -f '{{json .DriverStatus}}'")
    assert "io.containerd" not in sh(old, "docker info -f '{{json .DriverStatus}}'")
    made = Fleet([new, old], registry, tmp_path_factory.mktemp("stores"))
    yield made
    command(["docker", "rmi", IMAGE])


class TestTheSame:
    def test_pulled_it_is_one_image_with_two_ids(self, fleet):
        ok(fleet.fab("pull-image"))
        assert image_id(fleet.hosts[0]) != image_id(fleet.hosts[1])
        assert "nothing was changed" in ok(fleet.fab("pull-image"))

    @pytest.mark.parametrize("first", [0, 1], ids=["new", "old"])
    def test_handed_on_by_either_to_the_other(self, fleet, first):
        fleet.forget()
        pair = [fleet.hosts[first], fleet.hosts[1 - first]]
        ok(fleet.fab("pull-image", only=pair, docker=SEED))
        assert [bool(image_id(host)) for host in pair] == [True, True]
        assert [leftovers(host) for host in pair] == ["", ""]
        assert "nothing was changed" in ok(fleet.fab("pull-image", only=pair, docker=SEED))

    def test_carried_from_here(self, fleet):
        fleet.forget()
        save(IMAGE, fleet.folder / "small.tar")
        source = {"image_source": "file:small.tar", "registry_mirror": None}
        ok(fleet.fab("pull-image", docker=source))
        assert "nothing was changed" in ok(fleet.fab("pull-image", docker=source))

    def test_another_image_is_still_reported(self, fleet):
        other = small_image("rayfab-lab/other:small", 1, mark="b")
        load(other, fleet.hosts[0])
        sh(fleet.hosts[0], f"docker tag {other} {IMAGE}")
        done = fleet.fab("deploy-cluster")
        assert done.returncode == 1
        assert "is not the same image on all hosts" in done.stdout


@pytest.mark.matrix  # both kinds of store run the same image above, and a cluster is one of images of the same id
@pytest.mark.parametrize("network", ["host", "bridge"])
def test_a_cluster_of_both(fleet, network, hosts_file, fab):
    tag = ray_image("2.60.0")
    for host in fleet.hosts:
        load(tag, host)
    docker = {"image": tag, "network": network, "shm_size": "1gb"}
    path = hosts_file(fleet.hosts, "docker", settings={"docker": docker})
    assert "2 hosts run Ray 2.60.0; a task ran on each" in ok(
        fab("deploy-cluster", hosts_file=path, timeout=600)
    )
    assert status(fab, path)["healthy"]
    assert "nothing was changed" in ok(fab("deploy-cluster", hosts_file=path))
    ok(fab("destroy", "--yes", hosts_file=path))
    assert [sh(host, "docker ps -aq") for host in fleet.hosts] == ["", ""]
