"""known_hosts files, read as OpenSSH reads them: its own ssh-keygen -F is the judge where it can be."""

import subprocess
import threading
from dataclasses import replace

import pytest

from tasks.ssh import HostKeyProblem, Settings, Target
from tasks.ssh.hostkeys import Verifier
from tasks.ssh.knownhosts import KnownHosts, fingerprint, load
from tasks.ssh.sshconfig import resolve
from tests.ssh.sshd import keygen


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Three public keys as they stand in a file: `type base64`."""
    directory = tmp_path_factory.mktemp("keys")
    kinds = {"ed": "ed25519", "other": "ed25519", "ec": "ecdsa"}
    made = {name: keygen(directory / name, kind) for name, kind in kinds.items()}
    return {name: " ".join(open(f"{path}.pub").read().split()[:2]) for name, path in made.items()}


def blob(line):
    import base64

    return base64.b64decode(line.split()[1])


CASES = [
    # what stands in the file before the key, the name looked for, found or not
    ("10.0.0.5", "10.0.0.5", True),
    ("10.0.0.5", "10.0.0.50", False),
    ("node,10.0.0.5,[node]:2222", "10.0.0.5", True),
    ("node,10.0.0.5,[node]:2222", "[node]:2222", True),
    ("node", "[node]:2222", False),
    ("[node]:2222", "node", False),
    ("[fe80::1]:2222", "[fe80::1]:2222", True),
    ("2001:db8::1", "2001:db8::1", True),
    ("Node.Lab", "node.lab", True),
    ("*.lab", "node.lab", True),
    ("*.lab", "lab", False),
    ("10.0.0.?", "10.0.0.5", True),
    ("10.0.0.?", "10.0.0.15", False),
    ("*,!bad.lab", "good.lab", True),
    ("*,!bad.lab", "bad.lab", False),
    ("!bad.lab,*", "bad.lab", False),
    ("!bad.lab", "good.lab", False),
    ("[*.lab]:2222", "[node.lab]:2222", True),
    ("[*.lab]:2222", "n", False),
    ("node.lab", "nodexlab", False),
]


@pytest.mark.parametrize(("names", "name", "found"), CASES)
def test_a_name_is_found_where_ssh_keygen_finds_it(tmp_path, keys, names, name, found):
    path = tmp_path / "known_hosts"
    path.write_text(f"# a comment\n\n{names} {keys['ed']} root@node\n")
    entries = KnownHosts(path).lookup(name)
    assert [e.line for e in entries] == ([3] if found else [])
    judge = subprocess.run(["ssh-keygen", "-F", name, "-f", str(path)], capture_output=True, check=False)
    assert (judge.returncode == 0) is found


def test_hashed_names_are_found(tmp_path, keys):
    path = tmp_path / "known_hosts"
    path.write_text(f"node {keys['ed']}\n[node]:2222 {keys['ec']}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert path.read_text().startswith("|1|")
    hosts = KnownHosts(path)
    assert [e.blob for e in hosts.lookup("node")] == [blob(keys["ed"])]
    assert [e.blob for e in hosts.lookup("[node]:2222")] == [blob(keys["ec"])]
    assert hosts.lookup("other") == []


@pytest.mark.parametrize(
    "line",
    [
        "node",
        "node ssh-ed25519",
        "node ssh-ed25519 not-base64!",
        "node ecdsa-sha2-nistp256 {ed}",
        "@unheard-of node ssh-ed25519 {ed}",
        "|1|broken ssh-ed25519 {ed}",
        "\ufeff\x00",
    ],
)
def test_lines_that_say_nothing_are_passed_over(tmp_path, keys, line):
    path = tmp_path / "known_hosts"
    path.write_text(line.replace("{ed}", keys["ed"].split()[1]) + f"\nnode {keys['ec']}\n")
    assert [e.line for e in KnownHosts(path).lookup("node")] == [2]


def test_fingerprints_are_those_of_ssh_keygen(tmp_path, keys):
    (tmp_path / "key.pub").write_text(keys["ec"])
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], capture_output=True, text=True
    )
    assert fingerprint(blob(keys["ec"])) == said.stdout.split()[1]


class TestWriting:
    @pytest.mark.parametrize("hashed", [False, True])
    def test_a_line_that_openssh_finds(self, tmp_path, keys, hashed):
        path = tmp_path / "new" / "known_hosts"
        KnownHosts(path).append("[node]:2222", blob(keys["ed"]), hashed=hashed)
        found = subprocess.run(
            ["ssh-keygen", "-F", "[node]:2222", "-f", str(path)], capture_output=True, text=True, check=True
        )
        assert keys["ed"] in found.stdout
        assert path.read_text().startswith("|1|") is hashed
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    def test_after_a_last_line_without_a_newline(self, tmp_path, keys):
        path = tmp_path / "known_hosts"
        path.write_text(f"old {keys['ec']}")
        hosts = KnownHosts(path)
        hosts.append("new", blob(keys["ed"]), hashed=False)
        hosts.append("newer", blob(keys["ed"]), hashed=False)
        assert path.read_text() == f"old {keys['ec']}\nnew {keys['ed']}\nnewer {keys['ed']}\n"

    def test_the_next_lookup_knows_it_without_reading_again(self, tmp_path, keys):
        path, settings = tmp_path / "known_hosts", Settings()
        hosts = load(path, settings)
        hosts.append("node", blob(keys["ed"]), hashed=True)
        assert load(path, settings) is hosts
        assert [e.line for e in hosts.lookup("node")] == [1]

    def test_what_others_write_meanwhile_is_read(self, tmp_path, keys):
        path, settings = tmp_path / "known_hosts", Settings()
        assert load(path, settings).lookup("node") == []
        path.write_text(f"node {keys['ed']}\n")
        assert [e.line for e in load(path, settings).lookup("node")] == [1]


class TestVerifying:
    """What a Verifier thinks of a key, given a file."""

    @pytest.fixture
    def check(self, tmp_path, keys):
        path = tmp_path / "known_hosts"

        def check(text, sent, host="node", port=22, host_keys="accept-new"):
            path.write_text(text.format(**keys))
            settings = Settings(known_hosts=path, ssh_config=tmp_path / "config")
            (tmp_path / "config").touch()
            target = Target("node", host, port=port, host_keys=host_keys)
            Verifier.of(resolve(target, settings), settings).check(blob(keys[sent]), settings)
            return path.read_text().removeprefix(text.format(**keys))

        check.path = path
        return check

    def test_a_known_key(self, check):
        assert check("node {ed}\n", "ed") == ""

    def test_one_of_several(self, check):
        assert check("node {other}\nnode {ec}\nnode {ed}\n", "ed") == ""

    def test_a_changed_key_is_refused_with_file_and_line(self, check, keys):
        with pytest.raises(HostKeyProblem) as caught:
            check("# mine\nnode {ed}\n", "other")
        was, sent = (fingerprint(blob(keys[k])) for k in ("ed", "other"))
        assert (
            str(caught.value) == f"host key of node changed: {check.path}:2 has {was}, the host sent {sent}"
        )
        assert caught.value.hint == f"if you rebuilt it: ssh-keygen -R 'node' -f {check.path}"

    def test_a_key_of_another_type_than_the_known_one_is_refused(self, check):
        with pytest.raises(HostKeyProblem, match=r"changed: .* \(ssh-ed25519\), the host sent .* \(ecdsa-"):
            check("node {ed}\n", "ec")

    def test_a_new_key_is_written(self, check, keys):
        assert check("", "ed", port=2222) == f"[node]:2222 {keys['ed']}\n"

    def test_a_key_known_without_the_port_will_do(self, check):
        assert check("node {ed}\n", "ed", port=2222) == ""

    def test_another_key_known_without_the_port_does_not_matter(self, check, keys):
        assert check("node {ed}\n", "other", port=2222) == f"[node]:2222 {keys['other']}\n"

    def test_strict_refuses_what_is_new(self, check, keys):
        with pytest.raises(HostKeyProblem, match="is not known: it sent ssh-ed25519 SHA256:") as caught:
            check("", "ed", host_keys="strict", port=2222)
        assert "ssh-keyscan -p 2222 node >>" in caught.value.hint

    def test_off_checks_and_writes_nothing(self, check):
        assert check("node {ed}\n", "other", host_keys="off") == ""

    @pytest.mark.parametrize("host_keys", ["strict", "accept-new"])
    def test_revoked_is_refused_even_if_known(self, check, host_keys):
        with pytest.raises(HostKeyProblem, match=r"is revoked: .*:2 has SHA256"):
            check("node {ed}\n@revoked * {ed}\n", "ed", host_keys=host_keys)

    def test_the_alias_is_what_is_looked_up(self, tmp_path, keys):
        (tmp_path / "config").write_text("HostKeyAlias farm\n")
        settings = Settings(known_hosts=tmp_path / "known_hosts", ssh_config=tmp_path / "config")
        route = resolve(Target("node", "node", port=2222), settings)
        Verifier.of(route, settings).check(blob(keys["ed"]), settings)
        assert (tmp_path / "known_hosts").read_text() == f"farm {keys['ed']}\n"

    def test_many_at_once_write_one_line(self, tmp_path, keys):
        (tmp_path / "config").touch()
        settings = Settings(known_hosts=tmp_path / "known_hosts", ssh_config=tmp_path / "config")
        route = resolve(Target("node", "node"), settings)
        verifiers = [Verifier.of(route, settings) for _ in range(20)]
        threads = [threading.Thread(target=v.check, args=(blob(keys["ed"]), settings)) for v in verifiers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (tmp_path / "known_hosts").read_text() == f"node {keys['ed']}\n"

    def test_algorithms_of_known_keys_come_first(self, tmp_path, keys):
        (tmp_path / "config").touch()
        settings = Settings(known_hosts=tmp_path / "known_hosts", ssh_config=tmp_path / "config")
        settings.known_hosts.write_text(f"node {keys['ec']}\n@cert-authority *.lab {keys['ed']}\n")
        route = resolve(Target("node", "node"), settings)
        plain = Verifier.of(route, settings).algorithms()
        assert plain[:2] == ("ecdsa-sha2-nistp256", "ssh-ed25519")
        assert not any("cert" in a for a in plain)
        certified = Verifier.of(replace(route, hostname="a.lab"), settings).algorithms()
        assert certified[0] == "ssh-ed25519-cert-v01@openssh.com"

    def test_a_file_that_cannot_be_read(self, tmp_path, check):
        check.path.mkdir()
        settings = Settings(known_hosts=check.path)
        with pytest.raises(HostKeyProblem, match="cannot be read: Is a directory"):
            load(check.path, settings)
