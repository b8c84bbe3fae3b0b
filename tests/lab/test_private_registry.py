"""A registry with a password and a certificate of its own: real engines, a small stand-in for the image."""

from __future__ import annotations

import re

import bcrypt
import pytest

from tasks.testbed.engine import command
from tasks.testbed.registry import Registry
from tasks.testbed.small_image import small_image
from tests.lab.images import IMAGE, Fleet, image_id, leftovers, place, slow, trust
from tests.lab.story import ok, sh

# test_images.py shows the way of an image; passwords are in tests/runtimes/docker
pytestmark = pytest.mark.matrix

USER, PASSWORD = "alice", "it's $(a) secret&hush"
LOGIN = {"registry_mirror": None, "registry_user": USER, "registry_password": {"env": "LAB_REGISTRY"}}
RIGHT, WRONG = {"LAB_REGISTRY": PASSWORD}, {"LAB_REGISTRY": "wrong-word"}

BYTES = re.compile(
    r", [1-9]\d* of [1-9]\d* MB, \d+ of 1 layers, \d+ s, \d+%(, about \d+ \w+ left)?$", re.MULTILINE
)
CAME_IN = re.compile(r", 0 of 1 layers, \d+ MB received, \d+ s$", re.MULTILINE)

# looks at every argument list of the host, and notes where the words of /root/words are
WATCH = """
while [ ! -e /root/enough ]; do
    for file in /proc/[0-9]*/cmdline; do
        if tr '\\0' ' ' <$file 2>/dev/null | grep -qF -f /root/words; then tr '\\0' ' ' <$file >>/root/seen; fi
    done
    sleep 0.05
done
"""


@pytest.fixture(scope="module")
def fleet(lab, fresh_hosts, tmp_path_factory):
    small_image(IMAGE, say=lab.say)
    registry = Registry(fresh_hosts(1, flavour="registry")[0])
    registry.configure()
    registry.push(IMAGE, IMAGE)
    hosts = fresh_hosts(2, flavour="docker")
    for host in hosts:
        trust(host, place(registry))
    made = Fleet(hosts, registry, tmp_path_factory.mktemp("private"))
    yield made
    command(["docker", "rmi", IMAGE])


@pytest.fixture(scope="module")
def private(fleet):
    """The image's name at the registry, which from now on asks for a password."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    fleet.registry.configure(htpasswd=f"{USER}:{hashed}\n")
    return f"{place(fleet.registry)}/{IMAGE}"


class TestPassword:
    def test_a_pull_without_a_password_is_refused_with_the_reason(self, fleet, private):
        done = fleet.fab("pull-image", docker={"image": private, "registry_mirror": None})
        assert done.returncode == 1
        assert f"{place(fleet.registry)} asks for a user and a password" in done.stdout

    def test_a_wrong_one(self, fleet, private):
        done = fleet.fab("pull-image", docker={**LOGIN, "image": private}, env=WRONG)
        assert done.returncode == 1
        assert f"{place(fleet.registry)} rejects the password of {USER}" in done.stdout
        assert "wrong-word" not in done.stdout
        assert [leftovers(host) for host in fleet.hosts] == ["", ""]

    def test_the_right_one_is_seen_nowhere(self, fleet, private):
        host = fleet.hosts[0]
        host.write_file("/root/words", f"{PASSWORD}\n", 0o600)
        sh(host, f"rm -f /root/enough; setsid sh -c '{WATCH.replace(chr(39), chr(34))}' >/dev/null 2>&1 &")
        try:
            done = fleet.fab("pull-image", "--debug", docker={**LOGIN, "image": private}, env=RIGHT)
        finally:
            sh(host, "touch /root/enough")
        assert f"2 hosts: {private}" in ok(done)
        assert PASSWORD not in done.stdout + done.stderr
        assert sh(host, "cat /root/seen 2>/dev/null; rm -f /root/seen") == ""
        assert [leftovers(host) for host in fleet.hosts] == ["", ""]
        sh(host, "mv /root/words /run/words")
        found = "grep -rlF -f /run/words /root /tmp /var/tmp /home /etc /var/log 2>/dev/null || true"
        assert sh(host, found) == ""

    def test_the_watch_would_have_seen_it(self, fleet):
        """The test above can fail: an argument list that holds the password is noticed."""
        host = fleet.hosts[0]
        host.write_file("/root/words", f"{PASSWORD}\n", 0o600)
        sh(host, f"rm -f /root/enough; setsid sh -c '{WATCH.replace(chr(39), chr(34))}' >/dev/null 2>&1 &")
        host.must(["sh", "-c", "sleep 1; true", PASSWORD])
        sh(host, "touch /root/enough; rm -f /root/words")
        assert PASSWORD in sh(host, "cat /root/seen; rm -f /root/seen")

    def test_docker_through_sudo(self, fleet, private):
        host = fleet.hosts[1]
        fleet.forget(host)
        host.add_user("carol", password="it's carol", sudo="password")
        more = {"user": "carol", "sudo_password": {"env": "LAB_SUDO"}}
        done = fleet.fab(
            "pull-image",
            only=[host],
            docker={**LOGIN, "image": private},
            ssh=more,
            env={**RIGHT, "LAB_SUDO": "it's carol"},
        )
        ok(done)
        assert image_id(host, private)
        left = "ls -A /root/.docker /home/carol/.docker; ls -d /home/carol/.rayfab/test/login.*"
        assert sh(host, f"{{ {left}; }} 2>/dev/null; true") == ""


@pytest.fixture(scope="module")
def tls(fleet):
    fleet.registry.configure(tls=True)
    for host in fleet.hosts:
        fleet.forget(host)
        trust(host)


@pytest.mark.usefixtures("tls")
class TestCertificate:
    def test_one_that_nobody_knows(self, fleet):
        done = fleet.fab("pull-image")
        assert done.returncode == 1
        where = place(fleet.registry)
        assert f"the certificate of {where} is not trusted: " in done.stdout
        assert f"/etc/docker/certs.d/{where}/ca.crt" in done.stdout

    def test_the_fix_that_is_named_works(self, fleet):
        for host in fleet.hosts:
            host.write_file(
                f"/etc/docker/certs.d/{place(fleet.registry)}/ca.crt", fleet.registry.certificate()
            )
        ok(fleet.fab("pull-image"))
        assert image_id(fleet.hosts[0]) == image_id(fleet.hosts[1]) != ""

    def test_plain_http_is_named(self, fleet):
        fleet.registry.configure()
        host = fleet.hosts[0]
        fleet.forget(host)
        done = fleet.fab("pull-image", only=[host])
        assert done.returncode == 1
        assert f"{place(fleet.registry)} speaks plain HTTP, which Docker refuses" in done.stdout
        assert "insecure-registries" in done.stdout

    def test_a_registry_that_is_not_there(self, fleet):
        host = fleet.hosts[0]
        where = f"https://{fleet.registry.host.address}:5999"
        done = fleet.fab("pull-image", only=[host], docker={"registry_mirror": where})
        assert done.returncode == 1
        assert f"{fleet.registry.host.address}:5999 cannot be reached" in done.stdout


class TestProgress:
    """A pull that is slow enough to be seen, by each of the ways that a host may have."""

    @pytest.fixture
    def pulling(self, fleet):
        host = fleet.hosts[0]
        fleet.registry.configure()
        trust(host, place(fleet.registry))
        fleet.forget(host)
        slow(fleet.registry.host, "100mbit")

        def lines():
            out = ok(fleet.fab("pull-image", only=[host]))
            return [line for line in out.splitlines() if f"pulling {place(fleet.registry)}/{IMAGE}" in line]

        yield host, lines
        slow(fleet.registry.host, "")

    def test_python_reports_the_bytes(self, pulling):
        host, lines = pulling
        assert (host.exec("command -v curl").rc, host.exec("command -v python3").rc) == (127, 0)
        assert BYTES.search("\n".join(lines()))

    def test_by_docker_alone(self, pulling):
        host, lines = pulling
        sh(host, "mv /usr/bin/python3 /usr/bin/python3.off")
        try:
            found = lines()
        finally:
            sh(host, "mv /usr/bin/python3.off /usr/bin/python3")
        assert CAME_IN.search("\n".join(found))

    def test_curl_reports_the_bytes(self, pulling):
        host, lines = pulling
        sh(host, "apt-get update -qq && apt-get install -y -qq --no-install-recommends curl >/dev/null 2>&1")
        sh(host, "mv /usr/bin/python3 /usr/bin/python3.off")
        try:
            found = lines()
        finally:
            sh(host, "mv /usr/bin/python3.off /usr/bin/python3")
        assert BYTES.search("\n".join(found))
