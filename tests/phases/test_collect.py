"""fab collect: one whole file, of dead hosts too, with a diagnosis on top and no secret in it."""

from __future__ import annotations

import json
import tarfile

import pytest
from invoke import Exit

from tasks import cluster as clusters
from tasks import logs as tasks
from tests.phases.world import said, value


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def answers(world):
    def collect(script):
        texts = {
            "system:df": ["Filesystem 1K Used Avail Cap Mounted", "/dev/sda1 100 99 1 99% /data"],
            "file:session_1:raylet.out": ["token 5ecret and hunter2-x here", "worker said abc=../../etc"],
            "file:..:..:evil": ["x"],
        }
        return said([("clock", "0")], texts)

    for host in world.hosts.values():
        host.replies["measure the logs"] = said([("bytes", "2048")])
        host.replies["collect"] = collect
        host.replies["read logs"] = said(
            [], {"log:ray_process_exit.log": ["2026-01-02 03:04:05|  raylet [exit code=-9 (signal 9)]"]}
        )
        host.replies["read the history"] = said()


@pytest.fixture
def do(fleet, answers, capsys, tmp_path):
    def call(**flags):
        status = 0
        try:
            tasks.collect.body(
                None, hosts_file=str(fleet.path), **{"output": str(tmp_path / "out.tar.gz"), **flags}
            )
        except Exit as end:
            status = end.code
        return status, capsys.readouterr().out

    return call


def members(tmp_path) -> dict[str, str]:
    with tarfile.open(tmp_path / "out.tar.gz") as tar:
        return {one.name: tar.extractfile(one).read().decode() for one in tar}


def test_all_hosts_and_a_diagnosis_first(fleet, do, tmp_path):
    clusters.deploy_cluster.body(None, hosts_file=str(fleet.path))
    status, out = do()
    found = members(tmp_path)
    assert status == 0
    assert next(iter(found)) == "out/diagnosis.txt"
    assert found["out/diagnosis.txt"].splitlines()[:3] == [
        "3 of 3 hosts could be asked",
        "head: /data is 99 % full",
        "one: /data is 99 % full",
    ]
    assert "ended: 3 x on head, one, two, last 2026-01-02 03:04:05: raylet ended with -9" in out
    assert "6 KiB of logs are read from 3 hosts" in out
    assert json.loads(found["out/status.json"])["cluster"] == "lab"
    assert (tmp_path / "out.tar.gz").stat().st_mode & 0o777 == 0o600


def test_of_a_dead_host_what_the_others_know(fleet, world, do, tmp_path):
    clusters.deploy_cluster.body(None, hosts_file=str(fleet.path))
    world["two"].reachable = False
    status, _ = do()
    found = members(tmp_path)
    assert status == 1
    assert "unreachable: two: 10.0.0.3 port 22: timed out" in found["out/diagnosis.txt"]
    assert "'name': 'two'" in found["out/hosts/two/not-reached.txt"]
    assert "out/hosts/one/logs/session_1/raylet.out" in found


def test_of_a_cluster_of_which_nothing_answers(fleet, world, do, tmp_path):
    for host in world.hosts.values():
        host.reachable = False
    status, _ = do()
    assert status == 1
    assert members(tmp_path)["out/diagnosis.txt"].startswith("0 of 3 hosts could be asked\nunreachable: ")


def test_no_secret_is_in_it(fleet, world, do, tmp_path):
    fleet.write(fleet.path.read_text() + "ssh: {password: hunter2-x}\nray: {env: {PLAIN: value-of-plain}}\n")
    world["head"].replies["get the cluster's token"] = said([("token", "5ecret-of-the-cluster")])
    fleet.path.write_text(fleet.path.read_text() + "# 5ecret-of-the-cluster\n")
    do()
    text = "\n".join(members(tmp_path).values())
    for secret in ("hunter2-x", "value-of-plain", "5ecret-of-the-cluster"):
        assert secret not in text


def test_a_name_that_a_host_gives_leads_nowhere(do, tmp_path):
    do()
    assert all(".." not in name.split("/") and name.startswith("out/") for name in members(tmp_path))


def test_what_it_may_read_is_divided_among_the_hosts(fleet, world, do):
    asked = []
    for host in world.hosts.values():
        host.replies["measure the logs"] = lambda script: asked.append(value(script, "BUDGET")) or said()
    do(max_size="30mb")
    assert asked == [str(10 << 20)] * 3


def test_a_file_that_cannot_be_written_leaves_none(do, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "os.replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    status, out = do()
    assert status == 1 and "out.tar.gz cannot be written: No space left on device" in out
    assert [one.name for one in tmp_path.iterdir() if "out.tar" in one.name] == []


@pytest.mark.parametrize("flags", [{"output": None}, {"output": "/none/x.tgz"}, {"max_size": "much"}])
def test_a_wrong_flag_touches_no_host(do, world, flags):
    assert do(**flags)[0] == 2
    assert world.connections == []
