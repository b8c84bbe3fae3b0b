"""A site without Internet: its operator's machine has nothing but one file, and no host reaches anything outside."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from tasks.testbed import keys
from tasks.testbed.engine import command, docker
from tasks.testbed.small_image import small_image
from tests.lab.hosts import run_fab, write_hosts_file
from tests.lab.images import IMAGE, image_id
from tests.lab.story import ok, sh


class Site:
    """The operator's machine, two hosts for packages and one with Docker; packets to the outside vanish."""

    def __init__(self, operator, hosts, docker_host):
        self.operator, self.hosts, self.docker_host = operator, hosts, docker_host

    def fab(self, *args, timeout=400) -> subprocess.CompletedProcess[str]:
        """`./fab ARGS` in the unpacked folder, as a user without any setting."""
        line = f"cd /root/site/rayfab && env -i HOME=/root PATH=/usr/bin:/bin ./fab {shlex.join(args)}"
        return subprocess.CompletedProcess(args, *self.operator.exec(line, timeout=timeout))

    def dropped(self) -> int:
        """How many packets of the operator's machine wanted to leave the lab."""
        rules = command(["iptables", "-L", "DOCKER-USER", "-v", "-n", "-x"]).stdout.splitlines()
        (rule,) = [line for line in rules if f"{self.operator.name}:lab" in line]
        return int(rule.split()[0])


@pytest.fixture(scope="module")
def site(fresh_hosts):
    made = fresh_hosts(3, "python")
    made += fresh_hosts(1, "docker")
    for host in made:
        host.cut_internet(silent=True)
    return Site(made[0], made[1:3], made[3])


@pytest.fixture(scope="module")
def bundle(site, lab, tmp_path_factory):
    """One file, made where there is Internet; and what its making printed."""
    folder = tmp_path_factory.mktemp("outside")
    small_image(IMAGE, say=lab.say)
    docker("save", "-o", str(folder / "image.tar"), IMAGE)
    path = write_hosts_file(folder, site.hosts)
    file = folder / "lab.tar"
    done = run_fab(
        folder / "home",
        "bundle",
        "--output",
        str(file),
        "--image",
        str(folder / "image.tar"),
        hosts_file=path,
        timeout=600,
    )
    yield file, ok(done)
    command(["docker", "rmi", IMAGE])


class TestOneFile:
    """In the order of the file: what one test leaves is what the next one begins with."""

    def test_says_how_it_is_used_there(self, bundle):
        file, out = bundle
        assert (
            f"tar -xf {file.name} rayfab && cd rayfab\n  ./fab deploy-cluster --bundle ../{file.name}" in out
        )

    def test_deploys_from_a_machine_that_has_only_it(self, site, bundle):
        assert site.operator.exec("getent hosts example.org")[0] != 0
        assert site.dropped() > 0
        key = keys.login_key()
        site.operator.write_file(str(key), key.read_text(), 0o600)
        sh(site.operator, "mkdir -p /root/site")
        site.operator.copy_in(bundle[0], "/root/site/lab.tar")
        assert site.operator.exec("python3 -c 'import ensurepip'")[0] != 0
        before = site.dropped()
        sh(site.operator, "cd /root/site && tar -xf lab.tar rayfab && rm -rf /root/.cache")
        out = ok(site.fab("deploy-cluster", "--bundle", "../lab.tar"))
        assert "2 hosts run Ray" in out
        said = json.loads(ok(site.fab("status", "--json")))
        assert said["healthy"] and len(said["nodes"]) == 2
        # not a question to a name server, an index or a channel
        assert site.dropped() == before

    def test_is_checked_there(self, site):
        out = ok(site.fab("bundle", "--check", "../lab.tar"))
        assert IMAGE in out and "linux-64" in out and "whole: " in out

    def test_has_the_image_for_hosts_with_docker(self, site, bundle, tmp_path):
        path = write_hosts_file(tmp_path, [site.docker_host], "docker", settings={"docker": {"image": IMAGE}})
        site.operator.copy_in(path, "/root/site/rayfab/docker.yml")
        before = site.dropped()
        ok(site.fab("pull-image", "--hosts-file", "docker.yml", "--bundle", "../lab.tar"))
        assert image_id(site.docker_host) == docker("image", "inspect", "-f", "{{.Id}}", IMAGE)
        assert site.dropped() == before
        again = ok(site.fab("pull-image", "--hosts-file", "docker.yml", "--bundle", "../lab.tar"))
        assert "nothing was changed" in again
