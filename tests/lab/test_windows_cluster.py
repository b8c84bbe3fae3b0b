"""Windows hosts: a Linux head and a worker on Docker Desktop, over what answers as Windows' OpenSSH server does.

The worker's sshd, PowerShell and Docker Desktop are stand-ins; its engine, container and Ray are real.
"""

from __future__ import annotations

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, sh, status, until
from tests.lab.windows_host import DRIVE, WindowsHost

NAME = "rayfab-test"
HOME = f"{DRIVE}/Users/me"


class Cluster:
    def __init__(self, lab, hosts, folder, shell):
        self.head, below = hosts
        self.windows = WindowsHost(below, shell)
        self.path = helpers.write_hosts_file(
            folder,
            hosts,
            runtime="docker",
            settings={"docker": {"shm_size": "1gb"}},
            per_host={below.name: self.windows.entry()},
        )
        self.home = folder / "home"

    def fab(self, *args, hosts_file=None, **more):
        done = helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)
        assert self.windows.sshd.wrong == []
        return done


@pytest.fixture(scope="module")
def cluster(lab, fresh_hosts, tmp_path_factory):
    registry = lab.start_registry()
    hosts = fresh_hosts(2, flavour="docker")
    for host in hosts:
        registry.serve(host)
    made = Cluster(lab, hosts, tmp_path_factory.mktemp("windows"), "cmd")
    made.first = made.fab("deploy-cluster", timeout=900)
    ok(made.first)
    yield made
    made.windows.close()


def test_a_task_ran_on_the_windows_host(cluster):
    assert "2 hosts run Ray 2.60.0; a task ran on each" in cluster.first.stdout
    said = status(cluster.fab, cluster.path)
    assert said["healthy"]
    assert [n["node_ip"] for n in said["nodes"]] == [cluster.head.address, cluster.windows.host.address]


def test_its_container_is_on_a_bridge_and_keeps_its_folder_in_the_user_s_home(cluster):
    below = cluster.windows.host
    assert sh(below, f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {NAME}") == "bridge"
    run = next(
        words for words in cluster.windows.machine.started if words[1:2] == ["run"] and "--detach" in words
    )
    assert run[run.index("--volume") + 1] == r"C:\Users\me\tmp\ray:/tmp/ray"
    assert sh(below, f"ls {HOME}/tmp/ray/session_2*/logs/raylet.out")


def test_the_token_is_in_a_folder_that_is_closed_and_in_no_argument(cluster):
    below = cluster.windows.host
    token = sh(below, f"cat {HOME}/.rayfab/test/token")
    assert len(token) == 64
    assert r"C:\Users\me\.rayfab" in cluster.windows.machine.closed_to_others
    assert token not in repr(cluster.windows.machine.started)
    assert token not in sh(below, f"docker inspect -f '{{{{json .Config.Cmd}}}}{{{{json .Args}}}}' {NAME}")
    assert "container.env" not in sh(below, f"ls {HOME}/.rayfab/test")


def test_again_changes_nothing(cluster):
    before = sh(cluster.windows.host, f"docker inspect -f '{{{{.Id}}}} {{{{.State.StartedAt}}}}' {NAME}")
    assert "2 hosts up to date" in ok(cluster.fab("deploy-cluster"))
    assert (
        sh(cluster.windows.host, f"docker inspect -f '{{{{.Id}}}} {{{{.State.StartedAt}}}}' {NAME}") == before
    )


def test_logs_also_of_a_node_whose_container_is_dead(cluster):
    name = cluster.windows.name
    sh(cluster.windows.host, f"docker kill {NAME}")
    out = ok(cluster.fab("logs", "--host", name))
    assert "raylet.out" in out
    assert "container" in out

    def problems():
        return {n["name"]: n["problem"] for n in status(cluster.fab, cluster.path)["nodes"]}

    # Ray's head takes its time to notice
    until(lambda: problems() == {cluster.head.name: None, name: "stopped"}, 90)
    ok(cluster.fab("deploy-cluster"))


def test_exec_runs_inside_as_the_image_s_user(cluster):
    out = ok(cluster.fab("exec", "--", "sh", "-c", 'echo "$(id -un)" "$0"; ray --version', 'a "b" \\ c 中文'))
    lines = [line.split(maxsplit=1)[1].strip() for line in out.splitlines() if NAME.split("-")[0] in line]
    assert lines.count('ray a "b" \\ c 中文') == 2
    assert out.count("ray, version 2.60.0") == 2


def test_stopped_and_destroyed_leaves_nothing(cluster):
    below = cluster.windows.host
    ok(cluster.fab("stop"))
    assert sh(below, f"docker inspect -f '{{{{.State.Status}}}}' {NAME}") == "exited"
    ok(cluster.fab("destroy", "--yes"))
    assert sh(below, f"docker ps -aq -f name={NAME}") == ""
    until(lambda: sh(below, f"ls -A {HOME}") == "", 5)


@pytest.fixture(scope="module")
def other(cluster, tmp_path_factory):
    """`fab` for a Windows head, its sshd with PowerShell as its default shell, and a Linux worker.

    Ray's folder on the Windows host holds no sockets there, as one that Docker Desktop mounts.
    """
    folder = tmp_path_factory.mktemp("windows-head")
    below, worker = cluster.windows.host, cluster.head
    windows = WindowsHost(below, "powershell")
    windows.mount_without_sockets()
    path = helpers.write_hosts_file(
        folder,
        [below, worker],
        runtime="docker",
        settings={"docker": {"shm_size": "1gb"}},
        per_host={below.name: windows.entry()},
    )

    def fab(*args, hosts_file=path, **more):
        done = helpers.run_fab(folder / "home", *args, hosts_file=hosts_file, **more)
        assert windows.sshd.wrong == []
        return done

    assert "2 hosts run Ray 2.60.0; a task ran on each" in ok(fab("deploy-cluster", timeout=600))
    yield fab
    windows.close()


@pytest.mark.matrix  # the scripts of a head and of a worker are the same on Windows, but for ports
class TestHead:
    """As in the recipe; the hosts have swapped their parts."""

    def test_logs_come_over_from_where_the_sockets_are(self, cluster, other):
        below = cluster.windows.host
        assert sh(below, f"docker exec {NAME} sh -c 'ls /var/tmp/ray/session_latest/sockets'")
        until(lambda: below.exec(f"ls {HOME}/tmp/ray/session_2*/logs/gcs_server.out").rc == 0, 20)
        out = ok(other("logs", "--host", below.name, "--component", "gcs"))
        assert "gcs_server.out" in out

    def test_the_lock_of_a_run_that_died_is_taken_over(self, cluster, other):
        cluster.windows.host.write_file(
            f"{HOME}/.rayfab/test/lock", "10.9.9.9 4242 127.0.0.1 22 bob@elsewhere"
        )
        said = ok(other("deploy-cluster"))
        assert "took over the lock of a run that has died: bob@elsewhere" in said
        assert "2 hosts up to date" in said

    def test_a_job_uses_both_nodes(self, other):
        out = ok(
            other("submit", "--", "python", "-c", "import ray; ray.init(); print('nodes', len(ray.nodes()))")
        )
        assert "nodes 2" in out

    def test_a_job_brings_its_folder_along(self, other):
        code = "import os; print('here', os.path.isfile('fabfile.py'))"
        assert "here True" in ok(other("submit", "--", "python", "-c", code, "fabfile.py"))

    def test_destroy_leaves_nothing_on_the_windows_host(self, cluster, other):
        ok(other("destroy", "--yes"))
        assert (
            sh(
                cluster.windows.host,
                f"docker ps -aq -f name={NAME}; ls -A {HOME}/.rayfab {HOME}/tmp/ray 2>/dev/null || true",
            )
            == ""
        )
