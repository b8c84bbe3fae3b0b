"""Firewalls, a head that hangs, and nodes that start over: found before a start, and never called healthy."""

from __future__ import annotations

import pytest

from tasks.testbed import kinds
from tests.lab.story import ok, sh, status, until


def opened_again(host) -> None:
    kinds.inside(host, "iptables", "-F", "INPUT")


@pytest.fixture(scope="module")
def trio(fresh_hosts):
    return fresh_hosts(3, flavour="python")


@pytest.fixture(autouse=True)
def opened(trio):
    yield
    for host in trio:
        opened_again(host)


def problem_of(said: dict, name: str) -> str:
    return next(node["problem"] for node in said["nodes"] if node["name"] == name) or ""


class TestBeforeTheStart:
    def test_open_ports_are_tried_by_check_in_every_direction(self, trio, fab, hosts_file):
        assert "3 hosts ready for deploy-cluster" in ok(fab("check", hosts_file=hosts_file(trio)))
        for host in trio:
            assert sh(host, "grep -cE ':(4E20|4E21|2712) .* 0A ' /proc/net/tcp || true") == "0"

    def test_a_worker_that_lets_only_ssh_in(self, trio, fab, hosts_file):
        """As ufw does by default: nothing is started on it, and the others run."""
        kinds.close(trio[2])
        done = fab("deploy-cluster", hosts_file=hosts_file(trio))
        assert done.returncode == 1
        name, address = trio[2].name, trio[2].address
        assert (
            f"the head cannot reach {name} at {address}, ports 10002, 20000, 20001: timed out" in done.stdout
        )
        assert "20000,20001" in done.stdout
        assert "2 of 3 hosts run Ray" in done.stdout
        assert trio[2].exec("test -e /root/.rayfab/test/state.json").rc != 0
        assert ", last lines:" not in done.stdout

    def test_ports_that_are_rejected_although_somebody_listens(self, trio, fab, hosts_file):
        kinds.close(trio[2], ("REJECT", "--reject-with", "tcp-reset"), ports="20000:20001")
        done = fab("check", hosts_file=hosts_file(trio))
        assert done.returncode == 1
        refused = f"ports 20000, 20001: refused although {trio[2].name} listens there"
        assert refused in done.stdout
        assert "ready for deploy-cluster" not in done.stdout

    def test_one_worker_that_drops_what_another_one_sends(self, trio, fab, hosts_file):
        rule = ("-p", "tcp", "-s", trio[1].address, "--dport", "10002:20005", "-j", "DROP")
        kinds.inside(trio[2], "iptables", "-A", "INPUT", *rule)
        ok(fab("stop", hosts_file=hosts_file(trio), timeout=120))
        done = fab("check", hosts_file=hosts_file(trio))
        assert done.returncode == 1
        assert f"{trio[1].name} cannot reach {trio[2].name} at {trio[2].address}, ports" in done.stdout
        assert "the head cannot reach" not in done.stdout


class TestARunningCluster:
    def test_stays_healthy_after_a_deploy_and_a_start_of_a_node(self, trio, fab, hosts_file):
        path = hosts_file(trio[:2])
        ok(fab("deploy-cluster", hosts_file=path))
        assert status(fab, path)["healthy"]
        sh(trio[1], "systemctl restart rayfab-test")
        # a node that has just started must run a task first, or outlive the minute after which Ray notices
        until(lambda: status(fab, path)["healthy"], 90)

    def test_a_gcs_that_hangs_is_reported(self, trio, fab, hosts_file):
        path = hosts_file(trio[:2])
        sh(trio[0], "pkill -STOP gcs_server")
        try:
            said = status(fab, path)
        finally:
            sh(trio[0], "pkill -CONT gcs_server")
        assert problem_of(said, trio[0].name) == "the head's GCS does not answer"

    def test_a_worker_that_the_head_can_no_longer_reach_is_not_healthy(self, trio, fab, hosts_file):
        """It starts again behind a firewall that came later: Ray counts it as alive, and it runs no task."""
        path = hosts_file(trio[:2])
        kinds.close(trio[1])
        sh(trio[1], "systemctl restart rayfab-test")
        until(lambda: sh(trio[1], "pgrep -c raylet || true") != "0", 30)
        for _ in range(3):
            said = status(fab, path)
            assert not said["healthy"]
            assert problem_of(said, trio[1].name)
