"""What a server says when it refuses: none of its words is lost, and each has a way out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import AuthFailed, CarryFailed, StepTimeout, Unfinished, Unreachable, connect, dial
from tasks.ssh.auth import wants_password
from tests.ssh import sshd

OK = 'echo "$RF_MARK kv user $(id -un)"; echo "$RF_MARK end 0"'
ROOT = "Please login as the user ubuntu rather than the user root."
PASSWORD = "pass word"


@pytest.fixture(scope="module")
def home():
    with sshd.temporary_user("rfwords", PASSWORD, "/bin/bash") as home:
        yield home


@pytest.fixture(scope="module")
def pam(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pam")
    with sshd.running(directory / "server", "UsePAM yes", "KbdInteractiveAuthentication yes") as running:
        yield running


@pytest.fixture
def own(server, settings, tmp_path):
    """A function that runs a server with such options, and a line before the key in its authorized_keys."""
    running = []

    def start(*options, before=""):
        made = sshd.running(tmp_path / f"server{len(running)}", *options)
        one = made.__enter__()
        running.append(made)
        one.authorized.write_text(before + Path(f"{server.key}.pub").read_text())
        return server.target(port=one.port, key=str(server.key))

    yield start
    for made in running:
        made.__exit__(None, None, None)


class TestALoginThatRunsNoCommands:
    def refused(self, target, settings):
        with connect(target, settings) as connection:
            with pytest.raises(Unfinished) as caught:
                connection.ask(OK, timeout=20)
            with pytest.raises(CarryFailed) as lost:
                connection.carry(b"x", "/tmp/rf-nothing")
        assert caught.value.hint.startswith("another `user:`")
        return str(caught.value), str(lost.value)

    def test_a_cloud_image_s_root(self, own, settings):
        command = f"command=\"echo '{ROOT}';echo;exit 142\" "
        asked, carried = self.refused(own(before=command), settings)
        assert asked == f"a: the login of root does not run commands: {ROOT}"
        assert f"the login of root does not run commands: {ROOT}" in carried

    def test_words_on_stderr_too(self, own, settings):
        target = own("ForceCommand echo out; echo err >&2; exit 1")
        assert self.refused(target, settings)[0] == "a: the login of root does not run commands: out | err"

    def test_sftp_alone(self, own, settings):
        asked, _ = self.refused(own("ForceCommand internal-sftp"), settings)
        assert "the login of root does not run commands: " in asked

    def test_a_jump_host_of_that_kind(self, own, server, settings):
        jump = own("AllowTcpForwarding no", f"ForceCommand echo '{ROOT}'; exit 142")
        settings.ssh_config.write_text(f"IdentityFile {server.key}\n")
        with pytest.raises(Unreachable) as caught:
            connect(server.target(jump=(f"root@127.0.0.1:{jump.port}",)), settings)
        assert ROOT in str(caught.value) and "forwards no connection" in str(caught.value)
        assert caught.value.hint.startswith("another user for it, as in `jump: user@host`")


class TestStartUpFiles:
    @pytest.fixture
    def with_bashrc(self, home, server, settings):
        def make(text, *, timeout=20.0):
            (home / ".bashrc").write_text(text)
            shutil.chown(home / ".bashrc", "rfwords")
            with connect(server.target(user="rfwords", password=Secret(PASSWORD)), settings) as connection:
                answer = connection.ask(OK, timeout=timeout)
                connection.carry(b"x", "carried")
                return answer

        return make

    @pytest.mark.parametrize(
        "text",
        ["read -r -p 'press enter ' _\nread -r other\n", "exec bash\n", "echo hi; read -rn1\n"],
    )
    def test_one_that_reads_does_no_harm(self, with_bashrc, text):
        assert with_bashrc(text).values == {"user": "rfwords"}

    @pytest.mark.parametrize("program", ["fish", "tcsh", "zsh"])
    def test_one_that_starts_another_shell(self, with_bashrc, program):
        if shutil.which(program) is None:
            sshd.install(program)
        with pytest.raises(
            Unfinished, match="the start-up files of rfwords start another program: "
        ) as caught:
            with_bashrc(f"exec {program}\n")
        assert "[ -t 0 ] && exec" in caught.value.hint

    def test_one_that_ends_the_shell(self, with_bashrc):
        with pytest.raises(Unfinished, match=r"does not run commands: it said nothing \(status 3\)"):
            with_bashrc("exit 3\n")

    def test_one_that_waits(self, with_bashrc):
        with pytest.raises(
            StepTimeout, match=r"the login has run nothing within 2 s; it said: wait"
        ) as caught:
            with_bashrc("echo wait\nsleep 60\n", timeout=2)
        assert "start-up files" in caught.value.hint


class TestPam:
    """The server accepts the password, and PAM refuses the account afterwards."""

    def refused(self, server, settings, pam):
        with pytest.raises(AuthFailed) as caught:
            connect(server.target(user="rfwords", port=pam.port, password=Secret(PASSWORD)), settings)
        return caught.value

    def test_an_expired_account(self, server, settings, pam, home):
        subprocess.run(["chage", "-E", "0", "rfwords"], check=True)
        try:
            error = self.refused(server, settings, pam)
        finally:
            subprocess.run(["chage", "-E", "-1", "rfwords"], check=True)
        assert "does not let rfwords in: " in str(error) and "expired" in str(error)
        assert error.hint == "ask who runs the host; or another `user:`"

    def test_maintenance(self, server, settings, pam, home):
        nologin = Path("/etc/nologin")
        nologin.write_text("Closed until Monday.\n")
        try:
            assert "does not let rfwords in: Closed until Monday." in str(self.refused(server, settings, pam))
        finally:
            nologin.unlink()

    def test_a_host_that_boots_is_waited_for(self, server, settings, pam, home, monkeypatch):
        monkeypatch.setattr(dial, "_BOOT_LOOK", 0.1)
        nologin, told = Path("/etc/nologin"), []
        nologin.write_text("System is booting up. Unprivileged users are not permitted to log in yet.\n")

        def tell(text):
            told.append(text)
            nologin.unlink(missing_ok=True)

        try:
            target = server.target(user="rfwords", port=pam.port, password=Secret(PASSWORD))
            with connect(target, settings, tell) as connection:
                assert connection.is_connected
        finally:
            nologin.unlink(missing_ok=True)
        assert told == ["waiting until 127.0.0.1 has started"]


class TestBeforeTheVersion:
    def answered(self, settings, server, *lines):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            for _ in range(4):
                sock, _ = listener.accept()
                sock.recv(200)
                sock.sendall(b"".join(line.encode() + b"\r\n" for line in lines))
                sock.close()

        threading.Thread(target=serve, daemon=True).start()
        with listener, pytest.raises(Unreachable) as caught:
            connect(server.target(port=listener.getsockname()[1]), settings)
        return str(caught.value).partition(" ")[2], caught.value.hint

    @pytest.mark.parametrize("line", ["Exceeded MaxStartups", "Not allowed at this time"])
    def test_why_it_closes_the_connection(self, settings, server, line):
        message, hint = self.answered(settings, server, line)
        assert message == f"closed the connection: {line}" and hint

    def test_nothing_at_all(self, settings, server):
        message, hint = self.answered(settings, server)
        assert message == "closed the connection before saying anything" and "fail2ban" in hint


@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        ("Password: ", True),
        ("alice@n1's password: ", True),
        ("(alice@n1) Password for alice:", True),
        ("Passwort:", True),
        ("密码：", True),
        ("New password: ", False),
        ("Retype new password:", False),
        ("Current password: ", False),
        ("One-time password (OATH) for `alice': ", False),
        ("Verification code: ", False),
        ("Password & verification code: ", False),
        ("Passcode or option (1-3): ", False),
        ("Enter passphrase for key '/root/.ssh/id': ", False),
    ],
)
def test_which_prompt_is_for_the_password(prompt, meant):
    assert wants_password(prompt) is meant


def test_known_hosts_that_cannot_be_written_is_a_warning(server, tmp_path):
    said = []
    settings = server.settings(tmp_path, known_hosts=Path("/proc/rf/known_hosts"), warn=said.append)
    for _ in range(2):
        with connect(server.target(key=str(server.key)), settings) as connection:
            assert connection.ask(OK, timeout=20).ok
    assert len(said) == 1 and said[0].startswith("host keys cannot be written to /proc/rf/known_hosts: ")
