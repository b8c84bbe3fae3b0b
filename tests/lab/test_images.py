"""Images on their way to the hosts: real engines, a real registry on a slow link, a small stand-in for the image."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tasks.testbed import ray_image
from tasks.testbed.engine import ROOT, command, docker
from tasks.testbed.registry import Registry, load
from tasks.testbed.small_image import small_image
from tests.lab import hosts as helpers
from tests.lab.images import (
    IMAGE,
    Fleet,
    image_id,
    leftovers,
    packed_size,
    place,
    sent,
    slow,
    trust,
)
from tests.lab.story import ok, sh, until

RATE = "150mbit"
SEED = {"image_source": "seed"}


@pytest.fixture(scope="module")
def fleet(lab, fresh_hosts, tmp_path_factory):
    small_image(IMAGE, say=lab.say)
    registry = Registry(fresh_hosts(1, flavour="registry")[0])
    registry.configure()
    registry.push(IMAGE, IMAGE)
    hosts = fresh_hosts(4, flavour="docker")
    for host in hosts:
        trust(host, place(registry))
    # one fetches with bash alone
    hosts[3].remove_packages("python3-minimal", "python3.11-minimal")
    made = Fleet(hosts, registry, tmp_path_factory.mktemp("images"))
    yield made
    command(["docker", "rmi", IMAGE])


class TestSeed:
    def test_the_slow_link_carries_the_image_once(self, fleet):
        slow(fleet.registry.host, RATE)
        before = sent(fleet.registry.host)
        out = ok(fleet.fab("pull-image", docker=SEED))
        crossed = sent(fleet.registry.host) - before
        slow(fleet.registry.host, "")
        size = packed_size(fleet.registry, IMAGE)
        assert crossed <= 1.1 * size, f"{crossed / size:.2f} images for {len(fleet.hosts)} hosts"
        assert len({image_id(host) for host in fleet.hosts} | {""}) == 2
        assert f"4 hosts: {IMAGE}" in out
        assert [leftovers(host) for host in fleet.hosts] == [""] * 4
        assert sh(fleet.hosts[0], "docker image ls --format '{{.Repository}}:{{.Tag}}'") == IMAGE

    def test_again_nothing_is_done(self, fleet):
        before = sent(fleet.registry.host)
        assert "nothing was changed" in ok(fleet.fab("pull-image", docker=SEED))
        assert sent(fleet.registry.host) - before < 100_000

    def test_named_by_its_digest(self, fleet):
        """Past a mirror and past a seed no digest stays with the image: it is known by a tag made of it."""
        seed, other, *_ = fleet.hosts
        fleet.forget(seed, other)
        where = "/var/lib/docker-registry/docker/registry/v2/repositories/rayproject/ray/_manifests/tags"
        digest = sh(fleet.registry.host, f"cat {where}/{IMAGE.partition(':')[2]}/current/link")
        docker = {**SEED, "image": f"rayproject/ray@{digest}"}
        ok(fleet.fab("pull-image", only=[seed, other], docker=docker))
        kept = f"rayproject/ray:{digest.replace(':', '-')}"
        assert image_id(seed, kept) == image_id(other, kept) != ""
        assert "nothing was changed" in ok(fleet.fab("pull-image", only=[seed, other], docker=docker))
        ok(fleet.fab("pull-image", docker=SEED))

    def test_an_interrupted_one_is_taken_up(self, fleet):
        seed, *others = fleet.hosts
        fleet.forget(*others)
        slow(seed, "60mbit")
        try:
            ok(fleet.fab("check", docker=SEED))
            path = fleet.folder / "hosts.yml"
            argv = [sys.executable, "-m", "fabric", "pull-image", "--hosts-file", str(path)]
            env = {**os.environ, "HOME": str(fleet.folder / "home")}
            with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as fab:
                until(lambda: all(len(pieces(host)) > 1 for host in others), 60, 0.2)
                fab.send_signal(signal.SIGKILL)
        finally:
            slow(seed, "")
        # a script that has lost its connection ends with its next word
        until(lambda: not any(sh(h, "pgrep -x docker || true") for h in others), 60)
        assert [image_id(host) for host in others] == [""] * 3
        kept = sum(sum(pieces(host).values()) for host in others)
        assert kept > 0
        before = sent(seed)
        ok(fleet.fab("pull-image", docker=SEED))
        fetched = sent(seed) - before
        whole = 3 * packed_size(fleet.registry, IMAGE)
        assert fetched < 1.1 * whole - kept, f"{fetched} sent, though {kept} of {whole} were there"
        assert len({image_id(host) for host in fleet.hosts}) == 1
        assert [leftovers(host) for host in fleet.hosts] == [""] * 4

    def test_a_host_that_cannot_reach_the_seed_pulls(self, fleet):
        seed, other, *_ = fleet.hosts
        fleet.forget(other)
        wall = f"-s {other.address} -p tcp ! --dport 22 -j REJECT"
        sh(seed, f"iptables -I INPUT {wall}")
        try:
            out = ok(fleet.fab("pull-image", only=[seed, other], docker=SEED))
        finally:
            sh(seed, f"iptables -D INPUT {wall}")
        assert f"{other.name}: cannot fetch from {seed.address} port" in out
        assert "it pulls for itself" in out
        assert image_id(other) == image_id(seed)


def pieces(host):
    """Sizes of the pieces that a host has, by name."""
    lines = sh(
        host,
        "cd /root/.rayfab/test/image.parts 2>/dev/null && ls -l | awk 'length($9) == 64 { print $9, $5 }'; true",
    )
    return {line.split()[0]: int(line.split()[1]) for line in lines.splitlines()}


class TestSame:
    def test_another_image_under_the_same_name_is_reported(self, fleet):
        head, odd = fleet.hosts[0], fleet.hosts[2]
        other = small_image("rayfab-lab/other:small", 1, mark="b")
        load(other, odd)
        sh(odd, f"docker tag {other} {IMAGE}")
        done = fleet.fab("deploy-cluster", only=[head, odd])
        assert done.returncode == 1
        assert f"✗ {IMAGE} is not the same image on all hosts (linux/amd64)" in done.stdout
        for host in (head, odd):
            assert f"    {image_id(host)[7:19]} on {host.name}" in done.stdout
        assert f"on {odd.name}: docker pull {IMAGE}" in done.stdout
        assert [sh(host, "docker ps -aq") for host in (head, odd)] == ["", ""]

    def test_outside_the_limit_it_counts_too(self, fleet):
        head, odd = fleet.hosts[0], fleet.hosts[2]
        done = fleet.fab("pull-image", "--limit", odd.name, only=[head, odd])
        assert done.returncode == 1
        assert "is not the same image on all hosts" in done.stdout

    def test_a_seed_makes_them_one(self, fleet):
        head, odd = fleet.hosts[0], fleet.hosts[2]
        ok(fleet.fab("pull-image", only=[head, odd], docker=SEED))
        assert image_id(odd) == image_id(head)


@pytest.fixture(scope="module")
def archive(fleet):
    other = small_image("rayfab-lab/other:small", 1, mark="b")
    return ray_image.save(other, fleet.folder / "other.tar")


class TestFile:
    def test_it_is_carried_and_gets_the_image_s_name(self, fleet, archive):
        hosts = fleet.hosts[:2]
        source = {"image_source": "file:other.tar", "registry_mirror": None}
        out = ok(fleet.fab("pull-image", only=hosts, docker=source))
        assert out.count("Copy the image") == 1
        wanted = docker("image", "inspect", "-f", "{{.Id}}", "rayfab-lab/other:small")
        assert [image_id(host) for host in hosts] == [wanted] * 2
        assert [leftovers(host) for host in hosts] == ["", ""]
        again = ok(fleet.fab("pull-image", only=hosts, docker=source))
        assert "Copy the image" not in again

    def test_a_user_without_python_whose_docker_needs_sudo(self, fleet, archive):
        host = fleet.hosts[3]
        fleet.forget(host)
        host.add_user("carol", password="it's carol", sudo="password")
        path = helpers.write_hosts_file(
            fleet.folder,
            [host],
            runtime="docker",
            user="carol",
            settings={
                "docker": {"image": IMAGE, "image_source": "file:other.tar"},
                "ssh": {"sudo_password": {"env": "LAB_SUDO"}},
            },
        )
        env = {"LAB_SUDO": "it's carol"}
        ok(helpers.run_fab(fleet.folder / "home", "pull-image", hosts_file=path, env=env))
        assert image_id(host)

    def test_a_missing_file_is_reported_before_any_connection(self, fleet):
        done = fleet.fab("pull-image", docker={"image_source": "file:none.tar"})
        assert done.returncode == 2
        assert "there is no file" in done.stdout
        assert "Connect" not in done.stdout


class TestSpace:
    def test_no_space_for_the_image(self, fleet):
        seed, host = fleet.hosts[1], fleet.hosts[2]
        fleet.forget(seed, host)
        sh(host, "systemctl stop docker.socket docker && mount -t tmpfs -o size=90m tmpfs /var/lib/docker")
        try:
            sh(host, "systemctl start docker")
            done = fleet.fab("pull-image", only=[host])
            assert done.returncode == 1
            assert f"no space for the image {IMAGE}" in done.stdout
            done = fleet.fab("pull-image", only=[seed, host], docker=SEED)
            assert done.returncode == 1
            assert f"no space for the image {IMAGE}: " in done.stdout
            assert "MB are needed in /var/lib/docker" in done.stdout
        finally:
            sh(
                host,
                "systemctl stop docker.socket docker && umount /var/lib/docker && systemctl start docker",
            )
