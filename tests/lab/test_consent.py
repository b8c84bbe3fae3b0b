"""A job and a driver on a real cluster: what would end them is said and asked, and without a yes they go on."""

from __future__ import annotations

import re
import sys

import pytest

from tasks.testbed.engine import ROOT
from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, until
from tests.terminal import CTRL_C, CTRL_D, Terminal

DRIVER = """
import sys, time
import ray

ray.init(log_to_driver=False)


@ray.remote(num_cpus=0)
class Keeper:
    pass


@ray.remote(num_cpus=0)
def slow():
    time.sleep(3600)


def on(ip):
    return {f"node:{ip}": 0.001}


stays = Keeper.options(name="stays", lifetime="detached", resources=on(sys.argv[1])).remote()
moves = Keeper.options(name="moves", max_restarts=-1, resources=on(sys.argv[1])).remote()
tasks = [slow.options(resources=on(sys.argv[1])).remote() for _ in range(3)]
ray.get(stays.__ray_ready__.remote())
ray.get(moves.__ray_ready__.remote())
print("ready", flush=True)
time.sleep(3600)
"""


class Cluster:
    """A head and two workers; ``begin`` puts work on it."""

    def __init__(self, hosts, path, home):
        self.hosts, self.path, self.home = hosts, path, home
        self.head, *self.workers = hosts
        self.job = ""

    def fab(self, *args, hosts_file=None, **more):
        return helpers.run_fab(self.home, *args, hosts_file=hosts_file or self.path, **more)

    def begin(self):
        """A submitted job on the head and a driver beside it, whose actors and tasks are on the first worker."""
        out = ok(self.fab("submit", "--no-wait", "--", "sleep", "3600"))
        self.job = re.search(r"job (\S+) submitted", out).group(1)
        self.head.write_file("/root/driver.py", DRIVER)
        sh(
            self.head,
            "systemctl reset-failed driver 2>/dev/null;"
            " systemd-run -q --unit driver sh -c '. /root/.rayfab/test/env.sh;"
            f" exec python /root/driver.py {self.workers[0].address} >/root/driver.log 2>&1'",
        )
        until(lambda: self.head.exec("grep -q ready /root/driver.log")[0] == 0, 60)
        until(lambda: self.statuses() == ["RUNNING"], 30)

    def statuses(self):
        """What Ray itself calls the submitted job; nothing where no Ray answers."""
        env = ". /root/.rayfab/test/env.sh; exec 2>&1"
        code = (
            "from ray.job_submission import JobSubmissionClient as C;"
            "print([j.status.value for j in C('http://127.0.0.1:8265').list_jobs() if j.submission_id])"
        )
        status, out, _ = self.head.exec(f'{env}; timeout 60 python -c "{code}"')
        return re.findall(r"'(\w+)'", out.splitlines()[-1]) if status == 0 and out else []

    def jobs(self):
        """Every job in Ray's own list, drivers included."""
        code = (
            "from ray.job_submission import JobSubmissionClient as C;"
            "print('jobs', len(C('http://127.0.0.1:8265').list_jobs()))"
        )
        return sh(self.head, f'. /root/.rayfab/test/env.sh; python -c "{code}" 2>/dev/null')

    def works(self):
        driver = self.head.exec("systemctl is-active -q driver")[0] == 0
        return driver and self.statuses() == ["RUNNING"]

    def changed(self, folder, name, **keys):
        """The hosts file with other keys of one host."""
        return helpers.write_hosts_file(folder, self.hosts, per_host={name: keys})


@pytest.fixture(scope="module")
def cluster(fresh_hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("consent")
    hosts = fresh_hosts(3, flavour="python")
    made = Cluster(hosts, helpers.write_hosts_file(folder, hosts), folder / "home")
    made.first = made.fab("start")
    ok(made.fab("deploy-cluster"))
    made.begin()
    return made


@pytest.fixture
def type_at(cluster):
    """type_at(keys, "stop"): types them where the question stands; the exit status and what was seen."""

    def run(keys, *args, hosts_file=None):
        argv = [sys.executable, "-m", "tasks", *args, "--hosts-file", str(hosts_file or cluster.path)]
        with Terminal(argv, cwd=ROOT, columns=100, lines=60, env={"HOME": str(cluster.home)}) as terminal:
            terminal.wait_for("[y/N]", 120)
            asked = "\n".join(terminal.lines)
            terminal.feed(keys)
            status = terminal.wait(240)
            return status, asked, "\n".join(terminal.lines)

    return run


def test_start_before_any_deploy_installs_nothing(cluster):
    assert cluster.first.returncode == 1
    assert "nothing is deployed on these hosts" in cluster.first.stdout
    assert "fab deploy-cluster" in cluster.first.stdout


class TestRefused:
    """Without a terminal and without --yes: exit status 2, --yes named, and everything goes on."""

    @pytest.mark.parametrize("task", ["stop", "restart"])
    def test_work_on_the_whole_cluster_is_named(self, cluster, task):
        before = [raylet(h) for h in cluster.hosts]
        done = cluster.fab(task)
        assert done.returncode == 2, done.stdout
        assert f"1 job: {cluster.job}, " in done.stdout
        assert re.search(r"1 driver: /root/driver.py on \S+ \(process \d+\)", done.stdout)
        assert "1 detached actor: stays" in done.stdout
        assert "--yes" in done.stdout.splitlines()[-1]
        assert [raylet(h) for h in cluster.hosts] == before
        assert cluster.works()

    def test_asking_leaves_no_job_in_ray_s_list(self, cluster):
        before = cluster.jobs()
        assert cluster.fab("stop").returncode == 2
        assert cluster.jobs() == before

    def test_who_submitted_the_job_is_named(self, cluster):
        line = next(line for line in cluster.fab("stop").stdout.splitlines() if cluster.job in line)
        assert re.search(r", \S+@\S+$", line)

    def test_the_head_s_restart(self, cluster, tmp_path):
        path = cluster.changed(tmp_path, cluster.head.name, ray={"env": {"ODD": "1"}})
        done = cluster.fab("deploy-cluster", hosts_file=path)
        assert done.returncode == 2, done.stdout
        assert cluster.job in done.stdout
        assert cluster.works()

    @pytest.mark.parametrize("task", ["restart", "remove-worker"])
    def test_a_worker_with_actors_and_tasks(self, cluster, task):
        name = cluster.workers[0].name
        text = cluster.path.read_bytes()
        done = cluster.fab(task, "--limit" if task == "restart" else "--host", name)
        assert done.returncode == 2, done.stdout
        assert cluster.job not in done.stdout
        assert f"1 actor: stays on {name}" in done.stdout
        assert f"1 actor: moves on {name}, restarted on another node" in done.stdout
        assert re.search("3 tasks.*, retried on another node", done.stdout)
        assert "work on other hosts continues" in done.stdout
        assert cluster.path.read_bytes() == text
        assert cluster.works()

    @pytest.mark.parametrize("stdin", [None, "n\n", "y\n"], ids=["none", "n", "a y from a pipe"])
    def test_destroy_is_refused(self, cluster, stdin):
        done = cluster.fab("destroy", stdin=stdin)
        assert done.returncode == 2
        assert "--yes" in done.stdout + done.stderr
        assert "Connect" not in done.stdout
        assert cluster.works()


class TestNothingToAsk:
    def test_a_converged_deploy(self, cluster):
        out = ok(cluster.fab("deploy-cluster"))
        assert "3 hosts up to date" in out
        assert "Check running work" not in out
        assert cluster.works()

    def test_a_worker_on_which_nothing_runs(self, cluster, tmp_path):
        other = cluster.workers[1]
        before = raylet(other)
        path = cluster.changed(tmp_path, other.name, labels={"zone": "a"})
        assert "a task ran on each" in ok(cluster.fab("deploy-cluster", hosts_file=path))
        assert raylet(other) != before
        ok(cluster.fab("deploy-cluster"))
        assert cluster.works()

    def test_start_leaves_alone_what_runs(self, cluster, tmp_path):
        path = cluster.changed(tmp_path, cluster.head.name, ray={"env": {"ODD": "1"}})
        before = [raylet(h) for h in cluster.hosts]
        ok(cluster.fab("start", hosts_file=path))
        assert [raylet(h) for h in cluster.hosts] == before
        assert cluster.works()

    def test_a_plan_only_says_it(self, cluster, tmp_path):
        path = cluster.changed(tmp_path, cluster.head.name, cpus=1)
        out = ok(cluster.fab("plan", hosts_file=path))
        assert re.search(rf"{cluster.head.name} +restart +--num-cpus added", out)
        # which keeps its state: workers wait for it
        assert "the head restarts" not in out
        assert "running work that would end" in out
        assert cluster.job in out
        assert len(out.splitlines()) < 30
        assert cluster.works()


class TestAtATerminal:
    """A real pseudo-terminal."""

    @pytest.mark.parametrize(
        ("keys", "status"),
        [("n\r", 1), ("\r", 1), (CTRL_D, 1), (CTRL_C, 130)],
        ids=["n", "empty", "^D", "^C"],
    )
    @pytest.mark.parametrize("task", [pytest.param("stop", marks=pytest.mark.matrix), "destroy"])
    def test_any_answer_but_yes_changes_nothing(self, cluster, type_at, task, keys, status):
        code, asked, seen = type_at(keys, task)
        assert code == status, seen
        assert cluster.job in asked
        assert "Traceback" not in seen
        assert cluster.works()

    def test_the_question_of_destroy_names_cluster_hosts_and_what_goes(self, cluster, type_at):
        _, asked, _ = type_at("n\r", "destroy")
        for word in ("cluster test", *(h.name for h in cluster.hosts), "3 hosts", "removes"):
            assert word in asked

    def test_the_question_is_seen_where_the_output_is_not(self, cluster, tmp_path):
        argv = [sys.executable, "-m", "tasks", "stop", "--hosts-file", str(cluster.path)]
        with (tmp_path / "out").open("wb") as out:
            env = {"HOME": str(cluster.home)}
            with Terminal(argv, cwd=ROOT, columns=100, env=env, stdout=out.fileno()) as terminal:
                terminal.wait_for("[y/N]", 120)
                assert cluster.job in "\n".join(terminal.lines)
                terminal.feed("n\r")
                assert terminal.wait(60) == 1
        assert cluster.works()

    def test_a_yes_restarts_the_worker(self, cluster, type_at, tmp_path):
        """Of the worker that the driver's actors are on: the job and the driver live on."""
        name = cluster.workers[0].name
        before = raylet(cluster.workers[0])
        code, _, seen = type_at("y\r", "restart", "--limit", name)
        assert code == 0, seen
        assert "ended 1 actor: stays" in seen
        assert raylet(cluster.workers[0]) not in ("", before)
        assert cluster.works()


class TestZYes:
    def test_a_changed_head_with_yes_restarts_and_says_what_ended(self, cluster, tmp_path):
        path = cluster.changed(tmp_path, cluster.head.name, ray={"env": {"ODD": "1"}})
        out = ok(cluster.fab("deploy-cluster", "--yes", hosts_file=path))
        assert f"ended 1 job: {cluster.job}" in out
        assert "a task ran on each" in out
        # the head keeps its list of jobs, and says which have ended with it
        until(lambda: cluster.statuses() == ["FAILED"], 60)

    def test_an_idle_cluster_stops_without_a_question(self, cluster):
        sh(cluster.head, "systemctl stop driver 2>/dev/null; true")
        out = ok(cluster.fab("stop"))
        assert "stopped on 3 hosts" in out
        assert "ended" not in out

    def test_status_calls_it_stopped_and_names_start(self, cluster):
        done = cluster.fab("status")
        assert done.returncode == 1
        assert "test is stopped" in done.stdout
        assert "fab start" in done.stdout.splitlines()[-1]

    def test_start_refuses_what_needs_an_installation(self, cluster, tmp_path):
        uv = {"packages": ["ray[default]", "tabulate"]}
        path = helpers.write_hosts_file(tmp_path, cluster.hosts, settings={"uv": uv})
        done = cluster.fab("start", hosts_file=path)
        assert done.returncode == 1
        assert "needs more than a start: install Ray, start (packages" in done.stdout
        assert "fab deploy-cluster" in done.stdout
        assert [raylet(h) for h in cluster.hosts] == ["", "", ""]

    def test_start_starts_it_again(self, cluster):
        assert "a task ran on each" in ok(cluster.fab("start"))

    def test_a_head_whose_gcs_hangs_is_asked_about_anyway(self, cluster):
        sh(cluster.head, "kill -STOP $(grep -lx gcs_server /proc/[0-9]*/comm | tr -dc '0-9\\n')")
        try:
            done = cluster.fab("stop", "--limit", cluster.workers[1].name)
        finally:
            sh(cluster.head, "kill -CONT $(grep -lx gcs_server /proc/[0-9]*/comm | tr -dc '0-9\\n')")
        assert done.returncode == 2
        assert "running work could not be determined: Ray's head does not answer" in done.stdout

    def test_two_workers_leave_and_come_back_in_one_run_each(self, cluster):
        listed = ",".join(h.address for h in cluster.workers)
        out = ok(cluster.fab("remove-worker", "--host", listed))
        assert "1 host left" in out
        text = cluster.path.read_text()
        assert not any(h.address in text for h in cluster.workers)
        named = [word for h in cluster.workers for word in ("--host", h.address)]
        out = ok(cluster.fab("add-worker", *named))
        assert "3 hosts run Ray" in out
        for host in cluster.workers:
            assert host.address in cluster.path.read_text()

    def test_one_of_two_new_ones_that_fails_is_named_and_not_written(self, cluster):
        ok(cluster.fab("remove-worker", "--host", cluster.workers[0].address))
        done = cluster.fab("add-worker", "--host", cluster.workers[0].address, "--host", "198.18.255.254")
        assert done.returncode == 1
        text = cluster.path.read_text()
        assert cluster.workers[0].address in text
        assert "198.18.255.254" not in text
        assert "not added to hosts.yml: 198.18.255.254" in done.stdout

    def test_destroy_with_yes_removes_the_cluster(self, cluster):
        assert "removed from 3 hosts" in ok(cluster.fab("destroy", "--yes"))
        done = cluster.fab("status")
        assert "nothing of test is deployed" in done.stdout
