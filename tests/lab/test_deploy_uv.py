"""A cluster of three real hosts with the runtime uv: deployed once for the module, then looked at."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import itertools
import json
import os
import re
import shlex
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request

import pytest

from tasks.testbed.engine import ROOT
from tests.lab import hosts as helpers
from tests.lab.remains import healthy, left_alone, snapshot
from tests.lab.story import ok, raylet, sessions_begun, sh, status, until
from tests.terminal import Terminal


class Cluster:
    """Three hosts, their file, and `fab` with a home that lasts for the module."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home
        self.head, *self.workers = hosts

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)

    def begin(self, *args):
        return helpers.begin_fab(self.home, *args, hosts_file=self.path)

    def raylets(self):
        return [raylet(h) for h in self.hosts]


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uv")
    hosts = fresh_hosts(3, flavour="python")
    for host in hosts:
        host.set_sshd(extra="LogLevel VERBOSE")
    path = helpers.write_hosts_file(folder, hosts)
    made = Cluster(hosts, path, folder / "home")
    made.before = [snapshot(h) for h in hosts]
    made.planned = made.fab("deploy-cluster", "--dry-run")
    for host, before in zip(hosts, made.before, strict=True):
        left_alone(host, before)
    made.first = made.fab("deploy-cluster")
    ok(made.first)
    return made


def jobs(head) -> list[dict]:
    """What the dashboard lists as jobs."""
    code = (
        "import os, urllib.request as u; token = open(os.environ['RAY_AUTH_TOKEN_PATH']).read().strip();"
        "r = u.Request('http://127.0.0.1:8265/api/jobs/', headers={'Authorization': 'Bearer ' + token});"
        "print(u.urlopen(r).read().decode())"
    )
    return json.loads(sh(head, f'. /root/.rayfab/test/env.sh; python -c "{code}"'))


@pytest.fixture(autouse=True)
def repaired(cluster):
    """Each test finds the cluster whole, whatever the one before it did."""
    if not status(cluster.fab, cluster.path)["healthy"]:
        ok(cluster.fab("deploy-cluster"))


class TestADryRun:
    def test_shows_every_script_and_leaves_the_hosts_alone(self, cluster):
        """That they are left alone is looked at in the fixture, before the deploy."""
        out = ok(cluster.planned)
        for title in ("install Ray with uv", "start the head", "start the worker"):
            assert f"\n# rayfab: {title}\n" in out
        assert "dry run: nothing was changed; 3 of 3 hosts would be" in out


class TestDeploy:
    def test_leaves_nothing_in_ray_s_lists_of_jobs_and_tasks(self, cluster):
        """The first of all tests: what another one runs is listed, of course."""
        assert status(cluster.fab, cluster.path)["healthy"]
        assert jobs(cluster.head) == []
        env = ". /root/.rayfab/test/env.sh; RAY_ADDRESS=http://127.0.0.1:8265; export RAY_ADDRESS;"
        for what in ("jobs", "tasks"):
            assert sh(cluster.head, f"{env} ray list {what} 2>/dev/null") == "No resource in the cluster"

    def test_says_that_a_task_ran_on_each_of_the_three(self, cluster):
        assert "3 hosts run Ray" in cluster.first.stdout
        assert "a task ran on each" in cluster.first.stdout

    def test_names_the_next_commands(self, cluster):
        for command in ("status", "dashboard", "submit", "logs"):
            assert re.search(rf"fab {command}\b", cluster.first.stdout)

    def test_ray_itself_knows_three_nodes_by_their_own_addresses(self, cluster):
        ips = "n['NodeManagerAddress'] for n in ray.nodes() if n['Alive']"
        code = f"import ray; ray.init(log_to_driver=False); print(sorted({ips}))"
        out = sh(cluster.head, f'. /root/.rayfab/test/env.sh; python -c "{code}" 2>/dev/null')
        assert out == str(sorted(h.address for h in cluster.hosts))

    def test_status_as_json_has_the_contract_s_shape(self, cluster):
        said = status(cluster.fab, cluster.path)
        assert said["healthy"] is True
        assert said["address"] == f"{cluster.head.address}:6379"
        assert [n["role"] for n in said["nodes"]] == ["head", "worker", "worker"]
        assert said["version"] == 1
        assert set(said) == {
            "version",
            "cluster",
            "healthy",
            "ray",
            "python",
            "address",
            "dashboard",
            "head_state",
            "nodes",
        }
        for node in said["nodes"]:
            assert node["alive"] and node["problem"] is None and node["cpus"] > 0
            assert set(node) == {
                "host", "name", "role", "node_ip", "alive", "runtime", "ray", "python", "cpus", "gpus", "problem",
                "state", "since", "starts",
            }  # fmt: skip

    @pytest.mark.parametrize("columns", [80, 60])
    def test_status_fits_a_terminal(self, cluster, columns):
        argv = [helpers.ROOT / "fab", "status", "--hosts-file", cluster.path]
        home = {"HOME": str(cluster.home), "SSH_AUTH_SOCK": None, "RAY_HOSTS_FILE": None}
        with Terminal(argv, columns=columns, env=home) as terminal:
            assert terminal.wait(60) == 0
            lines = terminal.lines
        at = next(n for n, line in enumerate(lines) if line.startswith("host "))
        assert lines[at].split() == ["host", "role", "node", "ip", "state"]
        roles = ["head", "worker", "worker"]
        expected = [[h.name, role, h.address, "alive"] for h, role in zip(cluster.hosts, roles, strict=True)]
        assert [line.split() for line in lines[at + 1 : at + 4]] == expected
        end = next(n for n, line in enumerate(lines) if line.startswith("✓ test is healthy"))
        assert lines[end - 1] == ""
        rest = " ".join(line.strip() for line in lines[at + 4 : end - 1])
        assert rest.startswith("all: uv, Ray ")
        assert "the head's state is kept since 20" in rest
        assert rest.endswith("its restart keeps workers, their actors and placement groups")


class TestJob:
    def test_a_job_gets_its_folder_and_its_arguments(self, cluster):
        code = "import os, sys; print('here', os.path.isfile('fabfile.py'), sys.argv[2:])"
        out = ok(cluster.fab("submit", "--", "python", "-c", code, "fabfile.py", "$HOME `id` 'x'"))
        assert """here True ["$HOME `id` 'x'"]""" in out

    def test_its_source_is_for_ray_s_user_alone_though_the_connection_is_cut(self, cluster):
        code = "import pathlib, time; print('begun', pathlib.Path().absolute(), flush=True); time.sleep(600)"
        with cluster.begin("submit", "--", "python", "-c", code, "fabfile.py") as process:
            said = itertools.takewhile(lambda line: not line.startswith("begun"), process.stdout)
            job = re.search(r"job (\S+) submitted", "".join(said)).group(1)
            # nothing of this project's is left while the job runs; Ray's own copy is not for everybody to read
            assert sh(cluster.head, "find / -xdev -name 'rayfab-job-*' -print") == ""
            (copy,) = sh(
                cluster.head, "find /tmp/ray/session_latest/ -path '*working_dir_files/*/fabfile.py' -mmin -1"
            ).splitlines()
            assert sh(cluster.head, f"cat {copy}") == (ROOT / "fabfile.py").read_text().strip()
            assert cluster.head.exec(["cat", copy], user="nobody").rc == 1
            process.kill()
        (found,) = [j for j in jobs(cluster.head) if j["submission_id"] == job]
        assert found["status"] == "RUNNING"
        until(lambda: sh(cluster.head, "pgrep -fc 'rayfab-jo[b]' || true") == "0", 60)
        assert sh(cluster.head, "find / -xdev -name 'rayfab-job-*' -print") == ""
        ok(cluster.fab("exec", "--limit", cluster.head.name, "--", "ray", "job", "stop", job))

    @pytest.mark.parametrize(
        ("cut", "reason"),
        [
            # as when memory runs out: the script, and what it has started
            ("pkill -KILL -xf 'sh -s'; pkill -KILL -f 'rayfab-jo[b]'", "the script was killed"),
            ("pkill -KILL -f 'sshd: root@nott[y]'", "the connection to .* broke"),
        ],
    )
    def test_a_job_whose_channel_closes_is_followed_again(self, cluster, cut, reason):
        code = "import time; print('begun', flush=True); time.sleep(600)"
        with cluster.begin("submit", "--", "python", "-c", code) as process:
            said = "".join(itertools.takewhile(lambda line: not line.startswith("begun"), process.stdout))
            job = re.search(r"job (\S+) submitted", said).group(1)
            sh(cluster.head, cut)
            again = list(itertools.takewhile(lambda line: "followed again" not in line, process.stdout))
            assert any(cluster.head.name in line and re.search(reason, line) for line in again), again
            assert f"job {job}: stopped" in ok(cluster.fab("jobs", "stop", job, "--yes"))
            rest = process.stdout.read()
            assert process.wait(60) == 1
        assert f"job {job}: stopped" in rest and "begun" not in rest

    @pytest.mark.parametrize(
        ("cut", "reason"),
        [
            ("pkill -KILL -xf 'sh -s'; pkill -KILL -xf 'sleep 654'", "the script was killed"),
            (
                "pkill -KILL -f 'sshd: root@nott[y]'; pkill -KILL -xf 'sleep 654'",
                "the connection to .* broke",
            ),
        ],
    )
    def test_a_command_whose_channel_closes_before_its_end_is_a_failure(self, cluster, cut, reason):
        name = cluster.head.name
        command = ("exec", "--limit", name, "--", "sh", "-c", "echo begun; sleep 654; true")
        with cluster.begin(*command) as process:
            assert any("begun" in line for line in iter(process.stdout.readline, "") if "Run" not in line)
            sh(cluster.head, cut)
            rest = process.stdout.read()
            assert process.wait(60) == 1
        assert name in rest and re.search(reason, rest)

    def test_ctrl_c_names_the_job_and_the_command_that_stops_it_works(self, cluster):
        code = "import time; print('begun', flush=True); time.sleep(600)"
        with cluster.begin("submit", "--", "python", "-c", code) as process:
            said = "".join(itertools.takewhile(lambda line: not line.startswith("begun"), process.stdout))
            job = re.search(r"job (\S+) submitted", said).group(1)
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(60) == 130
        assert f"✗ interrupted\n! job {job} goes on on the cluster:" in rest
        (line,) = [line for line in rest.splitlines() if "fab jobs" in line and " stop " in line]
        stop = shlex.split(line.strip().rpartition("   ")[0])[1:]
        assert f"job {job}: stopped" in ok(helpers.run_fab(cluster.home, *stop, "--yes"))

    def test_ctrl_c_names_the_hosts_of_a_command_and_the_command_that_ends_it_works(self, cluster):
        head = cluster.head
        with cluster.begin(
            "exec", "--limit", head.name, "--", "sh", "-c", "echo begun; sleep 655; true"
        ) as process:
            assert any("begun" in line for line in iter(process.stdout.readline, "") if "Run" not in line)
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(60) == 130
        assert f"! sh may still run on {head.name}:" in rest
        (line,) = [line for line in rest.splitlines() if "pkill" in line]
        helpers.run_fab(cluster.home, *shlex.split(line.strip().rpartition("   ")[0])[1:])
        until(lambda: head.exec("pgrep -f 'echo begu[n]'")[0] != 0, 20)
        sh(head, "pkill -xf 'sleep 655' || true")

    def test_a_module_gets_the_folder_that_is_named(self, cluster, tmp_path):
        (tmp_path / "pkg").mkdir()
        (tmp_path / "pkg/train.py").write_text("print('trained', 6 * 7)")
        said = ok(cluster.fab("submit", "--working-dir", str(tmp_path), "--", "python", "-m", "pkg.train"))
        assert "trained 42" in said and f"✓ {tmp_path} goes along  1 file" in said

    def test_debug_shows_the_script_of_a_command(self, cluster):
        name = cluster.head.name
        out = ok(cluster.fab("exec", "--debug", "--limit", name, "--", "echo", "a b"))
        assert f"--- {name}: " in out and "'a b'" in out and "status 0" in out

    def test_a_program_that_is_not_there(self, cluster):
        done = cluster.fab("exec", "--", "no-such-program", "x")
        assert done.returncode == 1
        assert done.stdout.count(" no-such-program: there is no such program") == 3
        assert "sh: " not in done.stdout

    def test_a_file_of_the_home_with_ray_s_name_is_no_module(self, cluster):
        cluster.head.write_file("/root/ray.py", "raise SystemExit('wrong one')")
        ok(cluster.fab("deploy-cluster"))
        assert "done 42" in ok(cluster.fab("submit", "--", "sh", "-c", "echo done $((6 * 7))"))
        sh(cluster.head, "rm /root/ray.py")


class TestDashboard:
    """The real tunnel; what it leads to is asked as a browser asks."""

    @staticmethod
    def asked(url):
        try:
            return urllib.request.urlopen(url, timeout=20).status
        except urllib.error.HTTPError as error:
            return error.code  # without the token
        except OSError:
            return 0

    def test_lives_on_when_the_connection_breaks_and_ends_calmly(self, cluster):
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            cluster.begin("dashboard", "--port", str(taken.getsockname()[1])) as process,
        ):
            said = "".join(iter_until(process.stdout, "Ctrl-C"))
            url = re.search(r"http://127.0.0.1:\d+", said).group()
            assert "another one is taken" in said and self.asked(url) in (200, 401, 403)
            sh(cluster.head, "pkill -KILL -f 'sshd: root@nott[y]'")
            assert "broke" in "".join(iter_until(process.stdout, "answers again"))
            assert self.asked(url) in (200, 401, 403)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0

    def test_where_the_server_forbids_tunnels(self, cluster):
        cluster.head.set_sshd(extra="LogLevel VERBOSE\nAllowTcpForwarding no")
        try:
            done = cluster.fab("dashboard")
        finally:
            cluster.head.set_sshd(extra="LogLevel VERBOSE")
        assert done.returncode == 1
        assert "permits no tunnel" in done.stdout and "AllowTcpForwarding yes" in done.stdout
        assert "✓ http" not in done.stdout


def iter_until(lines, word):
    """The lines up to the first with that word, included."""
    for line in lines:
        yield line
        if word in line:
            return


class TestSsh:
    def test_runs_a_command_as_it_was_quoted(self, cluster):
        name = cluster.workers[0].name
        done = cluster.fab(
            "ssh", "--host", name, "--", "sh", "-c", 'hostname; echo "[$0]" >&2; exit 7', "a  'b' $HOME"
        )
        assert (done.returncode, done.stdout.splitlines()[-1]) == (7, name)
        assert done.stderr.splitlines()[-1] == "[a  'b' $HOME]"

    def test_needs_one_host(self, cluster):
        done = cluster.fab("ssh", "--host", "*", "--", "hostname")
        assert done.returncode == 2 and "--host * means 3 hosts" in done.stderr

    def test_fabric_s_hosts_are_the_limit_and_a_task_runs_once(self, cluster):
        names = [host.name for host in cluster.workers]
        done = cluster.fab("exec", "-H", ",".join(names), "--", "hostname")
        assert sorted(re.findall(r"^\S+ (\S+)$", ok(done), re.MULTILINE)) == sorted(names)


class TestAgain:
    def test_changes_nothing_and_says_so(self, cluster):
        before = cluster.raylets()
        out = ok(cluster.fab("deploy-cluster"))
        assert "3 hosts up to date" in out
        assert cluster.raylets() == before

    def test_costs_at_most_three_exec_channels_a_host(self, cluster):
        before = [sessions_begun(h) for h in cluster.hosts]
        ok(cluster.fab("deploy-cluster"))
        spent = [sessions_begun(h) - b for h, b in zip(cluster.hosts, before, strict=True)]
        assert 1 <= max(spent) <= 3, spent

    def test_a_changed_option_restarts_exactly_the_host_that_it_touches(self, cluster, tmp_path):
        touched = cluster.workers[1]
        path = helpers.write_hosts_file(
            tmp_path,
            cluster.hosts,
            per_host={touched.name: {"ray": {"env": {"ODD": "a 'b' $(touch /pwned) 中文"}}}},
        )
        before = cluster.raylets()
        out = ok(cluster.fab("deploy-cluster", hosts_file=path))
        after = cluster.raylets()
        assert after[:2] == before[:2]
        assert after[2] != before[2]
        assert "a task ran on each" in out
        pid = after[2].split()[0]
        assert "ODD=a 'b' $(touch /pwned) 中文" in sh(touched, f"tr '\\0' '\\n' </proc/{pid}/environ")
        assert touched.exec("test -e /pwned")[0] != 0
        ok(cluster.fab("deploy-cluster"))
        assert cluster.raylets()[:2] == before[:2]

    def test_a_half_done_deploy_is_taken_up(self, cluster):
        worker = cluster.workers[0]
        before = cluster.raylets()
        sh(
            worker,
            "systemctl stop rayfab-test; rm -rf /root/.rayfab/test/envs/*/bin /root/.rayfab/test/state.json",
        )
        out = ok(cluster.fab("deploy-cluster"))
        assert "a task ran on each" in out
        assert cluster.raylets()[0] == before[0]
        assert cluster.raylets()[2] == before[2]

    def test_the_plan_names_what_would_change_and_changes_nothing(self, cluster, tmp_path):
        path = helpers.write_hosts_file(
            tmp_path, cluster.hosts, per_host={cluster.workers[0].name: {"labels": {"zone": "a"}}}
        )
        before = cluster.raylets()
        out = ok(cluster.fab("plan", hosts_file=path))
        assert re.search(rf"{cluster.workers[0].name} +restart +--labels added", out)
        assert "2 hosts" not in out.splitlines()[-1]
        assert cluster.raylets() == before


class TestSecrets:
    def test_the_token_is_in_no_output_and_in_no_argument_list(self, cluster):
        token = sh(cluster.head, "cat /root/.rayfab/test/token")
        assert len(token) == 64
        for args in (
            ("deploy-cluster", "--debug"),
            ("plan", "--scripts"),
            ("status", "--debug"),
            ("logs", "--component", "all"),
        ):
            done = cluster.fab(*args)
            assert token not in done.stdout + done.stderr, args
        for host in cluster.hosts:
            assert sh(host, "cat /root/.rayfab/test/token") == token
            assert sh(host, "stat -c %a /root/.rayfab/test/token") == "600"
            assert token not in sh(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")

    def test_without_the_token_nobody_gets_in(self, cluster):
        code = f"import ray; ray.init(address='{cluster.head.address}:6379')"
        wrong = "RAY_AUTH_TOKEN_PATH=; RAY_AUTH_TOKEN=wrong; export RAY_AUTH_TOKEN"
        script = f'. /root/.rayfab/test/env.sh; {wrong}; timeout 20 python -c "{code}" 2>&1; echo status $?'
        out = sh(cluster.head, script)
        assert "status 0" not in out
        assert re.search("(?i)unauthenticated|token", out)

    def test_the_dashboard_listens_on_loopback_only(self, cluster):
        out = sh(cluster.head, "awk '$4 == \"0A\" { print $2 }' /proc/net/tcp /proc/net/tcp6")
        assert re.search(r"0100007F:2049", out)
        assert not re.search(r"\b00000000:2049|0{32}:2049", out)


class TestLogs:
    def test_of_all_hosts_by_time_behind_their_names(self, cluster):
        out = ok(cluster.fab("logs", "--component", "raylet", "--lines", "5"))
        names = {line.split()[0] for line in out.splitlines()}
        assert names == {h.name for h in cluster.hosts}
        times = re.findall(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+)", out)
        assert len(times) > 5
        assert times == sorted(times)

    def test_of_a_node_whose_ray_is_dead(self, cluster):
        worker = cluster.workers[0]
        sh(worker, "systemctl stop rayfab-test")
        out = ok(cluster.fab("logs", "--host", worker.name, "--grep", "."))
        assert "raylet.out" in out
        assert "start.log" in out

    def test_grep_leaves_other_lines_out(self, cluster):
        out = ok(
            cluster.fab("logs", "--component", "start", "--lines", "99", "--grep", "Ray runtime started")
        )
        assert out.count("Ray runtime started") == 3
        assert len(out.splitlines()) == 3

    @pytest.mark.parametrize("cut", ["pkill -KILL -f 'sshd: root@nott[y]'", "pkill -KILL -xf 'sh -s'"])
    def test_followed_over_a_connection_that_breaks_no_line_is_lost_or_said_twice(self, cluster, cut):
        worker, file = cluster.workers[1], "/tmp/ray/session_latest/logs/raylet.err"
        with cluster.begin("logs", "--host", worker.name, "--component", "raylet", "--follow") as process:
            sh(worker, f"echo first line >>{file}")
            list(iter_until(process.stdout, "first line"))
            sh(worker, f"{cut}; echo meanwhile >>{file}")
            said = list(iter_until(process.stdout, "meanwhile"))
            sh(worker, f"echo last line >>{file}")
            said += list(iter_until(process.stdout, "last line"))
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        said = "".join(said)
        assert "connected again" in said and said.count("meanwhile") == 1 and "first line" not in said
        sh(worker, f"sed -i '/ line$/d; /^meanwhile$/d' {file}")

    def test_an_unknown_component_names_the_nearest(self, cluster):
        done = cluster.fab("logs", "--component", "raylett")
        assert done.returncode == 2
        assert "did you mean raylet?" in done.stdout + done.stderr


class TestAddWorker:
    @pytest.fixture
    def extra(self, lab):
        host = lab.add_host(flavour="python")
        yield host
        lab.remove_host(host)

    @pytest.fixture
    def path(self, cluster, tmp_path):
        copy = tmp_path / "lab-hosts.yml"
        copy.write_text("# our lab\n" + cluster.path.read_text() + "# the end\n")
        return copy

    def test_joins_it_writes_it_down_and_touches_no_other(self, cluster, path, extra):
        before = cluster.raylets()
        out = ok(cluster.fab("add-worker", "--host", extra.address, hosts_file=path))
        assert "added to lab-hosts.yml" in out
        assert cluster.raylets() == before
        text = path.read_text()
        assert text.startswith("# our lab\n")
        assert text.endswith("# the end\n")
        assert extra.address in text
        said = status(cluster.fab, path)
        assert said["healthy"]
        assert len(said["nodes"]) == 4
        # the file without it: Ray's table has one that is not listed
        assert status(cluster.fab, cluster.path)["healthy"] is False
        ok(cluster.fab("remove-worker", "--host", extra.address, hosts_file=path))
        assert extra.address not in path.read_text()
        assert raylet(extra) == ""

    def test_that_cannot_be_reached_is_not_written_down(self, cluster, path):
        before = path.read_bytes()
        done = cluster.fab("add-worker", "--host", "198.18.255.254", hosts_file=path)
        assert done.returncode == 1
        assert path.read_bytes() == before


class TestReboot:
    @pytest.fixture(autouse=True)
    def _calm(self, cluster):
        """Tests before these have ended Ray on purpose, so often that its nodes would count as restless."""
        for host in cluster.hosts:
            sh(host, "rm -f /root/.rayfab/test/starts")

    def test_of_a_worker(self, cluster):
        cluster.workers[0].reboot()
        until(lambda: status(cluster.fab, cluster.path)["healthy"], 90)

    def test_of_the_head(self, cluster):
        cluster.head.reboot()
        until(lambda: status(cluster.fab, cluster.path)["healthy"], 180)


@contextlib.contextmanager
def deploy_that_holds_the_lock(cluster):
    """A deploy, suspended while it holds the lock. A converged one holds it for a moment: try until it is caught."""

    def locked():
        return cluster.head.exec("test -L /root/.rayfab/test/lock")[0] == 0

    for _ in range(20):
        with cluster.begin("deploy-cluster") as deploy:
            until(lambda deploy=deploy: locked() or deploy.poll() is not None, 60, pause=0.05)
            deploy.send_signal(signal.SIGSTOP)
            try:
                if locked():
                    yield deploy
                    return
            finally:
                deploy.send_signal(signal.SIGCONT)
                deploy.communicate(timeout=120)
    raise AssertionError("no deploy was caught while it held the lock")


class TestLock:
    def test_a_second_run_at_the_same_time_ends_with_three_and_names_the_holder(self, cluster):
        with deploy_that_holds_the_lock(cluster) as first:
            second = cluster.fab("deploy-cluster")
        assert second.returncode == 3
        assert "locked by" in second.stdout
        assert "deploy-cluster" in second.stdout
        assert first.returncode == 0

    def test_it_can_be_waited_for(self, cluster):
        with deploy_that_holds_the_lock(cluster) as first:
            second = cluster.begin("deploy-cluster", "--lock-wait", "2m")
            assert any("waiting, " in line for line in iter(second.stdout.readline, ""))
        said, _ = second.communicate(timeout=120)
        assert (first.returncode, second.returncode) == (0, 0), said
        assert "nothing was changed" in said

    def test_a_dead_holder_s_lock_is_taken_over(self, cluster):
        sh(
            cluster.head,
            "ln -s '999999 1 0000 eve@far since long ago: deploy-cluster' /root/.rayfab/test/lock",
        )
        out = ok(cluster.fab("deploy-cluster"))
        assert "took over the lock" in out
        assert "eve@far" in out


class TestInPeoplesDays:
    """Files for all hosts, a status that is watched, hooks, and who is told."""

    def test_files_travel_once_from_here_and_then_from_host_to_host(self, cluster, tmp_path):
        source = tmp_path / "data"
        source.mkdir()
        (source / "model").write_bytes(os.urandom(3_000_000))
        (source / "run.sh").write_text("#!/bin/sh\n")
        (source / "run.sh").chmod(0o755)
        out = ok(cluster.fab("sync", f"{source}:/srv/days"))
        assert re.search(r"Send the files +1 host,", out)
        assert re.search(r"Copy them from host to host +2 hosts,", out)
        wanted = hashlib.sha256((source / "model").read_bytes()).hexdigest()
        for host in cluster.hosts:
            assert sh(host, "cd /srv/days && sha256sum model").startswith(wanted)
            assert sh(host, "stat -c %a /srv/days/run.sh") == "755"
            assert sh(host, "ls -A /root/.rayfab/test | grep sync || true") == ""
        assert "the same on 3 hosts; nothing was changed" in ok(cluster.fab("sync", f"{source}:/srv/days"))
        sh(cluster.workers[0], "echo other >/srv/days/run.sh; touch /srv/days/more")
        out = ok(cluster.fab("sync", f"{source}:/srv/days", "--delete", "--yes"))
        assert "host to host" not in out
        assert sh(cluster.workers[0], "ls /srv/days; cat /srv/days/run.sh") == "model\nrun.sh\n#!/bin/sh"
        for host in cluster.hosts:
            sh(host, "rm -r /srv/days")

    # tests/actions/test_watch.py shows the same with one host
    @pytest.mark.matrix
    def test_a_watched_status_logs_in_once(self, cluster):
        def logins(host):
            return int(sh(host, "journalctl -u ssh --no-pager | grep -c 'Accepted publickey' || true"))

        before = [logins(host) for host in cluster.hosts]
        watch = cluster.begin("status", "--watch", "--json")
        try:
            said = [json.loads(line) for line in itertools.islice(watch.stdout, 3)]
        finally:
            watch.send_signal(signal.SIGINT)
            watch.communicate(timeout=30)
        assert watch.returncode == 130
        assert [one["healthy"] for one in said] == [True] * 3
        assert [logins(host) for host in cluster.hosts] == [count + 1 for count in before]

    def test_hooks_around_a_start_share_its_lock_and_a_webhook_gets_the_result(self, cluster, tmp_path):
        worker = cluster.workers[1]
        got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nested = (
            f"cd {ROOT} && {sys.executable} -m fabric start --limit {worker.name} >{tmp_path}/nested 2>&1"
        )
        (tmp_path / "hook.sh").write_text("echo $RAYFAB_NODE_IP $RAYFAB_RAY >/root/joined\n")
        hooks = {"after_join": [{"script": "hook.sh"}, {"here": nested}]}
        settings = {"hooks": hooks, "notify": {"webhook": {"env": "HOOK_URL"}}}
        path = helpers.write_hosts_file(tmp_path, cluster.hosts, settings=settings)
        env = {"HOOK_URL": f"http://127.0.0.1:{server.server_port}/x", "NO_PROXY": "127.0.0.1"}
        events = tmp_path / "events"
        try:
            ok(cluster.fab("stop", "--limit", worker.name, "--yes", hosts_file=path, env=env))
            flags = ("--limit", worker.name, "--events", str(events))
            ok(cluster.fab("start", *flags, hosts_file=path, env=env))
        finally:
            server.shutdown()
        assert sh(worker, "cat /root/joined; rm /root/joined").startswith(worker.address)
        assert "locked by" not in (tmp_path / "nested").read_text()
        told = [one["text"].split(",")[0] for one in got]
        assert told[0] == "test: stop ok"
        # the nested one has ended first
        assert told[1:] == ["test: start ok", "test: start ok"]
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        assert lines[-1]["event"] == "result"
        assert [one["did"] for one in lines[-1]["hosts"] if one["host"] == worker.name] == [["started"]]


class TestCrash:
    def test_is_a_failure_for_systemd_and_the_node_comes_back(self, cluster):
        worker = cluster.workers[0]
        before = raylet(worker)
        sh(worker, f"kill -9 {before.split()[0]}")
        until(lambda: sh(worker, "systemctl show -P Result rayfab-test") == "exit-code", 20, pause=0.1)
        until(lambda: raylet(worker) not in ("", before), 60)
        assert sh(worker, "systemctl is-active rayfab-test") == "active"
        assert "Failed with result 'exit-code'" in sh(worker, "journalctl -u rayfab-test --no-pager")

    def test_that_is_stopped_leaves_no_failed_unit(self, cluster):
        worker = cluster.workers[0]
        sh(worker, "mkdir -p /run/systemd/system/rayfab-test.service.d")
        worker.write_file("/run/systemd/system/rayfab-test.service.d/no.conf", "[Service]\nRestart=no\n")
        sh(worker, "systemctl daemon-reload; pkill -KILL -x raylet")
        until(lambda: healthy(worker) == "degraded", 30)
        ok(cluster.fab("stop"))
        assert [healthy(h) for h in cluster.hosts] == ["running"] * 3
        sh(worker, "rm -r /run/systemd/system/rayfab-test.service.d; systemctl daemon-reload")
        ok(cluster.fab("start"))


class TestCommands:
    """`exec` on some hosts, in some order, in Ray's environment or beside it."""

    def test_equal_outputs_are_printed_once(self, cluster):
        out = ok(cluster.fab("exec", "--fold", "--", "echo", "the same"))
        assert out.count("\n  the same\n") == 1 and "(3):\n" in out

    def test_the_batch_in_which_one_fails_is_the_last(self, cluster):
        second = cluster.workers[0]
        sh(second, "touch /run/broken")
        done = cluster.fab(
            "exec", "--batch", "1", "--", "sh", "-c", "test ! -e /run/broken && touch /run/seen"
        )
        assert done.returncode == 1
        seen = [host.exec("test -e /run/seen && rm /run/seen")[0] == 0 for host in cluster.hosts]
        assert seen == [True, False, False], done.stdout

    def test_beside_ray_s_environment(self, cluster):
        script = "command -v ray || echo none"
        inside = ok(cluster.fab("exec", "--fold", "--", "sh", "-c", script))
        beside = ok(cluster.fab("exec", "--fold", "--in-host", "--", "sh", "-c", script))
        assert "/.rayfab/test/" in inside and "none" in beside and "/.rayfab/" not in beside


class TestStopStart:
    def test_what_is_in_a_state_is_chosen_by_it(self, cluster):
        first, second = cluster.workers
        before = cluster.raylets()
        ok(cluster.fab("stop", "--limit", second.name))
        assert second.name in (
            out := ok(cluster.fab("exec", "--in-host", "--limit", "state:stopped", "--", "id"))
        )
        assert first.name not in out
        ok(cluster.fab("start", "--limit", "state:stopped"))
        after = cluster.raylets()
        assert after[:2] == before[:2] and after[2] not in ("", before[2])

    def test_stopped_is_stopped_also_after_a_reboot_and_starts_again(self, cluster):
        ok(cluster.fab("stop"))
        assert [healthy(h) for h in cluster.hosts] == ["running"] * 3
        cluster.workers[0].reboot()
        assert cluster.raylets() == ["", "", ""]
        said = status(cluster.fab, cluster.path)
        assert not said["healthy"]
        assert {n["problem"] for n in said["nodes"]} == {"stopped"}
        assert "a task ran on each" in ok(cluster.fab("start"))


class TestZDestroy:
    def test_leaves_nothing_but_what_was_there(self, cluster):
        ok(cluster.fab("destroy", "--yes"))
        for host in cluster.hosts:
            assert sh(host, "ls -A /root /tmp /etc/systemd/system | grep -iE 'ray' || true") == ""
            assert sh(host, "pgrep -c raylet || true") in ("", "0")
        for host, before in zip(cluster.hosts, cluster.before, strict=True):
            left_alone(host, before)
        assert "nothing to remove" in ok(cluster.fab("destroy", "--yes"))
