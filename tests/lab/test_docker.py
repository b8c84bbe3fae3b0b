"""The runtime docker on the host's network: the recipe's container on real engines, its image from a real registry."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.lab import hosts as helpers
from tests.lab.remains import left_alone, snapshot
from tests.lab.story import ok, raylet, sh, status, until

NAME = "rayfab-test"


class Cluster:
    """Two hosts with their own engines; the image comes from the lab's registry."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)


@pytest.fixture(scope="module")
def cluster(lab, fresh_hosts, tmp_path_factory):
    registry = lab.start_registry()
    hosts = fresh_hosts(2, flavour="docker")
    for host in hosts:
        registry.serve(host)
    # what the far side needs is sh and Docker: neither Python nor a downloader
    hosts[1].remove_packages("python3-minimal", "python3.11-minimal")
    folder = tmp_path_factory.mktemp("docker")
    path = helpers.write_hosts_file(folder, hosts, runtime="docker", settings={"docker": {"shm_size": "1gb"}})
    made = Cluster(hosts, path, folder / "home")
    made.before = [snapshot(h) for h in hosts]
    made.first = made.fab("deploy-cluster", timeout=900)
    ok(made.first)
    return made


def container(host, template):
    return sh(host, f"docker inspect -f '{template}' {NAME}")


class TestDeploy:
    def test_pulled_the_image_and_ran_a_task_on_each(self, cluster):
        assert "2 hosts run Ray 2.60.0; a task ran on each" in cluster.first.stdout
        said = status(cluster.fab, cluster.path)
        assert said["healthy"]
        assert {n["runtime"] for n in said["nodes"]} == {"docker"}
        assert cluster.hosts[1].exec("command -v python3")[0] != 0

    def test_the_container_is_the_recipe_s_and_more(self, cluster):
        head = cluster.hosts[0]
        assert container(head, "{{.HostConfig.NetworkMode}}") == "host"
        assert container(head, "{{.HostConfig.ShmSize}}") == str(1 << 30)
        assert "/tmp/ray:/tmp/ray" in container(head, "{{.HostConfig.Binds}}")
        assert container(head, "{{.HostConfig.RestartPolicy.Name}}") == "unless-stopped"
        assert int(container(head, "{{.Config.StopTimeout}}")) > 30
        words = container(head, "{{json .Config.Cmd}}")
        # what keeps Ray's folders small is beside it
        assert words.startswith('["sh","-c"') and '"ray","start","--head"' in words
        assert words.endswith('"--block"]')
        assert container(head, "{{json .HostConfig.LogConfig.Config}}").count("max-") == 2

    def test_logs_lie_on_the_host_s_side(self, cluster):
        for host in cluster.hosts:
            assert sh(host, "ls /tmp/ray/session_latest/logs/raylet.out")

    def test_the_token_is_no_argument(self, cluster):
        head = cluster.hosts[0]
        token = sh(head, "cat /root/.rayfab/test/token")
        assert len(token) == 64
        assert token not in container(head, "{{json .Config.Cmd}}{{json .Args}}")
        assert token not in sh(head, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert not sh(head, "ls /root/.rayfab/test").count("container.env")


class TestLater:
    def test_again_changes_nothing(self, cluster):
        before = [container(h, "{{.Id}} {{.State.StartedAt}}") for h in cluster.hosts]
        assert "2 hosts up to date" in ok(cluster.fab("deploy-cluster"))
        assert [container(h, "{{.Id}} {{.State.StartedAt}}") for h in cluster.hosts] == before

    def test_a_changed_option_replaces_the_container_of_exactly_that_host(self, cluster, tmp_path):
        touched = cluster.hosts[1]
        path = helpers.write_hosts_file(
            tmp_path, cluster.hosts, runtime="docker", settings={"docker": {"shm_size": "1gb"}},
            per_host={touched.name: {"cpus": 1}},
        )  # fmt: skip
        before = [container(h, "{{.Id}}") for h in cluster.hosts]
        ok(cluster.fab("deploy-cluster", hosts_file=path))
        after = [container(h, "{{.Id}}") for h in cluster.hosts]
        assert after[0] == before[0]
        assert after[1] != before[1]
        assert [n["cpus"] for n in status(cluster.fab, path)["nodes"]][1] == 1
        ok(cluster.fab("deploy-cluster"))

    def test_logs_of_a_node_whose_container_is_dead(self, cluster):
        sh(cluster.hosts[1], f"docker kill {NAME}")
        out = ok(cluster.fab("logs", "--host", cluster.hosts[1].name))
        assert "raylet.out" in out
        assert "container" in out
        ok(cluster.fab("deploy-cluster"))

    def test_exec_and_submit_run_inside(self, cluster):
        out = ok(cluster.fab("exec", "--", "ray", "--version"))
        assert out.count("ray, version 2.60.0") == 2
        job = "import ray; ray.init(); print('nodes', len(ray.nodes()))"
        out = ok(cluster.fab("submit", "--", "python", "-c", job))
        assert re.search("nodes [2-9]", out)

    def test_a_job_s_source_is_for_the_container_s_user_alone(self, cluster):
        head = cluster.hosts[0]
        code = "import os; print(os.getuid(), open('fabfile.py').read(14))"
        out = ok(cluster.fab("submit", "--", "python", "-c", code, "fabfile.py"))
        uid = sh(head, f"docker exec {NAME} id -u")
        assert uid != "0"
        assert f"\n{uid} " in out
        copies = "find /tmp/ray/session_*/ -path '*working_dir_files/*/fabfile.py'"
        assert set(sh(head, f"{copies} -printf '%m %U\\n'").splitlines()) == {f"600 {uid}"}
        assert sh(head, f"docker exec -u 0 {NAME} find / -xdev -name 'rayfab-job-*'") == ""
        assert sh(head, "find /root /tmp -name 'rayfab-job-*'") == ""

    def test_a_program_that_is_not_in_the_container(self, cluster):
        done = cluster.fab("exec", "--", "no-such-program", "x")
        assert done.returncode == 1
        assert done.stdout.count(" no-such-program: there is no such program") == 2
        assert "OCI" not in done.stdout

    def test_a_job_that_is_not_waited_for_is_found_again(self, cluster):
        said = ok(
            cluster.fab("submit", "--no-wait", "--", "sh", "-c", "sleep 1; echo here $((6 * 7)); sleep 600")
        )
        shown, end = (
            shlex.split(line.strip().split("   ")[0])[1:] for line in said.splitlines() if "fab jobs" in line
        )
        shown.remove("--follow")
        until(lambda: "here 42" in ok(helpers.run_fab(cluster.home, *shown)), 60)
        assert ": stopped" in ok(helpers.run_fab(cluster.home, *end, "--yes"))

    def test_a_job_that_fails(self, cluster):
        done = cluster.fab("submit", "--", "sh", "-c", "echo last $((6 * 7)); exit 3")
        assert done.returncode == 1
        assert "last 42" in done.stdout
        assert "failed: " in done.stdout

    def test_a_reboot_of_the_head_brings_the_cluster_back(self, cluster):
        cluster.hosts[0].reboot()
        until(lambda: status(cluster.fab, cluster.path)["healthy"], 180)

    def test_stopped_stays_stopped_over_a_reboot(self, cluster):
        ok(cluster.fab("stop"))
        cluster.hosts[1].reboot()
        assert raylet(cluster.hosts[1]) == ""
        assert "a task ran on each" in ok(cluster.fab("start"))

    def test_a_missing_image_is_reported_before_anything_starts(self, cluster, tmp_path):
        path = helpers.write_hosts_file(
            tmp_path,
            cluster.hosts,
            runtime="docker",
            settings={"docker": {"image": "rayproject/ray-ml:0.0.0"}},
        )
        before = [container(h, "{{.Id}}") for h in cluster.hosts]
        done = cluster.fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert "rayproject/ray-ml:0.0.0" in done.stdout
        assert [container(h, "{{.Id}}") for h in cluster.hosts] == before

    def test_a_stopped_engine_is_reported(self, cluster):
        host = cluster.hosts[1]
        sh(host, "systemctl stop docker.socket docker")
        try:
            done = cluster.fab("check")
        finally:
            sh(host, "systemctl start docker")
        assert done.returncode == 1
        assert f"{host.name}: Docker's engine is not running" in done.stdout
        assert "systemctl start docker" in done.stdout


class TestZDestroy:
    def test_removes_container_and_logs_and_leaves_the_image(self, cluster):
        ok(cluster.fab("deploy-cluster"))
        ok(cluster.fab("destroy", "--yes"))
        for host in cluster.hosts:
            assert sh(host, "docker ps -aq") == ""
            assert sh(host, "ls -A /root /tmp | grep -i ray || true") == ""
            assert "rayproject/ray-ml" in sh(host, "docker images")
            assert host.exec("test -e /etc/tmpfiles.d/rayfab-test.conf")[0] != 0
        for host, before in zip(cluster.hosts, cluster.before, strict=True):
            left_alone(host, before)
