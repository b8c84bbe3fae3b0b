"""`fab doctor` on real hosts with real faults: firewalls in one direction, a slow line, a full disk, a clock."""

from __future__ import annotations

import json

import pytest

from tasks.report.doctor import Report
from tasks.testbed import kinds
from tests.lab.story import ok, sh

RESET = ("REJECT", "--reject-with", "tcp-reset")
# a stand-in for date: the kernel's clock is that of the machine, for all its hosts
LATE = '#!/bin/sh\n# a stand-in for date: five minutes ahead\nexec /bin/date -d "now + 300 seconds" "$@"\n'


@pytest.fixture(scope="module")
def trio(fresh_hosts):
    return fresh_hosts(3, flavour="docker")


@pytest.fixture(autouse=True)
def as_before(request):
    yield
    if "trio" in request.fixturenames:
        for host in request.getfixturevalue("trio"):
            kinds.inside(host, "iptables", "-F", "INPUT")
            kinds.inside(host, "iptables", "-F", "OUTPUT")
            host.must(
                "rm -f /usr/local/bin/date; tc qdisc del dev eth0 root 2>/dev/null; umount /tmp 2>/dev/null; true"
            )


def block(target, source, port: str, *what: str) -> None:
    """Closes ports of one host for another one only."""
    kinds.inside(
        target, "iptables", "-A", "INPUT", "-p", "tcp", "-s", source.address, "--dport", port, "-j", *what
    )


def examined(fab, path, *words: str, status: int | None = None, **more) -> Report:
    done = fab("doctor", "--json", *words, hosts_file=path, **more)
    assert done.stdout, done.stderr
    found = Report.model_validate(json.loads(done.stdout), strict=True)
    assert done.returncode == (status if status is not None else 0 if found.ok else 1), done.stderr
    return found


def of(found: Report, check: str, *results: str) -> dict[tuple[str, ...], str]:
    return {
        tuple(one.nodes): one.message
        for one in found.results
        if one.check == check and one.result in (results or ("warn", "fail"))
    }


def test_many_faults_at_once_are_told_apart(trio, fab, hosts_file):
    head, one, two = trio
    block(two, one, "10002:20005", "DROP")
    block(one, head, "20001", *RESET)
    kinds.slow_link([two])
    kinds.mounted("/tmp", "size=100m", full=98)([one])
    two.write_file("/usr/local/bin/date", LATE, 0o755)
    found = examined(fab, hosts_file(trio), status=1)
    assert of(found, "ports") == {
        (two.name,): f"{one.name} cannot reach {two.name}:10002,20000-20001: timed out, as by a firewall",
        (one.name,): f"{head.name} cannot reach {one.name}:20001: refused although something listens there, "
        "as by a firewall",
    }
    fixes = {tuple(one.nodes): one.fix for one in found.results if one.check == "ports" and one.fix}
    assert fixes[(two.name,)].startswith(
        f"sudo iptables -I INPUT -p tcp -s {one.address} -m multiport --dports "
    )
    slow = of(found, "bandwidth")
    assert list(slow) == [(two.name,)]
    assert slow[(two.name,)].startswith("sends at ")
    assert "+300 s from the median" in of(found, "clock")[(two.name,)]
    assert any("/tmp" in message for message in of(found, "disk").values())
    # as it stands, it opens what was closed
    sh(two, fixes[(two.name,)])
    closed = {
        (one.source, one.target)
        for one in examined(fab, hosts_file(trio)).connections
        if one.result == "timeout"
    }
    assert closed == set()


@pytest.mark.matrix
class TestMore:
    def test_good_hosts(self, trio, fab, hosts_file):
        found = examined(fab, hosts_file(trio), "--full", status=0)
        assert {tuple(sorted(one.nodes)) for one in found.results if one.check == "ports"} == {
            tuple(sorted(host.name for host in trio))
        }
        assert len(found.speeds) == 6
        for host in trio:
            assert sh(host, "grep -cE ':(4E20|4E21|2712) .* 0A ' /proc/net/tcp || true") == "0"
            assert sh(host, "ls -A /root/.rayfab 2>/dev/null || true") == ""

    @pytest.mark.parametrize(
        ("target", "words"),
        [(("DROP",), "timed out"), (RESET, "refused although"), (("REJECT",), "refused although")],
    )
    def test_workers_that_let_only_ssh_in(self, trio, fab, hosts_file, target, words):
        for host in trio[1:]:
            kinds.close(host, target)
        found = examined(fab, hosts_file(trio), status=1)
        (message,) = of(found, "ports").values()
        assert words in message
        assert f"cannot reach {trio[1].name[:-1]}[" in message

    def test_a_worker_that_may_not_send(self, trio, fab, hosts_file):
        """A firewall of the source, for what goes out."""
        one, two = trio[1:]
        rule = ("OUTPUT", "-d", two.address, "-p", "tcp", "--dport", "20000:20001", "-j", "DROP")
        kinds.inside(one, "iptables", "-A", *rule)
        found = examined(fab, hosts_file(trio), status=1)
        assert list(of(found, "ports").values()) == [
            f"{one.name} cannot reach {two.name}:20000-20001: timed out, as by a firewall"
        ]

    def test_the_table_and_the_way_out(self, trio, fab, hosts_file):
        kinds.close(trio[2])
        done = fab("doctor", hosts_file=hosts_file(trio))
        assert done.returncode == 1
        assert "sudo iptables -I INPUT" in done.stdout
        assert "1 failed, " in done.stdout

    def test_what_is_safe_is_repaired(self, trio, fab, hosts_file):
        host = trio[1]
        sh(host, 'cp /etc/hosts /root/hosts; sed "/$(uname -n)/d" /root/hosts >/etc/hosts')
        sh(host, "cp /etc/nsswitch.conf /root/; sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf")
        path = hosts_file(trio)
        try:
            assert (host.name,) in of(examined(fab, path), "name")
            found = examined(fab, path, "--fix")
            assert [(one.node, one.what, one.problem) for one in found.repairs if one.node == host.name] == [
                (host.name, "its name added to /etc/hosts", None)
            ]
            assert host.exec("getent hosts $(uname -n)").rc == 0
            assert not of(examined(fab, path), "name")
        finally:
            sh(host, "cat /root/hosts >/etc/hosts; cp /root/nsswitch.conf /etc/nsswitch.conf")

    def test_a_burn_in_and_nothing_left_of_it(self, trio, fab, hosts_file):
        done = fab("doctor", "--burn-in", "20s", "--json", hosts_file=hosts_file(trio), timeout=280)
        found = Report.model_validate(json.loads(done.stdout))
        assert done.returncode == 0, done.stdout
        parts = {(one.node, one.part) for one in found.burn_in}
        for host in trio:
            for part in ("cpu", "memory", "disk-write", "disk-read", "network-out", "network-in"):
                assert (host.name, part) in parts
            assert sh(host, "pgrep -c python3 || true") == "0"
        assert not any(one.errors for one in found.burn_in)

    def test_one_host_alone_is_loaded(self, trio, fab, hosts_file):
        done = fab(
            "doctor", "--burn-in", "20s", "--host", trio[1].name, hosts_file=hosts_file(trio), timeout=280
        )
        assert "there is no other host to compare it with" in ok(done)


@pytest.mark.matrix
def test_hosts_without_python_say_what_was_not_tried(fresh_hosts, fab, hosts_file):
    head, bare = *fresh_hosts(1, flavour="python"), *fresh_hosts(1, flavour="bare")
    found = examined(fab, hosts_file([head, bare]))
    assert "no Python to listen with" in of(found, "ports", "skip")[(bare.name,)]
    assert "no Python to measure with" in of(found, "bandwidth", "skip")[(bare.name,)]
    # without Python, bash dials
    tried = {(one.source, one.target): one.result for one in found.connections}
    assert tried[(bare.name, head.name)] == "open"
    done = fab("doctor", "--burn-in", "20s", "--host", bare.name, hosts_file=hosts_file([head, bare]))
    assert "there is no Python to load it with" in done.stdout
