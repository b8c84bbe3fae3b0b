"""The system's own ssh as the line to a host: where it is chosen, and that everything works through it."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import AuthFailed, Cancelled, ConfigProblem, HostKeyProblem, Target, Unreachable, connect
from tests.script.processes import until
from tests.ssh import sshd

OK = 'echo "$RF_MARK kv user $(id -un)"; echo "$RF_MARK end 0"'
PASSWORD = "pass word"
CHACHA = "Ciphers chacha20-poly1305@openssh.com"
ALGORITHMS = "the server's algorithms"


@pytest.fixture(scope="module")
def strange(server, tmp_path_factory):
    """A server with a cipher that only OpenSSH's client has."""
    with sshd.running(tmp_path_factory.mktemp("strange") / "server", CHACHA) as running:
        running.authorize(server.key)
        yield running


@pytest.fixture
def host(strange, server, settings):
    with connect(server.target(port=strange.port, key=str(server.key)), settings) as connection:
        yield connection


class TestChosenByItself:
    def test_for_a_cipher_and_it_says_why(self, host):
        assert host.why == ALGORITHMS
        assert host.ask(OK, timeout=20).values == {"user": "root"}

    def test_not_where_it_is_not_needed(self, server, settings):
        """RFC 8731's name of a key exchange that paramiko has under another name."""
        for options in ((), ("KexAlgorithms curve25519-sha256",)):
            with sshd.running(settings.ssh_config.parent / f"server{len(options)}", *options) as running:
                running.authorize(server.key)
                with connect(server.target(port=running.port, key=str(server.key)), settings) as connection:
                    assert connection.why == ""

    def test_never_where_ssh_does_not_get_in_either(self, server, strange, settings, tmp_path):
        """The error names what each side offers."""
        target = server.target(port=strange.port, key=str(sshd.keygen(tmp_path / "stranger")))
        with pytest.raises(Unreachable) as caught:
            connect(target, settings)
        assert str(caught.value).startswith(
            f"127.0.0.1:{strange.port} has no cipher that this program has: "
            "it offers chacha20-poly1305@openssh.com; this program aes128-ctr, "
        )
        assert caught.value.hint == "update its sshd; or connection: openssh"

    def test_for_a_controlmaster_that_is_open(self, server, settings, tmp_path):
        """Plain ssh gets in through it without any key."""
        socket_ = tmp_path / "master"
        argv = ["ssh", "-F", str(settings.ssh_config), "-M", "-S", str(socket_), "-N", "-i", str(server.key)]
        argv += ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={settings.known_hosts}"]
        master = subprocess.Popen([*argv, "-p", str(server.port), "root@127.0.0.1"])
        try:
            until(socket_.exists, 10)
            settings.ssh_config.write_text(f"IdentityFile none\nControlPath {socket_}\n")
            with connect(server.target(), settings) as connection:
                assert connection.why == f"your open ControlMaster {socket_}"
                assert connection.ask(OK, timeout=20).values == {"user": "root"}
            assert master.poll() is None  # it is the user's
        finally:
            master.terminate()
            master.wait()
        with pytest.raises(AuthFailed):
            connect(server.target(), settings)


class TestWhatGoesThrough:
    def test_streams_and_the_status_of_a_command(self, host):
        done = host.run("echo out; echo err >&2; exit 3", hide=True, warn=True, in_stream=False)
        assert (done.stdout, done.stderr, done.exited) == ("out\n", "err\n", 3)
        assert "/dev/pts" in host.run("tty", hide=True, pty=True, in_stream=False).stdout

    def test_files(self, host, tmp_path):
        host.carry(os.urandom(3_000_000), str(tmp_path / "carried"))
        assert (tmp_path / "carried").stat().st_size == 3_000_000
        host.put(io.BytesIO(b"abc" * 100_000), str(tmp_path / "put"))
        got = io.BytesIO()
        host.get(str(tmp_path / "put"), got)
        assert got.getvalue() == b"abc" * 100_000

    def test_a_port(self, host, strange):
        with (
            host.forward_local(0, strange.port) as port,
            socket.create_connection(("127.0.0.1", port), 10) as sock,
        ):
            assert sock.recv(8) == b"SSH-2.0-"

    def test_much_output_that_is_read_slowly(self, host):
        answer = host.ask(f"head -c 9000000 /dev/zero | tr '\\\\0' z; echo; {OK}", timeout=60)
        assert answer.ok

    def test_a_secret_is_in_no_argument(self, host):
        seen = host.ask(
            f"n=$(ps -eo args | grep -c '[h]unter2'); echo \"$RF_MARK kv seen $n\"; {OK}",
            secrets={"PW": Secret("hunter2")},
            timeout=20,
        )
        assert seen.values["seen"] == "0"

    def test_cancel_ends_a_script_on_the_host(self, host, tmp_path):
        marker = tmp_path / "alive"

        def ask():
            with pytest.raises(Cancelled):
                host.ask(f"echo $$ >{marker}; sleep 300", timeout=60)
            ended.set()

        ended = threading.Event()
        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: marker.exists() and marker.read_text().strip(), 10)
        host.cancel()
        thread.join(10)
        assert ended.is_set()

    def test_nothing_is_left_behind(self, server, strange, settings):
        before = set(Path("/tmp").glob("rf-*")), threading.active_count()
        connection = connect(server.target(port=strange.port, key=str(server.key)), settings)
        connection.ask(OK, timeout=20)
        connection.close()
        until(lambda: (set(Path("/tmp").glob("rf-*")), threading.active_count()) <= before, 20)


class TestAskedForInTheHostsFile:
    def test_with_a_key_and_as_a_jump_host(self, server, settings):
        settings.ssh_config.write_text(f"IdentityFile {server.key}\nPort {server.port}\n")
        target = server.target(openssh=True, key=str(server.key), port=None, jump=("root@127.0.0.1",))
        settings.ssh_config.write_text(
            f"IdentityFile {server.key}\nPort {server.port}\nUserKnownHostsFile {settings.known_hosts}\n"
            "StrictHostKeyChecking accept-new\n"
        )
        with connect(target, settings) as connection:
            assert connection.why == ""
            assert connection.ask(OK, timeout=20).values == {"user": "root"}

    def test_behind_a_jump_host_that_needs_it(self, server, strange, settings):
        settings.ssh_config.write_text(f"IdentityFile {server.key}\n")
        target = server.target(key=str(server.key), jump=(f"root@127.0.0.1:{strange.port}",))
        with connect(target, settings) as connection:
            assert connection.ask(OK, timeout=20).values == {"user": "root"}

    def test_a_password_of_the_hosts_file_once(self, server, tmp_path):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt))
        with sshd.temporary_user("rfsystem", PASSWORD):
            right = server.target(user="rfsystem", openssh=True, password=Secret(PASSWORD))
            with connect(right, settings) as connection:
                assert connection.ask(OK, timeout=20).values == {"user": "rfsystem"}
            assert asked == []
            wrong = server.target(user="rfsystem", openssh=True, password=Secret("wr0ng"))
            with pytest.raises(AuthFailed, match=r"does not let rfsystem in: .*Permission denied"):
                connect(wrong, settings)

    def test_a_passphrase_is_asked_for_here(self, server, tmp_path):
        locked = server.sshd.authorize(sshd.keygen(tmp_path / "locked", "ed25519", "open sesame"))
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "open sesame")
        with connect(server.target(openssh=True, key=str(locked)), settings) as connection:
            assert connection.ask(OK, timeout=20).ok
        assert asked == [f"a: Enter passphrase for key '{locked}': "]

    def test_a_changed_host_key(self, server, settings, tmp_path):
        public = Path(f"{sshd.keygen(tmp_path / 'other')}.pub").read_text()
        settings.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}")
        with pytest.raises(HostKeyProblem, match="does not trust the host key"):
            connect(server.target(openssh=True, key=str(server.key)), settings)

    def test_nobody_answers(self, settings):
        port = sshd.free_port()
        with pytest.raises(Unreachable, match=r"the system's ssh does not get there: .*refused") as caught:
            connect(Target("a", "127.0.0.1", port=port, openssh=True), settings)
        assert caught.value.hint == "try: ssh -v 127.0.0.1"

    def test_no_client_here(self, server, tmp_path):
        with pytest.raises(ConfigProblem, match="there is no ssh on this machine for a"):
            connect(server.target(openssh=True), server.settings(tmp_path, ssh_client=None))


def test_the_public_half_is_enough_for_a_key_in_the_agent(server, tmp_path):
    """With IdentitiesOnly, as ssh does."""
    key = server.sshd.authorize(sshd.keygen(tmp_path / "held"))
    path = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        until(path.exists, 10)
        subprocess.run(
            ["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(path)}
        )
        key.unlink()
        settings = server.settings(tmp_path, agent=str(path))
        settings.ssh_config.write_text(f"IdentitiesOnly yes\nIdentityFile {key}\n")
        with connect(server.target(), settings) as connection:
            assert connection.ask(OK, timeout=20).values == {"user": "root"}
    finally:
        agent.terminate()
        agent.wait()
