"""Host keys of real servers: learnt, changed, revoked, vouched for by an authority."""

import subprocess
from pathlib import Path

import pytest

from tasks.ssh import HostKeyProblem, connect, fan_out
from tests.ssh import sshd

OK = 'echo "$RF_MARK end 0"'


def test_a_new_key_is_learnt_once_by_many(server, tmp_path):
    settings = server.settings(tmp_path)
    targets = [server.target(name=f"n{n}", key=str(server.key)) for n in range(8)]
    outcomes = fan_out(targets, lambda t: connect(t, settings))
    assert [o.error for o in outcomes.values()] == [None] * 8
    for outcome in outcomes.values():
        outcome.value.close()
    public = " ".join(Path(f"{server.sshd.host_key}.pub").read_text().split()[:2])
    assert settings.known_hosts.read_text() == f"[127.0.0.1]:{server.port} {public}\n"


def test_strict_reaches_a_known_host_and_no_other(server, tmp_path):
    settings = server.settings(tmp_path)
    strict = server.target(key=str(server.key), host_keys="strict")
    with pytest.raises(HostKeyProblem, match="is not known"):
        connect(strict, settings)
    connect(server.target(key=str(server.key)), settings).close()
    with connect(strict, settings) as connection:
        assert connection.ask(OK, timeout=20).ok


def test_a_changed_key_ends_it_before_anything_is_said(server, tmp_path):
    settings = server.settings(tmp_path)
    other = Path(f"{sshd.keygen(tmp_path / 'other')}.pub").read_text()
    settings.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    user = "nobody-who-asked"  # a name that the log holds only if a login began
    with pytest.raises(HostKeyProblem, match=f"{settings.known_hosts}:1 has SHA256"):
        connect(server.target(user=user, key=str(server.key)), settings)
    assert user not in server.sshd.log()
    assert settings.known_hosts.read_text().count("\n") == 1


def test_off_reaches_a_changed_one(server, tmp_path):
    settings = server.settings(tmp_path)
    other = Path(f"{sshd.keygen(tmp_path / 'other')}.pub").read_text()
    settings.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    connect(server.target(key=str(server.key), host_keys="off"), settings).close()


def test_the_key_that_is_known_is_the_one_asked_for(tmp_path, server):
    """A server with several keys of which only its RSA key is known."""
    rsa = sshd.keygen(tmp_path / "rsa", "rsa")
    with sshd.running(tmp_path / "two", f"HostKey {rsa}") as running:
        running.authorize(server.key)
        settings = server.settings(tmp_path)
        public = Path(f"{rsa}.pub").read_text()
        settings.known_hosts.write_text(f"[127.0.0.1]:{running.port} {public}")
        connect(server.target(port=running.port, key=str(server.key), host_keys="strict"), settings).close()


@pytest.fixture(scope="module", params=["ed25519", "rsa", "ecdsa"])
def farm(request, tmp_path_factory, server):
    directory = tmp_path_factory.mktemp("farm")
    directory.chmod(0o755)
    authority = sshd.keygen(directory / "authority", request.param)
    key = sshd.keygen(directory / "host", request.param)

    class Farm:
        public = Path(f"{authority}.pub").read_text()
        plain = Path(f"{key}.pub").read_text()
        port = None

        @staticmethod
        def sign(*options, principals="127.0.0.1"):
            more = ["-n", principals] if principals else []
            subprocess.run(
                ["ssh-keygen", "-q", "-s", str(authority), "-I", "id", *more, *options, f"{key}.pub"],
                check=True,
            )

    Farm.sign("-h")
    certificate = f"HostCertificate {key}-cert.pub"
    with sshd.running(directory / "server", certificate, host_key=key) as running:
        running.authorize(server.key)
        Farm.running = running
        yield Farm


class TestCertificates:
    """A server whose host key is signed by an authority."""

    @pytest.fixture
    def reach(self, farm, server, tmp_path):
        def reach(known, **options):
            if options:
                farm.sign(*options.pop("sign"), **options)
                # sshd reads its certificate at the start
                farm.running.stop()
                farm.running.start()
            settings = server.settings(tmp_path)
            settings.known_hosts.write_text(
                known.format(port=farm.running.port, ca=farm.public, host=farm.plain)
            )
            target = server.target(port=farm.running.port, key=str(server.key), host_keys="strict")
            with connect(target, settings) as connection:
                assert connection.ask(OK, timeout=20).ok

        return reach

    def test_signed_by_the_authority(self, reach):
        reach("@cert-authority [127.0.0.1]:{port} {ca}")

    def test_an_authority_for_all(self, reach):
        reach("@cert-authority * {ca}")

    def test_an_authority_for_others_says_nothing(self, reach):
        with pytest.raises(HostKeyProblem, match="is not known"):
            reach("@cert-authority *.lab {ca}")

    def test_another_authority_says_nothing(self, reach):
        with pytest.raises(HostKeyProblem, match="is not known"):
            reach("@cert-authority * {host}")

    def test_the_plain_key_inside_may_be_known(self, reach):
        reach("@cert-authority * {host}\n[127.0.0.1]:{port} {host}")

    def test_a_revoked_authority(self, reach):
        with pytest.raises(HostKeyProblem, match="is revoked"):
            reach("@cert-authority * {ca}@revoked * {ca}")

    def test_a_revoked_key_inside(self, reach):
        with pytest.raises(HostKeyProblem, match="is revoked"):
            reach("@cert-authority * {ca}@revoked * {host}")

    @pytest.mark.parametrize(
        ("sign", "principals", "why"),
        [
            (["-h"], "10.0.0.9", "it is for 10.0.0.9, not for 127.0.0.1"),
            (["-h", "-V", "20200101:20200102"], "127.0.0.1", "it expired on 2020-01-0"),
            (["-h", "-V", "+1w:+2w"], "127.0.0.1", "it is not valid before"),
        ],
    )
    def test_a_certificate_that_does_not_hold(self, reach, sign, principals, why):
        with pytest.raises(HostKeyProblem, match=why):
            reach("@cert-authority * {ca}", sign=sign, principals=principals)

    def test_a_pattern_among_the_names(self, reach):
        reach("@cert-authority * {ca}", sign=["-h"], principals="node,127.0.0.*")
