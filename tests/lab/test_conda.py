"""`runtime: conda` on real hosts: Python 3.7, Ray 2.7.2, as root and as a plain user, on hosts that have no Python.

Miniconda and its channels are a stand-in (tests/standins/conda): real Pythons, packages and solver, but not Anaconda's.
"""

from __future__ import annotations

import json

import pytest

from tests.lab.story import ok, raylet, sh, status, until

PYTHON = "3.7.16"
TASK = """
import platform, ray
ray.init(address="auto", log_to_driver=False)
@ray.remote(num_cpus=0.1)
def where():
    return ray.util.get_node_ip_address(), platform.python_version(), ray.__version__
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as on
nodes = [n["NodeID"] for n in ray.nodes() if n["Alive"]]
print(sorted(ray.get([where.options(scheduling_strategy=on(n, soft=False)).remote() for n in nodes])))
"""


def settings(mirror, **conda):
    known = {"python": PYTHON, "packages": ["ray[default]"], "accept_terms": True}
    return {
        "conda": {**known, **conda},
        "mirrors": {"conda": mirror.pkgs, "miniconda": mirror.installers},
    }


@pytest.fixture(scope="module")
def hosts(fresh_hosts):
    """Head and a worker of root's, and one whose user may do nothing but log in; none of them has a Python."""
    made = fresh_hosts(3, "bare")
    made[2].add_user("alice")
    # as root of that machine would for a user who may not
    sh(made[2], "loginctl enable-linger alice")
    return made


@pytest.fixture
def path(hosts, conda_mirror, hosts_file):
    return hosts_file(
        hosts, "conda", settings=settings(conda_mirror), per_host={hosts[2].name: {"user": "alice"}}
    )


def home(host, hosts):
    return "/home/alice" if host is hosts[2] else "/root"


class TestStory:
    """In the order of the file: what one test leaves is what the next one begins with."""

    def test_deploys_the_recipe_s_ray_where_no_python_is(self, hosts, path, fab):
        assert hosts[0].exec("command -v python3")[0] != 0
        out = ok(fab("deploy-cluster", hosts_file=path, timeout=600))
        assert "3 hosts run Ray 2.7.2; a task ran on each" in out
        said = status(fab, path)
        assert said["healthy"] and (said["ray"], said["python"]) == ("2.7.2", PYTHON)
        assert {n["runtime"] for n in said["nodes"]} == {"conda"}
        assert sh(hosts[2], "cat /home/alice/.rayfab/test/service") == "user"
        assert sh(hosts[0], "cat /root/.rayfab/test/service") == "system"

    def test_ray_says_so_itself(self, hosts, path, fab):
        out = ok(fab("exec", "--limit", hosts[0].name, "--", "ray", "status", hosts_file=path))
        assert out.count("node_") == 3
        out = ok(fab("exec", "--limit", hosts[0].name, "--", "python", "-c", TASK, hosts_file=path))
        for host in hosts:
            assert f"('{host.address}', '{PYTHON}', '2.7.2')" in out

    def test_a_job_shows_all_that_it_writes(self, path, fab):
        out = ok(fab("submit", "--", "python", "-c", TASK + "print('last', 6 * 7)", hosts_file=path))
        assert out.count(PYTHON) == 3
        assert "last 42" in out

    def test_the_dashboard_shows_every_node(self, hosts):
        host = hosts[0]
        sh(host, "(echo > /dev/tcp/127.0.0.1/8265) 2>/dev/null || bash -c 'echo > /dev/tcp/127.0.0.1/8265'")
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8265/nodes?view=summary').read().decode())"
        said = json.loads(sh(host, f'/root/.rayfab/test/env/bin/python -c "{ask}"'))
        shown = {n["ip"]: n["raylet"]["state"] for n in said["data"]["summary"]}
        assert shown == {h.address: "ALIVE" for h in hosts}

    def test_all_have_the_same_packages(self, hosts):
        lists = set()
        for host in hosts:
            env = f"{home(host, hosts)}/.rayfab/test/env"
            pip = f"{env}/bin/python -B -m pip list --format=freeze --disable-pip-version-check"
            lists.add(sh(host, pip))
        assert len(lists) == 1
        assert "ray==2.7.2" in lists.pop()

    def test_the_environment_is_the_user_s_to_activate(self, hosts):
        activate = ". ~/miniconda3/bin/activate ray && python -V && command -v ray"
        out = sh(hosts[0], f"HOME=/root bash -c '{activate}'")
        assert f"Python {PYTHON}" in out
        assert out.endswith("/bin/ray")

    def test_no_start_up_file_was_touched(self, hosts):
        assert hosts[2].exec("grep -l conda /home/alice/.bashrc /home/alice/.profile")[0] != 0
        assert hosts[2].exec("test -e /home/alice/.condarc")[0] != 0

    def test_again_it_changes_nothing(self, hosts, path, fab):
        before = [raylet(h) for h in hosts]
        assert "nothing was changed" in ok(fab("deploy-cluster", hosts_file=path))
        assert [raylet(h) for h in hosts] == before

    def test_a_deleted_file_is_found_and_repaired(self, hosts, path, fab):
        env = "/root/.rayfab/test/env"
        sh(hosts[1], f"rm {env}/lib/python3.7/site-packages/ray/_private/worker.py")
        before = [raylet(h) for h in hosts]
        out = ok(fab("deploy-cluster", hosts_file=path))
        assert "3 hosts run Ray 2.7.2" in out
        assert [raylet(h) for h in hosts] == before, (
            "Ray goes on while the environment is made again beside it"
        )
        sh(hosts[1], f"test -s {env}/lib/python3.7/site-packages/ray/_private/worker.py")

    def test_comes_back_after_a_reboot(self, hosts, path, fab):
        for host in hosts[1:]:
            host.reboot()
        until(lambda: status(fab, path)["healthy"], 120)

    @pytest.mark.matrix  # tests/phases/test_upgrade_phases.py shows it on made-up hosts
    def test_a_change_that_fails_leaves_the_old_cluster_running(
        self, hosts, path, fab, conda_mirror, hosts_file
    ):
        before = [raylet(h) for h in hosts]
        more = settings(conda_mirror, packages=["ray[default]", "emoji"])
        changed = hosts_file(
            hosts, "conda", settings=more, per_host={hosts[2].name: {"user": "alice"}}, name="changed.yml"
        )
        sh(hosts[1], "mount -t tmpfs -o size=64k none /root/.rayfab/.store")
        try:
            done = fab("deploy-cluster", hosts_file=changed, timeout=600)
        finally:
            sh(hosts[1], "umount /root/.rayfab/.store")
        assert done.returncode == 1
        assert "the disk is full" in done.stdout
        assert "the cluster keeps running unchanged" in done.stdout
        assert [raylet(h) for h in hosts] == before
        assert status(fab, path)["healthy"]
        ok(fab("deploy-cluster", hosts_file=changed, timeout=600))
        out = ok(
            fab(
                "exec",
                "--",
                "python",
                "-c",
                "import emoji; print('emoji', emoji.__name__)",
                hosts_file=changed,
            )
        )
        assert out.count("emoji emoji") == 3
        # one environment is left: the one that runs
        assert sh(hosts[0], "ls /root/.rayfab/test/envs | wc -l") == "1"

    def test_a_host_with_another_python_is_reported_before_any_change(
        self, hosts, conda_mirror, fab, hosts_file, fresh_host
    ):
        other = fresh_host("python")
        path = hosts_file(
            [*hosts, other],
            "conda",
            settings=settings(conda_mirror, packages=["ray[default]", "emoji"]),
            per_host={
                hosts[2].name: {"user": "alice"},
                other.name: {"runtime": "uv", "uv": {"python": "3.11"}},
            },
            name="mixed.yml",
        )
        before = [raylet(h) for h in hosts]
        done = fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 1
        assert f"uv.python is 3.11, but the rest of the cluster has Python {PYTHON}" in done.stdout
        assert [raylet(h) for h in hosts] == before
        assert other.exec("test -e /root/.rayfab/test/envs")[0] != 0

    def test_destroy_leaves_conda_and_purge_takes_ours(self, hosts, path, fab):
        out = ok(fab("destroy", "--yes", "--limit", hosts[1].name, hosts_file=path))
        assert "conda stays in /root/miniconda3" in out
        sh(hosts[1], "/root/miniconda3/bin/conda --version")
        assert hosts[1].exec("test -e /root/.conda")[0] != 0
        ok(fab("destroy", "--yes", "--purge", hosts_file=path))
        for host in (hosts[0], hosts[2]):
            where = home(host, hosts)
            left = sh(host, f"find {where} /tmp -iname '*ray*' -o -iname '*conda*'")
            assert left == "", sh(host, f"find {left} -ls")
            assert raylet(host) == ""
