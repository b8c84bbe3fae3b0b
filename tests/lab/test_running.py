"""How a container runs: its limits, its user, its logs when it is gone, and GPUs that a host has or has not.

The GPUs are stand-ins: a shell script in the place of `nvidia-smi`, and one in the place of NVIDIA's hook. No
container gets a GPU here; shown is what is found, what is refused beforehand, and what a real engine without the
toolkit says.
"""

from __future__ import annotations

import json
import re
import tarfile

import pytest

from tests.lab import hosts as helpers
from tests.lab.story import ok, raylet, sh, until

NAME = "rayfab-test"
SMI = """#!/bin/sh
# a stand-in for nvidia-smi
echo 'NVIDIA L4, 550.54.15'
"""
HOOK = "#!/bin/sh\n# a stand-in for nvidia-container-runtime-hook\n"
RAISES = """
import ray
ray.init()
@ray.remote
def f():
    raise ValueError('bad number 17')
try:
    open('/dev/full', 'w', 1).write('x' * 10000)
except OSError as error:
    import traceback
    traceback.print_exc()
ray.get(f.remote())
"""
GROWS = """
import ray, time
ray.init()
@ray.remote(max_retries=0)
def f():
    kept = []
    while True:
        kept.append(bytearray(10_000_000))
        for at in range(0, 10_000_000, 4096):
            kept[-1][at] = 1
        time.sleep(0.1)
ray.get(f.remote())
"""
CLOSED = """#!/bin/sh
# a stand-in for docker-credential-desktop on a Mac that nobody has unlocked
echo 'keychain cannot be accessed because the current session does not allow user interaction.'
exit 1
"""
# asks Ray's dashboard, as its page does, whether it finds Prometheus
HEALTH = """
import os, urllib.request
path = os.environ.get("RAY_AUTH_TOKEN_PATH")
token = open(path).read().strip() if path else os.environ.get("RAY_AUTH_TOKEN", "")
url = "http://127.0.0.1:8265/api/prometheus_health"
asked = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
print(urllib.request.urlopen(asked).read().decode())
"""


@pytest.fixture(scope="module")
def pair(lab, fresh_hosts):
    registry = lab.start_registry()
    hosts = fresh_hosts(2, flavour="docker")
    for host in hosts:
        registry.serve(host)
        host.add_user("alice")
        sh(host, "usermod -aG docker alice")
    return hosts


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("running") / "home"


@pytest.fixture
def run(pair, home, tmp_path):
    """run("deploy-cluster", worker={...}, docker={...}): with a hosts file of that kind."""

    def do(*args, head=None, worker=None, docker=None):
        settings = {"docker": {"shm_size": "1gb", **(docker or {})}}
        path = helpers.write_hosts_file(
            tmp_path,
            pair,
            "docker",
            user="alice",
            settings=settings,
            per_host={pair[0].name: head or {}, pair[1].name: worker or {}},
        )
        return helpers.run_fab(home, *args, hosts_file=path, timeout=900)

    return do


def inspect(host, template):
    return sh(host, f"docker inspect -f '{template}' {NAME}")


class TestAsItRuns:
    """alice is in the group docker and has no sudo."""

    def test_deploys_for_a_user_without_sudo_whose_store_of_passwords_is_closed(self, pair, run):
        """The real docker command and a real registry; the store is a stand-in with the words of a Mac's keychain."""
        for host in pair:
            host.write_file("/usr/local/bin/docker-credential-desktop", CLOSED, 0o755)
            host.write_file("/home/alice/.docker/config.json", '{"credsStore": "desktop"}')
            sh(host, "chown -R alice /home/alice/.docker")
        assert "2 hosts run Ray 2.60.0; a task ran on each" in ok(run("deploy-cluster"))
        for host in pair:
            assert json.loads(sh(host, "cat /home/alice/.docker/config.json")) == {"credsStore": "desktop"}
            # not every docker command stops there; that this one did not is therefore asked of what it was given
            assert sh(host, "grep -c auths /home/alice/.rayfab/test/docker/config.json") == "1"

    def test_as_many_open_files_as_the_engine_may_give(self, pair):
        for host in pair:
            engine = sh(host, "sed -n 's/^Max open files *[0-9]* *//p' /proc/$(cat /run/docker.pid)/limits")
            most = int(engine.split()[0])
            words = sh(host, f"docker exec {NAME} sh -c 'ulimit -n; ulimit -H -n'").split()
            assert [int(n) for n in words] == [min(65536, most), min(524288, most)]
            assert int(words[0]) > 1024

    def test_the_container_has_an_init_of_its_own_and_a_bounded_log(self, pair):
        for host in pair:
            assert inspect(host, "{{.HostConfig.Init}}") == "true"
            log = json.loads(inspect(host, "{{json .HostConfig.LogConfig.Config}}"))
            assert log == {"max-size": "20m", "max-file": "3"}
            assert inspect(host, "{{.HostConfig.RestartPolicy.Name}}") == "unless-stopped"
            assert int(inspect(host, "{{.Config.StopTimeout}}")) > 30

    def test_alerts_are_asked_without_a_prometheus(self, pair, run):
        assert "no alert: 2 hosts asked" in ok(run("alerts"))

    def test_prometheus_of_debian_reads_every_node(self, pair, run):
        """From Debian's package, and alice may not become root; Ray's own dashboard finds it."""
        head = pair[0]
        # only root may renew the lists
        sh(head, "apt-get update -qq")
        assert "Prometheus 2." in ok(run("metrics", "up"))
        assert sh(head, "ss -ltnH '( sport = :9090 )'").split()[3] == "127.0.0.1:9090"
        until(lambda: run("metrics", "status").returncode == 0, 90)
        said = json.loads(ok(run("metrics", "status", "--json")))
        assert [(one["host"], one["scraped"]) for one in said["hosts"]] == [(h.name, True) for h in pair]
        assert "prometheus running" in sh(head, f"docker exec -i {NAME} python - <<'E'\n{HEALTH}\nE")

    def test_prometheus_on_this_machine_reads_every_node_too(self, pair, run):
        """The operator's own, without a node and without Ray's discovery; nothing of it is left."""
        try:
            assert "Prometheus 2." in ok(run("metrics", "up", "--here"))
            until(lambda: run("metrics", "status", "--here").returncode == 0, 90)
            said = json.loads(ok(run("metrics", "status", "--here", "--json")))
            assert [(one["host"], one["scraped"]) for one in said["hosts"]] == [(h.name, True) for h in pair]
        finally:
            done = run("metrics", "down", "--here")
        assert "are removed" in ok(done)
        assert run("metrics", "status", "--here").returncode == 1
        # the head's own goes on
        assert sh(pair[0], "ss -ltnH '( sport = :9090 )'")

    @pytest.mark.matrix  # the same from series is in tests/node/test_alerts.py
    def test_a_node_that_is_away_fires(self, pair, run):

        def read():
            return json.loads(run("metrics", "status", "--json").stdout)

        sh(pair[1], f"docker stop {NAME}")
        done = run("alerts", "--json")
        assert done.returncode == 1
        (fired,) = json.loads(done.stdout)["firing"]
        assert (fired["alert"], fired["host"]) == ("RayNodeAway", pair[1].name)
        until(lambda: not read()["hosts"][1]["scraped"], 90, 5)
        until(lambda: {"RayNodeAway"} == {one["alertname"] for one in read()["firing"]}, 240, 5)
        assert "a task ran on each" in ok(run("deploy-cluster"))

    @pytest.mark.matrix  # the script of down is in tests/node/test_metrics_scripts.py; destroy is below
    def test_metrics_down_leaves_the_node_alone(self, pair, run):
        before = raylet(pair[0])
        assert "are removed" in ok(run("metrics", "down"))
        assert sh(pair[0], "ss -ltnH '( sport = :9090 )'") == ""
        assert sh(pair[0], "ls /home/alice/.rayfab/test | grep metrics || true") == ""
        assert raylet(pair[0]) == before
        ok(run("metrics", "up"))

    def test_logs_where_the_container_is_gone(self, pair, run):
        sh(pair[1], f"docker rm -f {NAME}")
        out = ok(run("logs", "--host", pair[1].name))
        assert re.search(r"raylet\.out", out)
        assert "No such container" not in out
        assert "a task ran on each" in ok(run("deploy-cluster"))

    def test_another_user_in_the_container_finds_no_obstacle(self, pair, run):
        """A worker comes back to its head's session, whose logs another user has written, in a sticky folder."""
        assert sh(pair[1], "stat -c %u /tmp/ray/session_latest") == "1000"
        ok(run("deploy-cluster", worker={"docker": {"run_args": ["--user", "1234:1234"]}}))
        owners = sh(pair[1], "cd /tmp/ray && stat -c %u session_latest session_latest/logs/raylet.out")
        assert owners.split() == ["1234", "1234"]
        assert "raylet.out" in ok(run("logs", "--host", pair[1].name))

    @pytest.mark.matrix  # the test above shows another user on the host's network
    def test_and_none_on_a_bridge_either(self, pair, run):
        """There the container starts as root, to take the host's address, and goes on as that user."""
        docker = {"network": "bridge", "run_args": ["--user=1234:1234"]}
        assert "a task ran on each" in ok(run("deploy-cluster", worker={"docker": docker}))
        logs = "/home/alice/tmp/ray/session_2*/logs"
        assert set(sh(pair[1], f"stat -c %u {logs}/raylet.out {logs}/worker-*.out").split()) == {"1234"}

    def test_less_shared_memory_than_asked_for_is_said_in_the_plan(self, pair, run):
        out = ok(run("plan", docker={"shm_size": "900tb"}))
        for host in pair:
            assert re.search(
                rf"! {host.name}: shared memory is [0-9.]+ GiB here \(30% of its [0-9.]+ GiB of memory\), "
                "where docker.shm_size asks for 900tb",
                out,
            )
        given = run("plan", docker={"shm_size": "900tb", "run_args": ["--shm-size=1g"]})
        assert "shared memory" not in ok(given)

    @pytest.mark.matrix
    def test_what_went_wrong_is_told_by_its_logs(self, pair, run):
        """A job with a traceback, one that Ray kills for its memory, a raylet that is killed, a disk that is full."""
        ok(run("deploy-cluster"))
        head, worker = pair
        job = run("submit", "--", "python", "-c", RAISES)
        assert job.returncode == 1
        (submitted,) = set(re.findall(r"raysubmit_\w+", job.stdout + job.stderr))
        cat = "cd /sys/fs/cgroup; cat memory.current 2>/dev/null || cat memory/memory.usage_in_bytes"
        used = int(sh(head, f"docker exec {NAME} sh -c '{cat}'"))
        limit = used + (400 << 20)
        sh(head, f"docker update --memory {limit} --memory-swap {limit} {NAME}")
        # Ray looks at its limit when it starts; without that the kernel kills, and this host has no kernel's log
        sh(head, f"docker restart {NAME}")
        until(lambda: json.loads(run("status", "--json").stdout)["healthy"], 120)
        try:
            assert run("submit", "--", "python", "-c", GROWS).returncode == 1
        finally:
            sh(head, f"docker update --memory 16g --memory-swap 16g {NAME}")
        before = raylet(worker)
        pid = before.split()[0]
        node = re.search(r"--node_id=([0-9a-f]+)", sh(worker, f"tr '\\0' ' ' </proc/{pid}/cmdline")).group(1)
        sh(worker, f"kill -KILL {pid}")
        until(lambda: raylet(worker) not in ("", before), 120)
        found = json.loads(ok(run("logs", "--errors", "--since", "1h", "--json")))["errors"]

        def told(kind, host, text=""):
            return any(
                (one["kind"], host.name in one["hosts"]) == (kind, True) and text in one["text"]
                for one in found
            )

        assert told("traceback", head, "ValueError: bad number"), found
        assert told("OOM kill", head), found
        assert told("ended", worker, "raylet ended with"), found
        assert told("disk full", head), found
        out = ok(run("logs", "--errors"))
        assert "→ the memory is used up" in out and "→ the disk is full" in out
        assert "bad number" in ok(run("logs", "--job", submitted))
        of_node = ok(run("logs", "--node", node[:12], "--component", "raylet"))
        assert worker.name in of_node and head.name not in of_node
        assert run("logs", "--node", "abcdef012345").returncode == 1

    @pytest.mark.matrix
    def test_all_of_it_is_collected_also_of_a_host_that_is_away(self, pair, run, tmp_path):
        head, worker = pair
        sh(
            head,
            "mkdir -p /mnt/small && mount -t tmpfs -o size=1m none /mnt/small; cat /dev/zero >/mnt/small/x; true",
        )
        path = tmp_path / "report.tar.gz"
        worker.freeze()
        try:
            done = run("collect", "--output", str(path), worker={"connect_timeout": 5})
        finally:
            worker.unfreeze()
            sh(head, "umount /mnt/small")
        assert done.returncode == 1, done.stdout
        with tarfile.open(path) as tar:
            found = {one.name: tar.extractfile(one).read().decode() for one in tar}
        said = found["report/diagnosis.txt"]
        assert said in done.stdout.replace("\n  ", "\n") or said.splitlines()[0] in done.stdout
        assert f"unreachable: {worker.name}" in said and f"{head.name}: /mnt/small is 100 % full" in said
        assert "OOM kill" in said and "bad number" in said
        assert f"report/hosts/{worker.name}/not-reached.txt" in found
        assert any(
            name.startswith(f"report/hosts/{head.name}/logs/") and "gcs_server.out" in name for name in found
        )
        token = sh(head, "cat /home/alice/.rayfab/test/token")
        assert token and not any(token in text for text in found.values())

    @pytest.mark.matrix
    def test_who_changed_it_is_known_to_every_operator(self, pair, run, home, tmp_path):
        mine = json.loads(ok(run("history", "--json")))["entries"]
        assert mine[-1]["command"].startswith("fab deploy-cluster") or "deploy-cluster" in mine[-1]["command"]
        assert {one["result"] for one in mine} == {"done"}
        path = tmp_path / "hosts.yml"
        other = helpers.run_fab(tmp_path / "other", "history", "--json", hosts_file=path)
        assert json.loads(ok(other))["entries"] == mine[-len(json.loads(other.stdout)["entries"]) :]
        text = sh(pair[0], "cat /home/alice/.rayfab/test/history.jsonl")
        assert sh(pair[0], "cat /home/alice/.rayfab/test/token") not in text

    def test_destroy_leaves_nothing(self, pair, run):
        ok(run("destroy", "--yes"))
        for host in pair:
            assert sh(host, "docker ps -aq") == ""
            assert sh(host, "ls -A /home/alice | grep -i ray || true") == ""
        assert sh(pair[0], "pgrep -x prometheus || true") == ""
        assert sh(pair[0], "ls /home/alice/.config/systemd/user 2>/dev/null || true") == ""


class TestGpus:
    """On the head, so that no Ray is started on the way to the refusal."""

    @pytest.fixture
    def gpu(self, pair):
        pair[0].write_file("/usr/local/bin/nvidia-smi", SMI, 0o755)
        yield
        sh(pair[0], "rm -f /usr/local/bin/nvidia-smi /usr/local/bin/nvidia-container-runtime-hook")

    def test_a_gpu_that_nvidia_does_not_know_is_taken_with_a_note(self, pair, run):
        out = ok(run("check", head={"gpus": 1}))
        assert f"{pair[0].name}: gpus: 1 is taken as it is; nvidia-smi names none" in out

    def test_a_missing_toolkit_is_reported_with_the_command_to_install_it(self, pair, run, gpu):
        done = run("deploy-cluster", head={"gpus": 1})
        assert done.returncode == 1
        missing = "gpus: 1 is requested, but Docker cannot give it: NVIDIA's container toolkit is missing"
        assert missing in done.stdout
        assert "sudo apt-get install -y nvidia-container-toolkit" in done.stdout
        assert "nothing was changed" in done.stdout

    def test_a_gpu_that_nobody_asked_for_is_a_note(self, run, gpu):
        done = run("check")
        assert done.returncode == 0
        assert "NVIDIA L4 stays unused, since NVIDIA's container toolkit is missing" in done.stdout
        assert "stays unused" not in ok(run("check", head={"gpus": 0}))

    def test_an_engine_that_has_not_started_over_since_the_toolkit_came(self, pair, run, gpu):
        """What a real engine says to --gpus without its hook, and the fix."""
        pair[0].write_file("/usr/local/bin/nvidia-container-runtime-hook", HOOK, 0o755)
        done = run("deploy-cluster", head={"gpus": 1})
        assert done.returncode == 1
        assert 'could not select device driver "" with capabilities: [[gpu]]' in done.stdout
        assert "sudo systemctl restart docker" in done.stdout
        assert sh(pair[0], "docker ps -aq") == ""
        ok(run("destroy", "--yes"))


class TestEngines:
    def test_one_that_maps_users(self, pair, run):
        """Its containers cannot have the host's network; the fix that is named works."""
        host = pair[1]
        kept = sh(host, "cat /etc/docker/daemon.json")
        mapped = {**json.loads(kept), "userns-remap": "default"}
        host.write_file("/etc/docker/daemon.json", json.dumps(mapped))
        sh(host, "systemctl reset-failed docker; systemctl restart docker")
        try:
            done = run("check")
            opened = run("check", worker={"docker": {"run_args": ["--userns=host"]}})
        finally:
            host.write_file("/etc/docker/daemon.json", kept)
            sh(host, "systemctl reset-failed docker; systemctl restart docker")
        assert done.returncode == 1
        assert f"{host.name}: Docker maps users here (userns-remap)" in done.stdout
        assert 'docker: {run_args: ["--userns=host"]}' in done.stdout
        assert ok(opened)
