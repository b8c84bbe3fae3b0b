"""Docker Engine, installed by the tool on hosts that have none: from the distribution, through a mirror, from Docker's
own repository (a stand-in); and hosts where it must not or cannot."""

from __future__ import annotations

import re

import pytest

from tasks.testbed import machine
from tests.lab import hosts as helpers
from tests.lab import standin_repository
from tests.lab.story import ok, sh, status, until

PASSWORD = "it's $(secret)"
NAME = "rayfab-test"

# holds both of apt's locks as unattended upgrades do, for a while
HOLD = """
import fcntl, time
files = [open(f"/var/lib/{name}", "w") for name in ("dpkg/lock-frontend", "apt/lists/lock")]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
open("/run/locked", "w").close()
time.sleep(15)
"""


class Cluster:
    """Three hosts without Docker: root; a user with a sudo password behind a mirror; Docker's own packages."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home
        self.head, self.mirrored, self.ce = hosts

    def fab(self, *args, **more):
        return helpers.run_fab(self.home, *args, hosts_file=more.pop("hosts_file", self.path), **more)


def snapshot(host):
    """Everything that an installation would change."""
    return sh(
        host,
        "dpkg -l | cksum; find /etc /root /home /tmp /var/lib/dpkg /var/lib/apt -type f"
        " ! -name '.bash*' ! -name '.sudo_as*' ! -path '*/.rayfab*' -newer /run/mark 2>/dev/null;"
        " command -v docker || true",
    )


@pytest.fixture(scope="module")
def cluster(lab, fresh_hosts, tmp_path_factory):
    registry = lab.start_registry()
    head, mirrored, ce = hosts = fresh_hosts(3, flavour="python")
    for host in hosts:
        host.write_file("/etc/docker/daemon.json", registry.daemon_json())
    mirrored.add_user("alice", password=PASSWORD, sudo="password")
    # its own sources lead nowhere: what is installed comes through the mirror
    mirrored.write_file("/etc/apt/sources.list", "deb http://127.0.0.1:9/debian bookworm main\n")
    # as after a power cut in the middle of an installation
    ce.must("touch /var/lib/dpkg/updates/0001")
    for host in hosts:
        sh(host, "touch /run/mark")
    folder = tmp_path_factory.mktemp("engine")
    archive = next(uri for uri, suite in machine.apt_sources() if suite == machine.SUITE)
    path = helpers.write_hosts_file(
        folder,
        hosts,
        runtime="docker",
        settings={"docker": {"shm_size": "1gb"}},
        per_host={
            mirrored.name: {
                "user": "alice",
                "sudo_password": {"env": "SUDO_PASSWORD"},
                # as a mirror of many archives is given: its top
                "mirrors": {"apt": archive.rstrip("/").removesuffix("/debian")},
            },
            ce.name: {
                "docker": {"install": "docker-ce"},
                "mirrors": {"docker": standin_repository.serve(registry.host)},
            },
        },
    )
    made = Cluster(hosts, path, folder / "home")
    made.env = {"SUDO_PASSWORD": PASSWORD}
    made.checked = made.fab("check", env=made.env)
    made.planned = made.fab("deploy-cluster", "--dry-run", env=made.env)
    made.untouched = [snapshot(host) for host in hosts]
    head.must(["systemd-run", "--unit=holder", "python3", "-c", HOLD])
    until(lambda: head.exec("test -e /run/locked")[0] == 0, 10, pause=0.2)
    made.first = made.fab("deploy-cluster", env=made.env, timeout=900)
    ok(made.first)
    return made


class TestBefore:
    def test_check_says_that_docker_would_be_installed(self, cluster):
        out = ok(cluster.checked)
        both = f"{cluster.head.name}, {cluster.mirrored.name}"
        assert f"will install Docker (docker.io from the distribution) on {both}" in out
        assert f"will install Docker (docker-ce from Docker's repository) on {cluster.ce.name}" in out
        assert "3 hosts ready" in out

    def test_a_dry_run_shows_the_script_and_changes_nothing(self, cluster):
        out = ok(cluster.planned)
        assert out.count("\n# rayfab: install Docker\n") == 3
        row = "install Docker, pull the image.*docker.io from the distribution; rayproject/ray-ml"
        assert len(re.findall(row, out)) == 2
        for seen in cluster.untouched:
            assert len(seen.splitlines()) == 1, seen

    def test_no_password_is_shown(self, cluster):
        for done in (cluster.checked, cluster.planned, cluster.first):
            assert PASSWORD not in done.stdout + done.stderr


class TestDeploy:
    def test_every_host_runs_ray_in_the_very_run_that_installed_docker(self, cluster):
        out = cluster.first.stdout
        assert "✓ Install Docker  3 hosts" in out
        assert "3 hosts run Ray 2.60.0; a task ran on each" in out
        assert status(cluster.fab, cluster.path, env=cluster.env)["healthy"]

    def test_it_waited_for_the_package_manager_that_was_at_work(self, cluster):
        assert f"{cluster.head.name}: waiting for another package manager" in cluster.first.stdout

    def test_it_starts_at_boot(self, cluster):
        for host in cluster.hosts:
            assert sh(host, "systemctl is-enabled docker") == "enabled"

    def test_the_user_is_in_the_group(self, cluster):
        assert "docker" in sh(cluster.mirrored, "id -nG alice").split()
        assert sh(cluster.mirrored, "su alice -c 'docker ps -q | wc -l'") == "1"

    def test_the_mirror_left_the_sources_as_they_were(self, cluster):
        host = cluster.mirrored
        assert sh(host, "cat /etc/apt/sources.list") == "deb http://127.0.0.1:9/debian bookworm main"
        assert (
            sh(host, "ls /etc/apt/sources.list.d /tmp /var/lib/apt/lists | grep -E 'rayfab|debian' || true")
            == ""
        )

    def test_docker_ce_came_from_docker_s_repository(self, cluster):
        host = cluster.ce
        version = sh(host, "dpkg-query -W -f '${Version}' docker-ce")
        assert version == standin_repository.VERSION
        source = sh(host, "cat /etc/apt/sources.list.d/docker.list")
        assert source.startswith("# rayfab\ndeb [signed-by=/etc/apt/keyrings/docker.asc] http://")
        assert source.endswith("/linux/debian bookworm stable")
        # the host's own updates go on as before
        assert "docker" in sh(host, "apt-get update 2>&1 | grep -v ^Get; apt-cache policy docker-ce")

    def test_nothing_is_left_lying_about(self, cluster):
        for host in cluster.hosts:
            assert (
                sh(host, "ls /root/.rayfab/test/engine* /home/*/.rayfab/test/engine* 2>/dev/null || true")
                == ""
            )


class TestLater:
    def test_again_changes_nothing(self, cluster):
        out = ok(cluster.fab("deploy-cluster", env=cluster.env))
        assert "3 hosts up to date" in out
        assert "Install Docker" not in out

    def test_an_installation_that_was_cut_off_is_done_once_more(self, cluster):
        """What a lost connection leaves: packages are there, the rest is not."""
        host = cluster.mirrored
        sh(host, "gpasswd -d alice docker; su alice -c 'touch ~/.rayfab/test/engine.installing'")
        out = ok(cluster.fab("deploy-cluster", env=cluster.env))
        assert "✓ Install Docker  1 host" in out
        assert "docker" in sh(host, "id -nG alice").split()

    def test_a_reboot_brings_engine_and_node_back(self, cluster):
        cluster.ce.reboot()
        until(lambda: status(cluster.fab, cluster.path, env=cluster.env)["healthy"], 120)

    def test_destroy_leaves_docker(self, cluster):
        out = ok(cluster.fab("destroy", "--yes", env=cluster.env))
        assert "Docker and its images were kept" in out
        for host in cluster.hosts:
            assert sh(host, "docker ps -aq") == ""

    def test_a_user_outside_the_group_who_types_a_password_for_sudo(self, cluster, tmp_path):
        """The password goes through a pipe, as what Ray's programs read does: neither may take the other's place."""
        host = cluster.mirrored
        sh(host, "gpasswd -d alice docker")
        ssh = {"sudo_password": {"env": "SUDO_PASSWORD"}}
        settings = {"docker": {"shm_size": "1gb"}, "ssh": ssh}
        path = helpers.write_hosts_file(tmp_path, [host], runtime="docker", user="alice", settings=settings)

        def fab(*words):
            return helpers.run_fab(tmp_path / "home", *words, hosts_file=path, env=cluster.env)

        assert "1 host runs Ray 2.60.0; a task ran on each" in ok(fab("deploy-cluster"))
        assert "healthy" in ok(fab("status"))
        assert "\n42\n" in ok(fab("submit", "--", "python", "-c", "print(6 * 7)"))
        assert fab("submit", "--", "python", "-c", "raise SystemExit(3)").returncode != 0
        where = ("--", "sh", "-c", "command -v docker >/dev/null && id -un || echo inside")
        assert "inside" in ok(fab("exec", *where))
        assert "alice" in ok(fab("exec", "--in-host", *where))
        assert "root" in ok(fab("exec", "--sudo", *where))
        assert "removed from 1 host" in ok(fab("destroy", "--yes"))
        assert sh(host, "docker ps -aq") == "" and "docker" not in sh(host, "id -nG alice").split()


@pytest.fixture(scope="module")
def host(fresh_host):
    host = fresh_host("python")
    host.add_user("bob", password=PASSWORD)
    sh(host, "touch /run/mark")
    return host


class TestNot:
    """One line for each host, with the command to type; nothing is changed."""

    @staticmethod
    def refused(fab, host, path):
        before = snapshot(host)
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert snapshot(host) == before
        return [line for line in done.stdout.splitlines() if f"✗ {host.name}: " in line], done.stdout

    def test_a_user_without_sudo(self, host, fab, hosts_file):
        path = hosts_file([host], runtime="docker", user="bob")
        lines, out = self.refused(fab, host, path)
        assert lines == [
            f"✗ {host.name}: Docker is not installed, and bob may not use sudo without a password"
        ]
        assert (
            "→ sudo_password in the hosts file; or as root: apt-get install docker.io && usermod -aG docker bob"
            in out
        )

    def test_a_password_that_sudo_does_not_take(self, host, fab, hosts_file):
        path = hosts_file([host], runtime="docker", user="bob", settings={"ssh": {"sudo_password": "wrong"}})
        lines, _ = self.refused(fab, host, path)
        assert lines == [f"✗ {host.name}: Docker is not installed, and sudo rejects the password of bob"]

    def test_install_none_refuses_with_the_command_to_type(self, host, fab, hosts_file):
        path = hosts_file([host], runtime="docker", settings={"docker": {"install": "none"}})
        lines, out = self.refused(fab, host, path)
        assert lines == [f"✗ {host.name}: Docker is not installed, and docker.install is none"]
        assert "→ by hand: sudo apt-get install docker.io; or docker.install: auto" in out

    def test_a_mirror_that_holds_nothing(self, host, fab, hosts_file):
        """It cannot be known before: the host says so in one line, and its own sources work as before."""
        settings = {"docker": {"install": "docker-ce"}, "mirrors": {"docker": "http://127.0.0.1:9/linux"}}
        path = hosts_file([host], runtime="docker", settings=settings)
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert f"{host.name}: cannot fetch Docker's packages: " in done.stdout
        assert (
            "is http://127.0.0.1:9/linux reachable from this host? mirrors.docker names a mirror"
            in done.stdout
        )
        assert (
            sh(host, "ls /etc/apt/keyrings /etc/apt/sources.list.d")
            == "/etc/apt/keyrings:\n\n/etc/apt/sources.list.d:"
        )

    def test_podman_is_not_taken_for_docker(self, host, fab, hosts_file):
        """The real one, as Debian packages it; it has no service, and answers in words of its own."""
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
        sh(host, f"apt-get update -qq; {install} podman-docker")
        path = hosts_file([host], runtime="docker")
        lines, out = self.refused(fab, host, path)
        assert lines == [
            f"✗ {host.name}: the docker command here is Podman's, which this tool does not support"
        ]
        assert "sudo apt-get remove podman-docker" in out
        sh(host, "rm /usr/bin/docker; ln -s podman /usr/bin/docker")
        assert self.refused(fab, host, path)[0] == lines
