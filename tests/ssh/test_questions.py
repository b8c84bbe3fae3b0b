"""Questions of a server: shown as it puts them, answered by a person or by the hosts file, each once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import time
from pathlib import Path

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import AuthFailed, connect, fan_out
from tests.ssh import sshd

OK = 'echo "$RF_MARK kv user $(id -un)"; echo "$RF_MARK end 0"'
PASSWORD = "pass word"
SEED = "JBSWY3DPEHPK3PXP"
MODULE = "pam_google_authenticator.so"


def code() -> str:
    """The one-time code of now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(SEED), int(time.time() // 30).to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1000000:06}"


@pytest.fixture(scope="module")
def user():
    with sshd.temporary_user("rfcode", PASSWORD) as home:
        secret = home / ".google_authenticator"
        secret.write_text(f'{SEED}\n" TOTP_AUTH\n')
        secret.chmod(0o400)
        shutil.chown(secret, "rfcode")
        yield "rfcode"


@pytest.fixture(scope="module")
def coded(tmp_path_factory, server):
    """A function that runs a server whose second question is for a one-time code."""
    if not list(Path("/").glob(f"lib*/*/security/{MODULE}")):
        sshd.install("libpam-google-authenticator")
    directory, running = tmp_path_factory.mktemp("code"), []
    service, link = Path("/etc/pam.d/rf-sshd"), directory / "rf-sshd"
    link.symlink_to(sshd.require())

    def start(*options, password=False):
        first = "auth required pam_unix.so\n" if password else ""
        service.write_text(
            f"{first}auth required {MODULE}\naccount required pam_permit.so\nsession required pam_permit.so\n"
        )
        pam = ("UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no")
        made = sshd.running(directory / f"server{len(running)}", *pam, *options, program=str(link))
        running.append(made)
        one = made.__enter__()
        one.authorize(server.key)
        return one.port

    yield start
    for made in running:
        made.__exit__(None, None, None)
    service.unlink()


def gets_in(target, settings):
    with connect(target, settings) as connection:
        return connection.ask(OK, timeout=30).values["user"]


KEY_AND_CODE = "AuthenticationMethods publickey,keyboard-interactive"


class TestACode:
    def test_is_asked_for_in_the_server_s_words_and_is_not_the_password(self, server, tmp_path, user, coded):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or code())
        target = server.target(
            user=user, port=coded(KEY_AND_CODE), key=str(server.key), password=Secret(PASSWORD)
        )
        assert gets_in(target, settings) == user
        assert asked == [f"rfcode@127.0.0.1:{target.port}: Verification code: "]

    def test_after_the_password_of_the_hosts_file(self, server, tmp_path, user, coded):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or code())
        target = server.target(user=user, port=coded(password=True), password=Secret(PASSWORD))
        assert gets_in(target, settings) == user
        assert [prompt.partition(": ")[2] for prompt in asked] == ["Verification code: "]

    def test_may_be_typed_again(self, server, tmp_path, user, coded):
        answers = iter(["99999999", "99999998"])
        settings = server.settings(tmp_path, ask=lambda prompt: next(answers, None) or code())
        assert (
            gets_in(server.target(user=user, port=coded(KEY_AND_CODE), key=str(server.key)), settings) == user
        )

    def test_that_is_never_accepted(self, server, tmp_path, user, coded):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "99999999")
        with pytest.raises(AuthFailed) as caught:
            connect(server.target(user=user, port=coded(KEY_AND_CODE), key=str(server.key)), settings)
        assert len(asked) == 3
        assert caught.value.hint.startswith("what was typed was not accepted; a code holds for a short time")

    def test_nobody_is_there(self, server, settings, user, coded):
        target = server.target(
            user=user, port=coded(KEY_AND_CODE), key=str(server.key), password=Secret(PASSWORD)
        )
        with pytest.raises(AuthFailed) as caught:
            connect(target, settings)
        assert str(caught.value) == (
            f"127.0.0.1:{target.port} asks rfcode for an answer (Verification code:), and nobody is there"
        )
        assert caught.value.hint == "run it on a terminal, or have a key be enough for this user"

    def test_a_slow_typist_outlives_the_server_s_patience(self, server, tmp_path, user, coded):
        asked = []

        def slowly(prompt):
            asked.append(prompt)
            time.sleep(4 if len(asked) == 1 else 0)
            return code()

        settings = server.settings(tmp_path, ask=slowly)
        target = server.target(user=user, port=coded(KEY_AND_CODE, "LoginGraceTime 3"), key=str(server.key))
        assert gets_in(target, settings) == user
        assert len(asked) == 2


class TestAPasswordThatIsTyped:
    def test_three_tries_as_in_ssh(self, server, tmp_path, user):
        answers = iter(["wr0ng", "wr0ng, too", PASSWORD])
        settings = server.settings(tmp_path, ask=lambda prompt: next(answers))
        assert gets_in(server.target(user=user), settings) == user

    def test_one_that_is_not_given_ends_the_questions_for_all_hosts(self, server, tmp_path, user):
        asked = []
        settings = server.settings(tmp_path, ask=lambda prompt: asked.append(prompt) or "")
        targets = [server.target(name=f"n{n}", host=f"127.0.0.{n}", user=user) for n in (1, 1, 1)]
        outcomes = fan_out(targets, lambda target: gets_in(target, settings))
        assert not any(outcome.ok for outcome in outcomes.values())
        assert asked == [f"Password of rfcode@127.0.0.1:{server.port}: "]

    def test_a_key_is_enough(self, server, tmp_path):
        settings = server.settings(tmp_path, ask=lambda prompt: pytest.fail(prompt))
        assert gets_in(server.target(key=str(server.key)), settings) == "root"


def test_a_passphrase_that_takes_longer_than_the_server_waits(server, tmp_path):
    locked = sshd.keygen(tmp_path / "locked", "ed25519", "open sesame")
    asked = []
    settings = server.settings(
        tmp_path, ask=lambda prompt: asked.append(prompt) or time.sleep(3.5) or "open sesame"
    )
    with sshd.running(tmp_path / "server", "LoginGraceTime 2") as running:
        running.authorize(locked)
        assert gets_in(server.target(port=running.port, key=str(locked)), settings) == "root"
    assert asked == [f"Passphrase for {locked}: "]
