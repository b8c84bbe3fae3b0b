"""A site without Internet: its operator's machine has nothing but one file, and no host reaches anything outside."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from tasks.testbed import keys
from tasks.testbed.engine import LabError, command, docker
from tasks.testbed.small_image import small_image
from tests.lab.hosts import run_fab, write_hosts_file
from tests.lab.images import IMAGE, image_id
from tests.lab.story import ok, sh
from tests.standins import python_builds


class Operator:
    """A machine that has nothing but the file; what it sends to the outside vanishes."""

    def __init__(self, host):
        self.host = host

    def get(self, bundle) -> None:
        """Puts the file and the key for the hosts there, and unpacks this program."""
        key = keys.login_key()
        self.host.write_file(str(key), key.read_text(), 0o600)
        sh(self.host, "mkdir -p /root/site")
        self.host.copy_in(bundle, "/root/site/lab.tar")
        sh(self.host, "cd /root/site && tar -xf lab.tar rayfab")

    def fab(self, *args, timeout=400) -> subprocess.CompletedProcess[str]:
        """`./fab ARGS` in the unpacked folder, as a user without any setting."""
        line = f"cd /root/site/rayfab && env -i HOME=/root PATH=/usr/bin:/bin ./fab {shlex.join(args)}"
        return subprocess.CompletedProcess(args, *self.host.exec(line, timeout=timeout))

    def dropped(self) -> int:
        """How many packets wanted to leave the lab."""
        rules = command(["iptables", "-L", "DOCKER-USER", "-v", "-n", "-x"]).stdout.splitlines()
        (rule,) = [line for line in rules if f"{self.host.name}:lab" in line]
        return int(rule.split()[0])


class Site:
    """An operator with Debian's Python, one without any; a host with Python, one without; and one with Docker."""

    def __init__(self, pythons, bare, docker_host):
        self.operator, self.bare = Operator(pythons[0]), Operator(bare[0])
        self.hosts, self.docker_host = [pythons[1], bare[1]], docker_host


@pytest.fixture(scope="module")
def site(fresh_hosts):
    made = Site(fresh_hosts(2, "python"), fresh_hosts(2, "bare"), *fresh_hosts(1, "docker"))
    for host in (made.operator.host, made.bare.host, *made.hosts, made.docker_host):
        host.cut_internet(silent=True)
    return made


@pytest.fixture(scope="module")
def bundle(site, lab, fresh_host, tmp_path_factory):
    """One file, made where there is Internet; and what its making printed."""
    folder = tmp_path_factory.mktemp("outside")
    small_image(IMAGE, say=lab.say)
    docker("save", "-o", str(folder / "image.tar"), IMAGE)
    try:
        python_builds.tree()
    except LabError as error:
        pytest.skip(str(error))
    mirror = python_builds.on_host(fresh_host("python"))
    settings = {"uv": {"packages": ["ray[default]"]}, "mirrors": {"python": mirror.url}}
    path = write_hosts_file(folder, site.hosts, settings=settings)
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
        operator = site.operator
        assert operator.host.exec("getent hosts example.org")[0] != 0
        before = operator.dropped()
        assert before > 0
        operator.get(bundle[0])
        # Debian has what makes environments in a package of its own
        assert operator.host.exec("python3 -c 'import ensurepip'")[0] != 0
        out = ok(operator.fab("deploy-cluster", "--bundle", "../lab.tar"))
        assert "2 hosts run Ray" in out
        said = json.loads(ok(operator.fab("status", "--json")))
        assert said["healthy"] and len(said["nodes"]) == 2
        # not a question to a name server, an index or a channel
        assert operator.dropped() == before

    def test_runs_where_there_is_no_python(self, site, bundle):
        operator = site.bare
        assert operator.host.exec("command -v python3")[0] != 0
        before = operator.dropped()
        operator.get(bundle[0])
        done = operator.fab("status", "--json")
        assert json.loads(ok(done))["healthy"]
        assert "unpacking the Python of the bundle" in done.stderr
        assert operator.dropped() == before

    def test_is_checked_there(self, site):
        out = ok(site.operator.fab("bundle", "--check", "../lab.tar"))
        assert IMAGE in out and "linux-64" in out and "whole: " in out

    def test_has_the_image_for_hosts_with_docker(self, site, bundle, tmp_path):
        path = write_hosts_file(tmp_path, [site.docker_host], "docker", settings={"docker": {"image": IMAGE}})
        site.operator.host.copy_in(path, "/root/site/rayfab/docker.yml")
        before = site.operator.dropped()
        ok(site.operator.fab("pull-image", "--hosts-file", "docker.yml", "--bundle", "../lab.tar"))
        assert image_id(site.docker_host) == docker("image", "inspect", "-f", "{{.Id}}", IMAGE)
        assert site.operator.dropped() == before
        again = ok(site.operator.fab("pull-image", "--hosts-file", "docker.yml", "--bundle", "../lab.tar"))
        assert "nothing was changed" in again
