"""The way to a host: jump hosts, proxy commands, IPv6, and what may stand in it."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import ConfigProblem, HostKeyProblem, Target, Unreachable, connect, fan_out, openssh_argv
from tests.ssh import sshd

OK = 'echo "$RF_MARK kv from ${SSH_CONNECTION%% *}"; echo "$RF_MARK end 0"'


def reached(target, settings):
    with connect(target, settings) as connection:
        return connection.ask(OK, timeout=30).ok


@pytest.fixture(scope="module")
def hops(server, tmp_path_factory):
    """Two jump hosts."""
    directory = tmp_path_factory.mktemp("hops")
    with sshd.running(directory / "one") as one, sshd.running(directory / "two") as two:
        for hop in (one, two):
            hop.authorize(server.key)
        yield one, two


def logins(hop):
    return hop.log().count("Accepted publickey")


class TestJumpHosts:
    def test_one_jump_host(self, server, settings, hops):
        before = logins(hops[0])
        jump = (f"root@127.0.0.1:{hops[0].port}",)
        assert reached(server.target(key=str(server.key), jump=jump), settings)
        assert logins(hops[0]) == before + 1

    def test_two_jump_hosts(self, server, settings, hops):
        before = [logins(hop) for hop in hops]
        jump = tuple(f"root@127.0.0.1:{hop.port}" for hop in hops)
        assert reached(server.target(key=str(server.key), jump=jump), settings)
        assert [logins(hop) for hop in hops] == [n + 1 for n in before]
        assert f"[127.0.0.1]:{hops[1].port}" in settings.known_hosts.read_text()

    def test_from_the_ssh_configuration_by_its_alias_there(self, server, settings, hops):
        settings.ssh_config.write_text(
            f"Host bastion\n HostName 127.0.0.1\n Port {hops[0].port}\n"
            f"Host *\n User root\n IdentityFile {server.key}\n"
            "Match host farm\n ProxyJump bastion\nHost farm\n HostName 127.0.0.1\n"
        )
        before = logins(hops[0])
        assert reached(Target("a", "farm", port=server.port), settings)
        assert logins(hops[0]) == before + 1

    def test_one_connection_to_it_for_many_hosts(self, server, settings, hops):
        before = logins(hops[0])
        jump = (f"root@127.0.0.1:{hops[0].port}",)
        targets = [server.target(name=f"n{n}", key=str(server.key), jump=jump) for n in range(12)]
        outcomes = fan_out(targets, lambda t: reached(t, settings))
        assert [o.value or o.error for o in outcomes.values()] == [True] * 12
        assert logins(hops[0]) == before + 1

    def test_its_own_key_is_verified(self, server, settings, hops, tmp_path):
        other = Path(f"{sshd.keygen(tmp_path / 'other')}.pub").read_text()
        settings.known_hosts.write_text(f"[127.0.0.1]:{hops[0].port} {other}")
        with pytest.raises(HostKeyProblem, match=rf"host key of \[127.0.0.1\]:{hops[0].port} changed"):
            connect(server.target(key=str(server.key), jump=(f"root@127.0.0.1:{hops[0].port}",)), settings)

    def test_what_is_closed_behind_it(self, server, settings, hops):
        jump = (f"root@127.0.0.1:{hops[0].port}",)
        with pytest.raises(Unreachable, match=rf"^127.0.0.1:1 cannot be reached from jump host {jump[0]}: "):
            connect(server.target(port=1, key=str(server.key), jump=jump), settings)

    def test_its_password_is_asked_for_once_and_the_hosts_own_is_kept_from_it(self, server, tmp_path, hops):
        asked = []
        with sshd.temporary_user("rfjump", "jump-password"):
            settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "jump-password")
            where = f"rfjump@127.0.0.1:{hops[0].port}"
            targets = [
                server.target(name=f"n{n}", key=str(server.key), jump=(where,), password=Secret("other"))
                for n in range(3)
            ]
            # the jump host takes the key as well, but only of root
            hops[0].authorized.write_text('from="10.255.255.255" ' + Path(f"{server.key}.pub").read_text())
            try:
                outcomes = fan_out(targets, lambda t: reached(t, settings))
            finally:
                hops[0].authorized.write_text(Path(f"{server.key}.pub").read_text())
                settings.close()
        assert [o.value or o.error for o in outcomes.values()] == [True] * 3
        assert asked == [f"Password of {where}: "]

    def test_openssh_goes_the_same_way(self, server, settings, hops):
        settings.ssh_config.write_text(
            f"StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nIdentityFile {server.key}\n"
        )
        jump = tuple(f"root@127.0.0.1:{hop.port}" for hop in hops)
        argv = openssh_argv(server.target(key=str(server.key), jump=jump), settings)
        done = subprocess.run(
            [*argv, "echo", "there"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == "there\n", done.stderr


class TestProxyCommands:
    def test_a_command_with_shell_syntax(self, server, settings, tmp_path):
        relay = f"sh -c 'echo $0 >{tmp_path}/used; exec busybox nc %h %p' \"went %h\""
        settings.ssh_config.write_text(f"IdentityFile {server.key}\nProxyCommand {relay}\n")
        assert reached(server.target(), settings)
        assert (tmp_path / "used").read_text() == "went 127.0.0.1\n"

    def test_a_command_that_fails_is_quoted(self, server, settings):
        settings.ssh_config.write_text("ProxyCommand no-such-relay %h\n")
        with pytest.raises(
            Unreachable, match=r"cannot be reached through its ProxyCommand: .*no-such-relay.*not found"
        ):
            connect(server.target(), settings)

    def test_it_ends_with_the_connection(self, server, settings, tmp_path):
        settings.ssh_config.write_text(
            f"IdentityFile {server.key}\n"
            f"ProxyCommand sh -c 'echo $$ >{tmp_path}/pid; exec busybox nc %h %p'\n"
        )
        connect(server.target(), settings).close()
        pid = int((tmp_path / "pid").read_text())
        for _ in range(50):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                time.sleep(0.1)
                continue
            return
        pytest.fail("the proxy command outlived the connection")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_ipv6_with_and_without_brackets(server, settings, tmp_path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with sshd.running(tmp_path / "six", listen="[::1]") as six:
        six.authorize(server.key)
        for host, port in (("::1", six.port), ("[::1]", six.port), (f"[::1]:{six.port}", None)):
            assert reached(server.target(host=host, port=port, key=str(server.key)), settings)
    assert settings.known_hosts.read_text().count("\n") == 1
    assert settings.known_hosts.read_text().startswith(f"[::1]:{six.port} ")


class TestUnreachable:
    @contextlib.contextmanager
    def listener(self, answer=lambda sock: time.sleep(30)):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        sock, _ = server.accept()
                        kept.append(sock)
                        threading.Thread(target=answer, args=(sock,), daemon=True).start()

            kept = []
            threading.Thread(target=serve, daemon=True).start()
            yield server.getsockname()[1]
            for sock in kept:
                sock.close()

    def error(self, settings, **target):
        with pytest.raises(Unreachable) as caught:
            connect(Target(**{"name": "a", "host": "127.0.0.1", "connect_timeout": 1, **target}), settings)
        assert caught.value.hint
        return str(caught.value)

    def test_a_refused_connection_names_host_and_port(self, settings):
        assert self.error(settings, port=1) == "127.0.0.1:1 refused the connection"

    def test_an_unknown_host_name(self, settings):
        assert self.error(settings, host="no-such-host.invalid").startswith(
            "name no-such-host.invalid is not known"
        )

    def test_a_server_that_accepts_and_sends_nothing(self, settings):
        with self.listener() as port:
            start = time.monotonic()
            said = self.error(settings, port=port)
            assert (
                said == f"127.0.0.1:{port} took the connection but did not answer as an SSH server within 1 s"
            )
            assert time.monotonic() - start < 5

    def test_a_server_that_is_not_ssh(self, settings):
        with self.listener(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)) as port:
            assert self.error(settings, port=port) == (
                f"127.0.0.1:{port} is not an SSH server: it says: HTTP/1.1 400 Bad Request"
            )

    def test_a_server_that_closes_every_connection(self, settings):
        with self.listener(lambda sock: sock.close()) as port:
            assert self.error(settings, port=port).startswith(f"127.0.0.1:{port} closed the connection")

    def test_a_server_that_closes_connections_while_it_is_busy_is_tried_again(self, server, settings):
        calls = []

        def relay(sock):
            calls.append(1)
            if len(calls) == 1:
                sock.close()
                return
            far = socket.create_connection(("127.0.0.1", server.port))
            for a, b in ((sock, far), (far, sock)):
                threading.Thread(target=copy, args=(a, b), daemon=True).start()

        def copy(a, b):
            with contextlib.suppress(OSError):
                while data := a.recv(65536):
                    b.sendall(data)
                b.close()

        with self.listener(relay) as port:
            assert reached(server.target(port=port, key=str(server.key)), settings)
        assert len(calls) == 2

    def test_it_costs_the_others_nothing(self, server, settings):
        with self.listener() as port:
            hanging = server.target(name="hangs", port=port, connect_timeout=4)
            targets = [hanging, *(server.target(name=f"n{n}", key=str(server.key)) for n in range(4))]
            outcomes = fan_out(targets, lambda t: reached(t, settings))
        good = list(outcomes.values())[1:]
        assert isinstance(outcomes[hanging].error, Unreachable)
        assert [o.value for o in good] == [True] * 4
        assert max(o.seconds for o in good) < outcomes[hanging].seconds

    def test_a_circle_of_jump_hosts(self, settings):
        settings.ssh_config.write_text("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
        with pytest.raises(ConfigProblem, match="behind more than 8 jump hosts"):
            connect(Target("a", "a"), settings)
