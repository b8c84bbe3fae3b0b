"""Kinds of hosts as strangers have them: what each promises is so on real hosts."""

from __future__ import annotations

import re
import sys

import pytest

from tasks.testbed import kinds
from tasks.testbed.engine import ROOT
from tasks.testbed.kinds import KINDS
from tests.lab import hosts as helpers
from tests.lab.story import ok, sh, until
from tests.terminal import Terminal

REACH = "timeout 2 bash -c '</dev/tcp/{}/{}' 2>&1"


@pytest.fixture(scope="module")
def pair(fresh_hosts):
    return fresh_hosts(2, flavour="python")


def knock(host, address, port):
    """'' if a connection from the host opens; else what was said, nothing if there was no answer."""
    code, out, _ = host.exec(REACH.format(address, port))
    return "" if code == 0 else out.strip() or "no answer"


def listens(host, port):
    sh(host, f"systemd-run -q --unit on-{port} python3 -m http.server {port}")
    until(lambda: knock(host, "127.0.0.1", port) == "", 20, pause=0.2)


class TestOnOnePairOfHosts:
    """In the order of the file: the last ones close the hosts."""

    @pytest.mark.parametrize(
        ("kind", "question", "answer"),
        [
            ("same-address", "ip -o -4 addr show enp0s3 | grep -o '10[.][0-9.]*/'", "10.0.2.15/"),
            ("small-shm", "df -Pm /dev/shm | awk 'END { print $2 }'", "64"),
            ("small-tmp", "df -P /tmp | awk 'END { print $5 }'", "98%"),
            (
                "noexec-tmp",
                "cp /bin/true /tmp/x && /tmp/x 2>&1 || echo no",
                "sh: 1: /tmp/x: Permission denied\nno",
            ),
            ("other-users-ray", "stat -c '%U %a' /tmp/ray", "mallory 777"),
            ("few-processes", "grep -c alice /etc/security/limits.d/few.conf", "2"),
            ("sudo-password", f"echo '{kinds.PASSWORD}' | runuser -u bob -- sudo -S -p '' id -u", "0"),
            ("dead-dns", "cat /etc/resolv.conf", "nameserver 198.51.100.1"),
            ("slow-link", "tc qdisc show dev eth0 | grep -o 'rate 20Mbit'", "rate 20Mbit"),
        ],
    )
    def test_each_is_as_described(self, pair, kind, question, answer):
        KINDS[kind].prepare(pair)
        assert [sh(host, question) for host in pair] == [answer, answer]

    def test_a_vpn_gives_each_an_address_of_its_own(self, pair):
        KINDS["vpn"].prepare(pair)
        found = [sh(host, "ip -o -4 addr show tun0 | grep -o '10[.]8[0-9.]*/'") for host in pair]
        assert found == ["10.8.0.2/", "10.8.0.3/"]

    def test_a_server_with_one_algorithm(self, pair):
        KINDS["one-algorithm"].prepare(pair)
        assert ok(helpers.ssh(pair[0], "echo in")) == "in\n"
        offered = sh(pair[0], "sshd -T | grep -E '^(ciphers|kexalgorithms) '").splitlines()
        assert [line.split()[1].count(",") for line in offered] == [0, 0]

    def test_firewalls_of_workers(self, pair):
        head, worker = pair
        for host in pair:
            listens(host, 20000)
        assert (knock(head, worker.address, 20000), knock(worker, head.address, 20000)) == ("", "")
        KINDS["firewalled"].prepare(pair)
        assert knock(head, worker.address, 20000) == "no answer"
        assert (knock(head, worker.address, 22), knock(worker, head.address, 20000)) == ("", "")
        kinds.inside(worker, "iptables", "-F", "INPUT")
        KINDS["rejecting"].prepare(pair)
        assert "refused" in knock(head, worker.address, 20000)
        assert (knock(head, worker.address, 22), knock(worker, head.address, 20000)) == ("", "")

    def test_start_up_files_that_talk(self, pair):
        KINDS["talkative"].prepare(pair)
        done = helpers.ssh(pair[0], "echo in")
        assert done.stdout == "good morning\nin\n" and "+ echo in" in done.stderr

    def test_root_who_may_not_log_in(self, pair):
        KINDS["nologin-root"].prepare(pair)
        assert "login as the user debian" in helpers.ssh(pair[0], "echo in").stdout
        assert ok(helpers.ssh(pair[0], "sudo -n id -u", user="debian")) == "0\n"


@pytest.fixture
def booted(lab):
    """booted("nat"): a head and a worker of that kind."""
    made = []

    def boot(kind):
        made.extend(lab.add_kind(kind, [None, None], "python"))
        return made[-2:]

    yield boot
    for host in made:
        lab.remove_host(host)


def test_nat_lets_nothing_in(booted):
    head, worker = booted("nat")
    assert worker.kind == "nat"
    for host in (head, worker):
        listens(host, 20000)
    assert (knock(worker, head.address, 20000), knock(head, worker.address, 20000)) == ("", "no answer")
    assert ok(helpers.ssh(worker, "hostname")) == f"{worker.name}\n"


def test_a_home_is_shared_by_all(booted):
    hosts = booted("shared-home")
    ok(helpers.ssh(hosts[0], "echo hello >there", user="alice"))
    assert ok(helpers.ssh(hosts[1], "cat there; sudo -n id -u", user="alice")) == "hello\n0\n"
    assert {host.kind for host in hosts} == {"shared-home"}


def questions(lines):
    return re.findall(r"root@([\d.]+):22: Verification code:", "\n".join(lines))


def test_a_code_after_the_key_is_asked_for_and_typed(booted, hosts_file, tmp_path):
    """As on a university's gateway: the real PAM module of Google Authenticator."""
    hosts = booted("code")
    argv = [sys.executable, "-m", "fabric", "check", "--hosts-file", hosts_file(hosts)]
    with Terminal(argv, cwd=ROOT, env={"HOME": str(tmp_path / "home")}, columns=120) as person:
        asked: list[str] = []
        for _ in hosts:
            # one at a time, each in the place of the one before
            lines = person.wait_until(lambda lines, known=tuple(asked): set(questions(lines)) - set(known))
            asked += set(questions(lines)) - set(asked)
            person.feed(f"{kinds.CODES[0]}\r")
        person.wait_for("2 hosts ready for deploy-cluster", timeout=60)
        assert person.wait() == 0
        assert kinds.CODES[0] not in person.raw
