"""Every way into a real server that plain ssh has."""

import os
import signal
import subprocess
import threading

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import AuthFailed, ConfigProblem, Target, connect, fan_out
from tests.script.processes import until
from tests.ssh import sshd

OK = 'echo "$RF_MARK kv user $(id -un)"; echo "$RF_MARK end 0"'
PASSWORD = "corr3ct horse $(id) 'q'"


@pytest.fixture(scope="module")
def user():
    with sshd.temporary_user("rfuser", PASSWORD):
        yield "rfuser"


@pytest.fixture(scope="module")
def pam(server, tmp_path_factory):
    """Takes passwords only by keyboard-interactive."""
    directory = tmp_path_factory.mktemp("pam")
    options = ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes")
    with sshd.running(directory / "server", *options) as running:
        yield running


def gets_in(target, settings):
    with connect(target, settings) as connection:
        return connection.ask(OK, timeout=30).values["user"]


class TestKeyFiles:
    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    def test_each_type_of_key(self, server, settings, tmp_path, kind):
        key = server.sshd.authorize(sshd.keygen(tmp_path / kind, kind))
        assert gets_in(server.target(key=str(key)), settings) == "root"

    def test_an_old_pem_file(self, server, settings, tmp_path):
        key = server.sshd.authorize(sshd.keygen(tmp_path / "pem", "rsa", "", "-m", "PEM"))
        assert gets_in(server.target(key=str(key)), settings) == "root"

    def test_the_default_ones_in_the_home_directory(self, server, tmp_path):
        settings = server.settings(tmp_path, ssh_client=None, home=tmp_path)
        settings.ssh_config.write_text("")
        (tmp_path / ".ssh").mkdir()
        sshd.keygen(tmp_path / ".ssh" / "id_rsa", "rsa")
        server.sshd.authorize(sshd.keygen(tmp_path / ".ssh" / "id_ed25519"))
        assert gets_in(server.target(), settings) == "root"

    def test_from_the_ssh_configuration(self, server, settings):
        settings.ssh_config.write_text(
            f"Host farm\n HostName 127.0.0.1\n IdentityFile {server.key}\n User root\n"
        )
        assert gets_in(Target("farm", "farm", port=server.port), settings) == "root"

    def test_a_missing_key_file(self, server, settings):
        with pytest.raises(ConfigProblem, match=r"^key ~/nowhere/id of a is not there$"):
            connect(server.target(key="~/nowhere/id"), settings)

    def test_a_file_that_is_no_key(self, server, settings, tmp_path):
        (tmp_path / "letter").write_text("Dear all")
        with pytest.raises(ConfigProblem, match="letter cannot be used: it is not a private key"):
            connect(server.target(key=str(tmp_path / "letter")), settings)

    def test_a_default_file_that_is_no_key_is_ignored(self, server, settings, tmp_path):
        (tmp_path / "letter").write_text("Dear all")
        settings.ssh_config.write_text(f"IdentityFile {tmp_path}/letter\nIdentityFile {server.key}\n")
        assert gets_in(server.target(), settings) == "root"

    def test_a_key_that_the_server_does_not_accept(self, server, settings, tmp_path):
        key = sshd.keygen(tmp_path / "stranger")
        with pytest.raises(AuthFailed) as caught:
            connect(server.target(key=str(key)), settings)
        where = f"root@127.0.0.1:{server.port}"
        assert str(caught.value) == f"authentication failed for {where} (tried: key {key})"
        assert caught.value.hint == f"copy your key to the host: ssh-copy-id -p {server.port} root@127.0.0.1"

    def test_no_key_and_no_password(self, server, settings):
        with pytest.raises(AuthFailed, match="tried: nothing: no key and no password available"):
            connect(server.target(), settings)


class TestPassphrases:
    @pytest.fixture(params=["openssh", "pem"])
    def locked(self, request, server, tmp_path):
        more = ("-m", "PEM") if request.param == "pem" else ()
        return server.sshd.authorize(sshd.keygen(tmp_path / "locked", "rsa", "open sesame", *more))

    def test_asked_once_for_all_hosts(self, server, tmp_path, locked):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "open sesame")
        targets = [server.target(name=f"n{n}", key=str(locked)) for n in range(6)]
        outcomes = fan_out(targets, lambda t: gets_in(t, settings))
        assert [o.value or o.error for o in outcomes.values()] == ["root"] * 6
        assert asked == [f"Passphrase for {locked}: "]

    def test_asked_again_when_it_was_wrong(self, server, tmp_path, locked):
        answers = iter(["wrong", "open sesame"])
        settings = server.settings(tmp_path, ask=lambda prompt: next(answers))
        assert gets_in(server.target(key=str(locked)), settings) == "root"

    def test_three_wrong_passphrases(self, server, tmp_path, locked):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "wrong")
        with pytest.raises(AuthFailed, match="its passphrase was not given"):
            connect(server.target(key=str(locked)), settings)
        assert [prompt for prompt in asked if "Passphrase" in prompt] == asked[:3]

    @pytest.mark.parametrize("ask", [None, "no terminal"])
    def test_a_passphrase_that_cannot_be_asked_for_is_reported(self, server, tmp_path, locked, ask):
        def refuse(prompt):
            raise EOFError

        settings = server.settings(tmp_path, ask=refuse if ask else None)
        with pytest.raises(AuthFailed, match="nobody can be asked") as caught:
            connect(server.target(key=str(locked)), settings)
        assert caught.value.hint == f"unlock it for this session: ssh-add {locked}"

    def test_no_passphrase_is_asked_for_a_key_that_the_server_does_not_accept(self, server, tmp_path):
        asked = []
        stranger = sshd.keygen(tmp_path / "stranger", "ed25519", "secret")
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "secret")
        with pytest.raises(AuthFailed):
            connect(server.target(key=str(stranger)), settings)
        assert asked and not [prompt for prompt in asked if "Passphrase" in prompt]


class TestAgent:
    @pytest.fixture
    def agent(self, tmp_path):
        """The socket of a real ssh-agent and what to run ssh-add with."""
        path = tmp_path / "agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
        while not path.exists():
            assert process.poll() is None
        yield str(path)
        os.kill(process.pid, signal.SIGTERM)
        process.wait()

    def add(self, agent, key):
        environment = {**os.environ, "SSH_AUTH_SOCK": agent}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)
        return key

    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    def test_a_key_that_only_the_agent_has(self, server, tmp_path, agent, kind):
        key = self.add(agent, server.sshd.authorize(sshd.keygen(tmp_path / "held", kind)))
        key.unlink()
        assert gets_in(server.target(), server.settings(tmp_path, agent=agent)) == "root"

    def test_chosen_by_its_public_half(self, server, tmp_path, agent):
        key = self.add(agent, server.sshd.authorize(sshd.keygen(tmp_path / "held")))
        key.unlink()
        settings = server.settings(tmp_path, agent=agent)
        assert gets_in(server.target(key=f"{key}.pub"), settings) == "root"

    def test_many_hosts_at_once(self, server, tmp_path, agent):
        self.add(agent, server.sshd.authorize(sshd.keygen(tmp_path / "held"))).unlink()
        settings = server.settings(tmp_path, agent=agent)
        outcomes = fan_out([server.target(name=f"n{n}") for n in range(10)], lambda t: gets_in(t, settings))
        assert [o.value or o.error for o in outcomes.values()] == ["root"] * 10

    def test_identities_only_leaves_the_others_out(self, server, tmp_path, agent):
        self.add(agent, server.sshd.authorize(sshd.keygen(tmp_path / "held")))
        settings = server.settings(tmp_path, agent=agent)
        settings.ssh_config.write_text("IdentitiesOnly yes\nIdentityFile none\n")
        with pytest.raises(AuthFailed, match="tried: nothing"):
            connect(server.target(), settings)

    def test_the_named_key_comes_before_a_crowd_in_the_agent(self, server, tmp_path, agent):
        """As many strangers as the server has patience for."""
        for number in range(7):
            self.add(agent, sshd.keygen(tmp_path / f"stranger{number}"))
        settings = server.settings(tmp_path, agent=agent)
        assert gets_in(server.target(key=str(server.key)), settings) == "root"
        with pytest.raises(AuthFailed, match=r"stranger0.*the server said: Too many") as caught:
            connect(server.target(), settings)
        assert caught.value.hint == "name the right key with `key:`, or set IdentitiesOnly in ~/.ssh/config"

    def test_an_agent_that_is_gone_is_ignored(self, server, tmp_path):
        settings = server.settings(tmp_path, agent=str(tmp_path / "gone"))
        assert gets_in(server.target(key=str(server.key)), settings) == "root"


def test_a_user_certificate_logs_in(server, settings, tmp_path):
    authority = sshd.keygen(tmp_path / "authority")
    options = (f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none")
    with sshd.running(tmp_path / "server", *options) as running:
        for kind in ("ed25519", "rsa"):
            key = sshd.keygen(tmp_path / kind, kind)
            command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", "root", f"{key}.pub"]
            subprocess.run(command, check=True)
            assert gets_in(server.target(port=running.port, key=str(key)), settings) == "root"


class TestPasswords:
    def test_a_right_password_logs_in(self, server, settings, user):
        assert gets_in(server.target(user=user, password=Secret(PASSWORD)), settings) == user

    def test_a_wrong_password_is_reported_and_not_shown(self, server, settings, user):
        with pytest.raises(AuthFailed) as caught:
            connect(server.target(user=user, password=Secret("wr0ng")), settings)
        where = f"{user}@127.0.0.1:{server.port}"
        assert str(caught.value).startswith(f"authentication failed for {where} (tried: password")
        assert "wr0ng" not in str(caught.value) + caught.value.hint
        assert caught.value.hint.startswith("check the user and the password")

    def test_a_password_after_a_key_that_is_not_accepted(self, server, settings, user, tmp_path):
        key = str(sshd.keygen(tmp_path / "stranger"))
        assert gets_in(server.target(user=user, key=key, password=Secret(PASSWORD)), settings) == user

    def test_keyboard_interactive_takes_the_password(self, server, settings, user, pam):
        target = server.target(user=user, port=pam.port, password=Secret(PASSWORD))
        assert gets_in(target, settings) == user

    def test_keyboard_interactive_with_a_wrong_one(self, server, settings, user, pam):
        with pytest.raises(AuthFailed, match="keyboard-interactive"):
            connect(server.target(user=user, port=pam.port, password=Secret("wrong")), settings)

    def test_a_server_that_requires_a_key_and_a_password(self, server, settings, user, tmp_path):
        with sshd.running(tmp_path / "both", "AuthenticationMethods publickey,password") as both:
            both.authorize(server.key)
            target = server.target(user=user, port=both.port, key=str(server.key), password=Secret(PASSWORD))
            assert gets_in(target, settings) == user
            without = server.target(user=user, port=both.port, key=str(server.key))
            with pytest.raises(AuthFailed) as caught:
                connect(without, settings)
            assert caught.value.hint == "the server accepts only a password: set `password:`"


def test_failed_logins_leave_no_thread(server, settings):
    before = threading.active_count()
    for _ in range(3):
        with pytest.raises(AuthFailed):
            connect(server.target(), settings)
    until(lambda: threading.active_count() <= before, 30)  # they end by themselves, when they are given time
