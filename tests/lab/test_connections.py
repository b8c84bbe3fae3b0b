"""Fabric's methods on real hosts: behind a jump host, on port 2222, by key, password and agent; many at once."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from fabric import SerialGroup, ThreadingGroup
from fabric.exceptions import GroupException
from invoke.exceptions import AuthFailure, UnexpectedExit

from tasks.inventory import load
from tasks.inventory.secret import Secret
from tasks.run.target import target_of
from tasks.ssh import Connection, Fleet, Interrupted, Settings, Target, Unfinished, connection_to
from tasks.testbed import keys
from tests.lab.story import until

PASSWORD = "pa ss$'w\"ord"
QUIET = {"hide": True, "in_stream": False}


@pytest.fixture(scope="module")
def gate(fresh_host):
    """The jump host."""
    return fresh_host("python")


@pytest.fixture(scope="module")
def inner(fresh_host):
    """A host on port 2222: ops has a sudo password, deploy needs none, guest may do nothing and has only a password."""
    host = fresh_host("python")
    host.add_user("ops", password=PASSWORD, sudo="password")
    host.add_user("deploy", sudo="nopasswd")
    host.add_user("guest", password=PASSWORD, key=False)
    host.set_sshd(port=2222, extra="PasswordAuthentication yes")
    return host


@pytest.fixture(scope="module")
def ssh_settings(gate, tmp_path_factory):
    directory = tmp_path_factory.mktemp("ssh")
    key = keys.login_key()
    (directory / "config").write_text(
        f"Host {gate.address}\n IdentityFile {key}\nHost *\n IdentityFile none\n"
    )
    made = Settings(ssh_config=directory / "config", known_hosts=directory / "known_hosts", agent="")
    yield made
    made.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """The socket of an ssh-agent that holds the lab's key."""
    path = tmp_path_factory.mktemp("agent") / "socket"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
    environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
    subprocess.run(["ssh-add", "-q", str(keys.login_key())], check=True, env=environment)
    yield str(path)
    os.kill(process.pid, signal.SIGTERM)
    process.wait()


def target(host, user="root", **more) -> Target:
    return Target(host.name, host.address, user=user, port=host.port, **more)


@pytest.fixture
def behind(gate, inner, ssh_settings):
    """behind("ops", ...): a connection to the inner host through the jump host."""
    made = []

    def connect(user, **more):
        by = {"key": str(keys.login_key()), "jump": (f"root@{gate.address}",), **more}
        made.append(Connection(target(inner, user, **by), ssh_settings))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.fixture(scope="module")
def three(gate, inner, fresh_host, ssh_settings):
    """Connections to the jump host, the host on port 2222 and one more."""
    key = str(keys.login_key())
    with Fleet(
        *(Connection(target(h, key=key), ssh_settings) for h in (gate, inner, fresh_host("python")))
    ) as fleet:
        yield fleet


class TestThroughAJumpHostOnPort2222:
    def test_the_host_sees_the_jump_host(self, behind, gate):
        connection = behind("ops")
        result = connection.run("id -un; echo $SSH_CONNECTION", **QUIET)
        user, peer = result.stdout.splitlines()
        assert (user, peer.split()[0], peer.split()[3]) == ("ops", gate.address, "2222")
        assert (connection.user, connection.port) == ("ops", 2222)

    def test_files_come_back_as_they_were_sent(self, behind, tmp_path):
        connection = behind("ops")
        (tmp_path / "report").write_bytes(bytes(range(256)) * 1000)
        connection.put(str(tmp_path / "report"), "there")
        connection.carry(tmp_path / "report", "carried")
        for name in ("there", "carried"):
            connection.get(name, str(tmp_path / name))
            assert (tmp_path / name).read_bytes() == (tmp_path / "report").read_bytes()

    def test_a_port_of_the_host(self, behind, inner):
        with (
            behind("ops").forward_local(0, 2222) as port,
            socket.create_connection(("127.0.0.1", port), 10) as sock,
        ):
            assert sock.recv(100).startswith(b"SSH-2.0-")

    def test_a_port_of_this_machine(self, behind):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            greet = threading.Thread(target=lambda: listener.accept()[0].sendall(b"hello\n"), daemon=True)
            greet.start()
            with behind("ops").forward_remote(9009, listener.getsockname()[1]) as _:
                heard = behind("ops").run("exec 3<>/dev/tcp/127.0.0.1/9009; head -n 1 <&3", **QUIET)
        assert heard.stdout == "hello\n"

    def test_a_script_and_its_answer(self, behind):
        answer = behind("ops").ask('echo "$RF_MARK kv user $(id -un)"; echo "$RF_MARK end 0"', timeout=30)
        assert answer.values == {"user": "ops"}
        with pytest.raises(Unfinished, match="status 0"):
            behind("ops").ask("exit 0", timeout=30)


class TestWaysIn:
    def test_a_password_logs_in(self, behind):
        assert behind("guest", key=None, password=Secret(PASSWORD)).run("id -un", **QUIET).stdout == "guest\n"

    def test_an_agent_logs_in(self, inner, agent, ssh_settings):
        settings = Settings(
            ssh_config=ssh_settings.ssh_config, known_hosts=ssh_settings.known_hosts, agent=agent
        )
        with Connection(target(inner, "deploy"), settings) as connection:
            assert connection.run("id -un", **QUIET).stdout == "deploy\n"

    def test_the_agent_is_forwarded_where_ssh_s_configuration_says_so(
        self, gate, agent, ssh_settings, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("SSH_AUTH_SOCK", agent)
        for value, status in (("yes", 0), ("no", 2)):
            (tmp_path / value).write_text(f"Host *\n ForwardAgent {value}\n IdentityFile none\n")
            settings = Settings(ssh_config=tmp_path / value, known_hosts=ssh_settings.known_hosts)
            with Connection(target(gate), settings) as connection:
                assert connection.run("ssh-add -l", warn=True, **QUIET).exited == status

    def test_as_the_hosts_file_says(self, gate, inner, hosts_file, ssh_settings, monkeypatch):
        monkeypatch.setenv("RF_OPS", PASSWORD)
        per = {
            inner.name: {"user": "ops", "jump": f"root@{gate.address}", "sudo_password": {"env": "RF_OPS"}}
        }
        cluster = load(hosts_file([gate, inner], per_host=per))
        connections = [connection_to(target_of(host), ssh_settings) for host in cluster.hosts]
        with Fleet(*connections, limit=cluster.parallel) as fleet:
            said = fleet.run("id -un", **QUIET)
            assert [said[c].stdout for c in connections] == ["root\n", "ops\n"]
        assert connections[1].sudo("id -un", **QUIET).stdout == "root\n"
        connections[1].close()


class TestSudo:
    def test_with_a_password(self, behind, capfd):
        connection = behind("ops", sudo_password=Secret(PASSWORD))
        result = connection.sudo("id -un", echo=True, **QUIET)
        assert result.stdout == "root\n"
        assert connection.sudo("id -un", pty=True, **QUIET).stdout.splitlines()[-1] == "root"
        assert connection.sudo("id -un", user="guest", **QUIET).stdout == "guest\n"
        assert PASSWORD not in f"{result!r} {result} {connection!r} {capfd.readouterr()}"

    def test_with_a_wrong_password_sudo_is_asked_once(self, behind, inner):
        with pytest.raises(AuthFailure) as caught:
            behind("ops", sudo_password=Secret("wr0ng")).sudo("id -un", **QUIET)
        assert "wr0ng" not in f"{caught.value} {caught.value.result}"

    def test_without_a_password(self, behind):
        assert behind("deploy").sudo("id -un", **QUIET).stdout == "root\n"
        with pytest.raises(UnexpectedExit, match="password is required"):
            behind("ops").sudo("id -un", **QUIET)


class TestFleet:
    def test_run_on_all(self, three):
        said = three.run("hostname", **QUIET)
        assert [said[c].stdout.strip() for c in three] == [c.name for c in three]

    def test_one_host_s_failure_is_its_own(self, three):
        with pytest.raises(GroupException) as caught:
            three.run(f"test $(hostname) != {three[1].name} || exit 7", **QUIET)
        result = caught.value.result
        assert set(result.succeeded) == {three[0], three[2]}
        assert result.failed[three[1]].result.exited == 7

    def test_a_host_that_cannot_be_reached(self, three, ssh_settings):
        away = Connection(Target("away", "127.0.0.1", user="root", port=1), ssh_settings)
        with pytest.raises(GroupException, match="refused the connection") as caught:
            Fleet(*three, away).run("hostname", **QUIET)
        assert [c.name for c in caught.value.result.failed] == ["away"]

    def test_files_and_sudo(self, three, tmp_path):
        (tmp_path / "all").write_text("all")
        three.put(str(tmp_path / "all"), "/tmp/rf-all")
        assert {r.stdout for r in three.sudo("cat /tmp/rf-all", **QUIET).values()} == {"all"}
        three.get("/tmp/rf-all", f"{tmp_path}/{{host}}/")
        assert sorted(p.read_text() for p in Path(tmp_path).glob("*/rf-all")) == ["all"] * 3

    def test_not_more_at_once_than_the_limit(self, three):
        count = "date +%s.%N; sleep 0.5; date +%s.%N"
        times = [r.stdout.split() for r in Fleet(*three, limit=1).run(count, **QUIET).values()]
        spans = sorted((float(a), float(b)) for a, b in times)
        # the hosts share one kernel, and so one clock
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))

    def test_fabric_s_own_groups_take_them(self, three):
        for kind in (SerialGroup, ThreadingGroup):
            said = kind.from_connections(three).run("hostname", **QUIET)
            assert {c.name: r.stdout.strip() for c, r in said.items()} == {c.name: c.name for c in three}

    def test_an_interruption_ends_all(self, behind, inner):
        fleet = Fleet(behind("ops"), behind("deploy"))

        def running() -> int:
            return int(inner.exec("pgrep -fxc 'sleep 4321'").out)

        def interrupt() -> None:
            until(lambda: running() == 2, 20, pause=0.2)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(Interrupted):
            fleet.run("sleep 4321; echo done", **QUIET)
        until(lambda: running() == 0, 10, pause=0.2)
        with pytest.raises(GroupException, match="stopped from this side"):
            fleet.run("true", **QUIET)
