"""The methods that a Connection has from Fabric, over a real sshd and on this machine."""

from __future__ import annotations

import io
import socket
import threading
import time
from pathlib import Path

import fabric
import pytest
from fabric import ThreadingGroup
from invoke.exceptions import AuthFailure, CommandTimedOut, UnexpectedExit

from tasks.inventory.secret import Secret, SecretSource
from tasks.ssh import (
    Cancelled,
    ConfigProblem,
    Connection,
    ConnectionLost,
    Target,
    connection_to,
)
from tests.ssh import sshd

END = 'echo "$RF_MARK end 0"\n'
QUIET = {"hide": True, "in_stream": False}


@pytest.fixture(params=["ssh", "local"])
def host(request, server, settings):
    """A connection that nothing has opened yet."""
    target = server.target(key=str(server.key)) if request.param == "ssh" else Target("a", "a", local=True)
    with connection_to(target, settings) as made:
        yield made


@pytest.fixture
def fake_sudo(tmp_path):
    """A stand-in for `sudo` that asks for a password as the real one does, in German; the files that it writes."""
    program = Path("/usr/local/bin/sudo")
    if program.exists():
        pytest.skip("there is a sudo of its own in /usr/local/bin")
    program.write_text(
        f"""#!/bin/sh
if [ "$1" = -n ]; then echo "sudo: Ein Passwort ist notwendig" >&2; exit 1; fi
prompt=$3; shift 3
for try in 1 2 3; do
  printf %s "$prompt" >&2; IFS= read -r typed; echo "$typed" >>{tmp_path}/typed
  [ "$typed" = "open sesame" ] && exec "$@"
  echo "Das hat nicht funktioniert, bitte nochmal probieren." >&2
done
exit 1
"""
    )
    program.chmod(0o755)
    yield tmp_path / "typed"
    program.unlink()


class TestRun:
    def test_it_opens_itself_and_gives_a_result(self, host):
        result = host.run("echo out; echo err >&2; pwd", **QUIET)
        assert (result.stdout, result.stderr, result.exited, result.ok) == ("out\n/root\n", "err\n", 0, True)
        assert host.is_connected

    def test_a_failed_command_raises_unless_a_warning_will_do(self, host):
        with pytest.raises(UnexpectedExit) as caught:
            host.run("echo no >&2; exit 3", **QUIET)
        assert (caught.value.result.exited, caught.value.result.stderr) == (3, "no\n")
        assert host.run("exit 3", warn=True, **QUIET).exited == 3

    def test_ctrl_c_before_fabric_waits_for_the_end_ends_the_command_too(self, server, settings, monkeypatch):
        """Between the command's start and the wait, Fabric passes no Ctrl-C on."""
        ended = []

        def interrupted(runner):
            raise KeyboardInterrupt

        monkeypatch.setattr("tasks.ssh.connection.Runner._finish", interrupted)
        monkeypatch.setattr("tasks.ssh.connection.hang_up", lambda channel: ended.append(channel.closed))
        with Connection(server.target(key=str(server.key)), settings) as host:
            with pytest.raises(KeyboardInterrupt):
                host.run("exec sleep 5", **QUIET)
        assert ended == [False]

    def test_output_is_shown_unless_hidden(self, host, capsys):
        host.run("echo seen", in_stream=False)
        host.run("echo hidden", **QUIET)
        assert capsys.readouterr().out == "seen\n"

    def test_pty_gives_the_command_a_terminal(self, server, settings):
        with Connection(server.target(key=str(server.key)), settings) as host:
            assert host.run("test -t 1 && echo terminal", pty=True, **QUIET).stdout == "terminal\r\n"

    def test_a_command_over_its_timeout_is_ended(self, host):
        start = time.monotonic()
        with pytest.raises(CommandTimedOut):
            host.run("sleep 30", timeout=1, **QUIET)
        assert time.monotonic() - start < 10

    def test_an_environment_a_directory_and_a_prefix(self, host):
        with host.cd("/tmp"), host.prefix("export B=b"):
            assert host.run("pwd; echo $A$B", env={"A": "a"}, **QUIET).stdout == "/tmp\nab\n"

    def test_in_stream_is_the_standard_input(self, host):
        assert host.run("cat", in_stream=io.StringIO("typed"), hide=True).stdout == "typed"

    def test_local_runs_here_in_the_current_directory(self, host):
        assert host.local("pwd", **QUIET).stdout.strip() == str(Path.cwd())

    def test_several_at_once_with_scripts_beside_them(self, host):
        said = []
        work = [lambda n=n: said.append(host.run(f"echo {n}", **QUIET).stdout.strip()) for n in range(3)]
        work += [lambda: said.append(host.ask(f'echo "$RF_MARK kv n s"; {END}', timeout=30).values["n"])] * 3
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(said) == ["0", "1", "2", "s", "s", "s"]

    def test_cancel_ends_it(self, host):
        threading.Timer(0.5, host.cancel).start()
        start = time.monotonic()
        with pytest.raises((Cancelled, UnexpectedExit)):
            host.run("sleep 30", **QUIET)
        assert time.monotonic() - start < 10
        with pytest.raises(Cancelled):
            host.ask(END, timeout=20)

    def test_it_opens_again_after_it_was_closed(self, host):
        assert host.run("echo 1", **QUIET).ok
        host.close()
        assert host.run("echo 2", **QUIET).ok
        host.close()
        assert host.ask(END, timeout=20).ok


def test_a_connection_that_breaks_is_no_command_that_failed(server, settings, tmp_path):
    with sshd.running(tmp_path / "doomed") as doomed:
        doomed.authorize(server.key)
        with Connection(server.target(port=doomed.port, key=str(server.key)), settings) as connection:
            with pytest.raises(ConnectionLost, match="the connection to a broke"):
                connection.run("kill -9 $PPID; sleep 5", warn=True, **QUIET)
            assert connection.run("echo again", **QUIET).ok


class TestFiles:
    def test_put_and_get(self, host, tmp_path):
        source, there, back = tmp_path / "source", tmp_path / "there", tmp_path / "back"
        source.write_bytes(b"\0\xff" * 5000)
        source.chmod(0o640)
        result = host.put(str(source), remote=str(there))
        assert (result.remote, result.connection) == (str(there), host)
        assert there.read_bytes() == source.read_bytes()
        assert there.stat().st_mode & 0o777 == 0o640
        assert host.get(str(there), local=str(back)).local == str(back)
        assert back.read_bytes() == source.read_bytes()

    def test_a_directory_takes_the_file_s_name(self, host, tmp_path):
        (tmp_path / "source").write_text("x")
        (tmp_path / "directory").mkdir()
        host.put(str(tmp_path / "source"), str(tmp_path / "directory"))
        assert (tmp_path / "directory" / "source").read_text() == "x"

    def test_file_objects_are_sent_and_received(self, host, tmp_path):
        host.put(io.BytesIO(b"from memory"), str(tmp_path / "file"))
        into = io.BytesIO()
        host.get(str(tmp_path / "file"), into)
        assert into.getvalue() == b"from memory"

    def test_a_relative_path_starts_in_the_home_directory(self, host, tmp_path):
        name = f"rf-{tmp_path.name}"
        try:
            host.put(io.BytesIO(b"x"), name)
            assert (Path.home() / name).read_text() == "x"
        finally:
            (Path.home() / name).unlink()


class TestForwards:
    @pytest.fixture
    def greeter(self):
        """The port of a server that greets who connects."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                while True:
                    try:
                        sock, _ = listener.accept()
                    except OSError:
                        return
                    with sock:
                        sock.sendall(b"hello")

            threading.Thread(target=serve, daemon=True).start()
            yield listener.getsockname()[1]

    def heard(self, port):
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            return sock.recv(100)

    def test_local_and_remote(self, host, greeter):
        near = sshd.free_port()
        with host.forward_local(near, greeter):
            assert self.heard(near) == b"hello"
        with host.forward_remote(near, greeter):
            assert self.heard(near) == b"hello"
        with pytest.raises(OSError):
            self.heard(near)

    def test_the_same_port_on_this_machine_needs_no_tunnel(self, settings, greeter):
        with connection_to(Target("a", "a", local=True), settings).forward_local(greeter) as port:
            assert self.heard(port) == b"hello"


class TestSudo:
    def with_password(self, host, password):
        return connection_to(
            Target(**{**vars(host.target), "sudo_password": password}), host.settings, host.config
        )

    def test_the_password_of_the_hosts_file(self, host, fake_sudo, capfd):
        connection = self.with_password(host, SecretSource("command", "echo 'open sesame'"))
        result = connection.sudo("echo done", echo=True, **QUIET)
        assert result.stdout == "done\n"
        seen = f"{result!r} {result} {vars(result)} {connection!r} {connection.config!r} {capfd.readouterr()}"
        assert "sesame" not in seen
        assert "sudo -S" in seen
        assert fake_sudo.read_text() == "open sesame\n"

    def test_a_wrong_one_is_typed_once(self, host, fake_sudo):
        with pytest.raises(AuthFailure) as caught:
            self.with_password(host, Secret("wr0ng")).sudo("true", **QUIET)
        assert "wr0ng" not in f"{caught.value} {caught.value!r} {caught.value.result}"
        assert fake_sudo.read_text().split() == ["wr0ng"]

    def test_without_one_nothing_is_typed(self, host, fake_sudo):
        with pytest.raises(UnexpectedExit) as caught:
            host.sudo("true", **QUIET)
        assert "Passwort" in caught.value.result.stderr
        assert not fake_sudo.exists()

    def test_a_program_that_prints_invoke_s_prompt_is_not_given_the_password(self, host, fake_sudo):
        connection = self.with_password(host, Secret("open sesame"))
        command = "sh -c 'printf \"[sudo] password: \"; timeout 1 cat; true'"
        assert connection.sudo(command, **QUIET).stdout == "[sudo] password: "

    def test_it_is_asked_for_when_it_is_needed_and_once(self, host, fake_sudo):
        asked = []
        host.settings.ask = lambda prompt: asked.append(prompt) or "open sesame"
        first, second = (self.with_password(host, SecretSource("prompt", "ssh.sudo_password")) for _ in "12")
        first.run("true", **QUIET)
        assert asked == []
        first.sudo("true", **QUIET)
        second.sudo("true", **QUIET)
        assert asked == ["ssh.sudo_password: "]

    def test_a_password_that_cannot_be_asked_for_is_reported(self, host):
        connection = self.with_password(host, SecretSource("prompt", "ssh.sudo_password"))
        with pytest.raises(ConfigProblem, match=r"nobody can be asked for ssh\.sudo_password"):
            connection.sudo("true", **QUIET)


class TestOtherPasswords:
    def test_the_login_s_is_fetched_only_when_the_server_wants_it(self, server, settings):
        source = SecretSource("env", "RF_NOT_SET")
        assert connection_to(server.target(key=str(server.key), password=source), settings).run(
            "true", **QUIET
        )
        with pytest.raises(ConfigProblem, match="RF_NOT_SET is not set") as caught:
            Connection(server.target(password=source), settings).open()
        assert caught.value.hint


class TestWhatItIs:
    def test_a_fabric_connection(self, host):
        assert isinstance(host, fabric.Connection)
        assert (host.name, host.original_host) == ("a", host.target.host)

    def test_who_and_where_come_from_ssh_s_configuration(self, server, settings):
        settings.ssh_config.write_text(
            f"Host farm\n HostName 127.0.0.1\n User root\n Port {server.port}\n IdentityFile {server.key}\n"
        )
        connection = Connection("farm", settings)
        assert (connection.host, connection.user, connection.port) == ("127.0.0.1", "root", server.port)
        assert (connection.original_host, connection.run("id -un", **QUIET).stdout) == ("farm", "root\n")

    def test_equal_by_host_user_and_port(self, server, settings):
        one, same = (Connection(server.target(name=name), settings) for name in "ab")
        assert one == same and len({one, same}) == 1
        assert one != Connection(server.target(user="other"), settings)
        # the same private address behind another jump host is another machine
        assert one != Connection(server.target(jump=("bastion",)), settings)

    def test_what_it_is_cannot_be_changed_under_it(self, server, settings):
        with pytest.raises(AttributeError, match="make another connection"):
            Connection(server.target(), settings).user = "other"

    def test_fabric_s_own_reading_of_ssh_s_configuration_is_off(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "config").write_text(
            "Host *\n ProxyCommand false\n ForwardAgent yes\n User nobody\n"
        )
        settings = server.settings(tmp_path)
        given = fabric.Config()  # as `fab` gives its tasks; this one has read the file
        connection = Connection(server.target(key=str(server.key)), settings, given)
        assert connection.run("id -un", **QUIET).stdout == "root\n"
        assert (connection.gateway, connection.forward_agent, connection.connect_kwargs) == (False, False, {})

    def test_each_has_a_configuration_of_its_own(self, server, settings):
        one, other = (Connection(server.target(key=str(server.key)), settings) for _ in "12")
        one.config.run.warn = True
        assert one.run("exit 3", **QUIET).exited == 3
        with pytest.raises(UnexpectedExit):
            other.run("exit 3", **QUIET)

    def test_fabric_s_own_group_takes_them(self, server, settings):
        targets = [server.target(name=n, user=u, key=str(server.key)) for n, u in (("a", "root"),)]
        group = ThreadingGroup.from_connections(
            connection_to(t, settings) for t in (*targets, Target("c", "c", local=True))
        )
        with group:
            assert {r.stdout for r in group.run("id -un", **QUIET).values()} == {"root\n"}


class TestTrace:
    """What --debug shows."""

    def test_scripts_and_answers_without_secrets(self, server, tmp_path):
        shown = []
        settings = server.settings(tmp_path, trace=shown.append)
        with connection_to(server.target(key=str(server.key), password=Secret("pa55word")), settings) as host:
            script = f'# pa55word\necho "$RF_MARK kv back $PW"; echo "$RF_MARK kv token t0ken"; echo "$PW" >&2; {END}'
            assert host.ask(script, secrets={"PW": Secret("s3cret")}, timeout=20).values["back"] == "s3cret"
            host.carry(b"x", str(tmp_path / "file"))
        assert shown[0] == f"--- a: script\n{script.replace('pa55word', '***')}"
        assert shown[1].startswith("--- a: answer, ") and shown[1].endswith(
            "status 0\nback=***\ntoken=***\nstderr| ***"
        )
        assert shown[2] == f"--- a: carry {tmp_path}/file, 1 bytes"
