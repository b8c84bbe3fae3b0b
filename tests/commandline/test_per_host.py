"""``-H HOSTS`` for a bare command and for a user's own tasks: which hosts it means, and how it ends."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from fabric import task as fabric_task
from invoke import Collection, Exit, task

from tasks import per_host
from tasks.actions import cli
from tasks.ssh import Target
from tests.terminal import CTRL_C, Terminal

TOP = Path(__file__).parents[2]
HOSTS = """
cluster: notthere
ssh: {user: alice, key: ~/.ssh/lab}
head: {host: 10.0.0.1, name: boss, port: 2222, sudo_password: {env: NOT_SET}}
workers:
  - host: 10.0.1.[1-2]
    name: gpu[1-2]
  - {host: "fd00::7", jump: bastion}
groups: {all-gpus: gpu*}
"""
LOCAL = """
cluster: notthere
head: {host: localhost, name: here, connection: local, runtime: uv}
"""
SEEN: list[str] = []


@task
def seen(c):
    """Notes which host it runs on."""
    SEEN.append(getattr(c, "name", "no host"))


@fabric_task(hosts=["here", {"host": "other", "user": "bob"}])
def bound(c):
    """Has hosts of its own."""
    SEEN.append(f"{c.target.user}@{c.name}")


@pytest.fixture(autouse=True)
def no_input(monkeypatch):
    """Fabric reads standard input while a command runs, and pytest's refuses that."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def hosts_file(tmp_path, monkeypatch):
    """hosts_file(TEXT): the hosts file of the environment."""

    def write(text):
        path = tmp_path / "hosts.yml"
        path.write_text(text)
        monkeypatch.setenv("RAY_HOSTS_FILE", str(path))
        (tmp_path / "home/.ssh").mkdir(parents=True, exist_ok=True)
        (tmp_path / "home/.ssh/lab").touch()
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        return path

    return write


def reached(word):
    """What ``-H WORD`` means, as user@host:port with the name in front."""
    return [f"{t.name} {t.user}@{t.host}:{t.port}" for t in per_host.named(word.split(","))]


class TestMeaning:
    @pytest.mark.parametrize(
        ("word", "targets"),
        {
            "boss": ["boss alice@10.0.0.1:2222"],
            "BOSS": ["boss alice@10.0.0.1:2222"],
            "10.0.0.1": ["boss alice@10.0.0.1:2222"],
            "gpu*": ["gpu1 alice@10.0.1.1:None", "gpu2 alice@10.0.1.2:None"],
            "@all-gpus": ["gpu1 alice@10.0.1.1:None", "gpu2 alice@10.0.1.2:None"],
            "@all-gpus,boss,!gpu1": ["boss alice@10.0.0.1:2222", "gpu2 alice@10.0.1.2:None"],
            "gpu[1-2]": ["gpu1 alice@10.0.1.1:None", "gpu2 alice@10.0.1.2:None"],
            "gpu[2,1],boss": [
                "gpu2 alice@10.0.1.2:None",
                "gpu1 alice@10.0.1.1:None",
                "boss alice@10.0.0.1:2222",
            ],
            "gpu1,gpu*,10.0.1.1": ["gpu1 alice@10.0.1.1:None", "gpu2 alice@10.0.1.2:None"],
            "root@boss": ["boss root@10.0.0.1:2222"],
            "root@boss:22": ["boss root@10.0.0.1:22"],
            "fd00::7": ["fd00::7 alice@fd00::7:None"],
            "[fd00:0:0::7]:23": ["fd00::7 alice@fd00::7:23"],
            "elsewhere": ["elsewhere None@elsewhere:None"],
            "me@elsewhere:22": ["elsewhere me@elsewhere:22"],
            "10.9.9.[1-2]": ["10.9.9.1 None@10.9.9.1:None", "10.9.9.2 None@10.9.9.2:None"],
        }.items(),
    )
    def test_an_argument_reaches_the_expected_hosts(self, hosts_file, word, targets):
        hosts_file(HOSTS)
        assert reached(word) == targets

    @pytest.mark.parametrize(
        ("word", "names"),
        {"10.0.9.9": ["a", "b"], "10.0.9.9:22": ["a"], "10.0.9.9:2222": ["b"], "b": ["b"]}.items(),
    )
    def test_of_an_address_that_two_hosts_have(self, hosts_file, word, names):
        """As behind a router that forwards ports: each keeps its own user, key and password."""
        workers = "{host: 10.0.9.9, name: a}, {host: 10.0.9.9, port: 2222, name: b, user: bob}"
        hosts_file(f"head: localhost\nworkers: [{workers}]\n")
        targets = per_host.named([word])
        assert [target.name for target in targets] == names
        assert [target.user for target in targets if target.name == "b"] in ([], ["bob"])

    def test_everything_else_is_as_the_hosts_file_says(self, hosts_file):
        hosts_file(HOSTS)
        (boss,) = per_host.named(["root@boss"])
        assert Path(boss.key).expanduser() == Path("~/.ssh/lab").expanduser()
        assert boss.sudo_password.argument == "NOT_SET"
        (worker,) = per_host.named(["fd00::7"])
        assert worker.jump == ("bastion",)

    def test_without_a_hosts_file_as_plain_ssh(self, tmp_path, monkeypatch):
        monkeypatch.delenv("RAY_HOSTS_FILE", raising=False)
        monkeypatch.setattr(cli, "OWN", tmp_path / "my_hosts.yml")
        monkeypatch.setattr(cli, "SHIPPED", tmp_path / "hosts.yml")
        assert per_host.named(["me@elsewhere:22"]) == [Target("elsewhere", "elsewhere", user="me", port=22)]
        with pytest.raises(Exit, match=None) as end:
            per_host.named(["gpu*"])
        assert end.value.message.startswith("✗ -H gpu* needs a hosts file, and there is none\n  → fab init")

    @pytest.mark.parametrize(
        ("word", "message"),
        {
            "gup*": "-H gup*: no such host in ",
            "@gup": "-H @gup: unknown group",
            "label:zone=b": "-H label:zone=b: no host of ",
            "state:dwn": "-H state:dwn: there is no such state; did you mean down?",
            "boss,!10.9.9.9": "-H 10.9.9.9: no such host in ",
            "@failed": "-H @failed: no host failed in the last run",
            "-oProxyCommand=x": "-H -oProxyCommand=x: a host name cannot start with '-'",
            "a b": "-H a b: a host name cannot contain ' '",
            "boss:ssh": "-H boss:ssh: the port after ':' must be 1-65535",
            "me:secret@boss": "-H boss: an address cannot contain a password",
            "gpu[2-1]": "-H gpu[2-1]: the range [2-1] runs backwards",
        }.items(),
    )
    def test_of_what_is_no_host(self, hosts_file, run, word, message):
        hosts_file(HOSTS)
        done = run("-H", word, "--", "uptime")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"✗ {message}"), done.err

    def test_mistakes_in_the_hosts_file_are_reported_before_anything(self, hosts_file, run):
        path = hosts_file("head: {host: a, prot: 2}\nworkers: [b, b]\n")
        done = run("-H", "a", "--", "uptime")
        assert (done.status, done.out) == (2, "")
        assert [line.partition(": ")[0] for line in done.err.splitlines()] == [
            f"✗ {path}:1",
            f"✗ {path}:2",
        ]


class TestBareCommand:
    def test_is_a_line_for_the_shell_of_the_host(self, hosts_file, run):
        hosts_file(LOCAL)
        done = run("-H", "here", "--", "echo one; echo two | tr t T")
        assert done.status == 0, done.err
        assert done.out == "one\nTwo\n"

    def test_that_fails_is_a_line_and_the_status_1(self, hosts_file, run):
        hosts_file(LOCAL)
        done = run("-H", "here", "--", "exit 7")
        assert (done.status, done.out, done.err) == (1, "", "✗ here: exit 7 ended with status 7\n")

    def test_goes_on_with_the_next_host(self, hosts_file, run):
        hosts_file(LOCAL)
        done = run("-H", "no.such.host.invalid,here", "--", "echo reached")
        assert (done.status, done.out) == (1, "reached\n")
        assert done.err.startswith("✗ no.such.host.invalid: name no.such.host.invalid is not known")
        assert "Traceback" not in done.err

    def test_is_only_shown_in_a_dry_run(self, hosts_file, run, tmp_path):
        hosts_file(LOCAL)
        done = run("--dry", "-H", "here", "--", f"touch {tmp_path}/made")
        assert done.status == 0 and f"touch {tmp_path}/made" in done.out
        assert not (tmp_path / "made").exists()

    def test_ctrl_c_ends_it_with_130(self, hosts_file, tmp_path):
        hosts_file(LOCAL)
        program = [sys.executable, str(TOP / "tasks"), "-H", "here,here2.invalid", "--", "echo up; sleep 60"]
        with Terminal(program, columns=100) as terminal:
            terminal.wait_for("up")
            terminal.feed(CTRL_C)
            lines = terminal.wait_for("✗ interrupted")
            assert terminal.wait() == 130
        assert "here2" not in "\n".join(lines) and "Traceback" not in "\n".join(lines)


class TestOwnTask:
    @pytest.fixture
    def own(self, run, hosts_file):
        hosts_file(LOCAL)
        SEEN.clear()
        return lambda *arguments: run(*arguments, namespace=Collection(seen, bound))

    def test_runs_once_per_host_with_its_connection(self, own):
        assert own("-H", "here,other", "seen").status == 0
        assert SEEN == ["here", "other"]

    def test_runs_once_here_without_it(self, own):
        assert own("seen").status == 0
        assert SEEN == ["no host"]

    def test_is_followed_by_the_bare_command(self, own):
        done = own("-H", "here", "seen", "--", "echo after")
        assert (done.status, done.out, SEEN) == (0, "after\n", ["here"])

    def test_with_hosts_of_its_own(self, own):
        assert own("bound").status == 0
        assert SEEN == ["None@here", "bob@other"]

    def test_with_fabrics_flags_for_a_connection(self, hosts_file, run, tmp_path):
        made = []

        @task
        def look(c):
            made.append((c.target.key, c.target.connect_timeout))

        hosts_file(HOSTS)
        key = tmp_path / "key"
        assert run("-i", str(key), "-t", "3", "-H", "boss", "look", namespace=Collection(look)).status == 0
        assert made == [(str(key), 3.0)]
